"""That the loop closes: what is told twice changes nothing, credit is spent, and the books agree with the host's."""

from __future__ import annotations

from ...adapters.reconcile import reconcile
from ...money import Money
from .checks import check
from .functions import is_written
from .telling import TellingChecks


class LoopingChecks(TellingChecks):
    """What comes after the reward."""

    @check(TellingChecks.test_a_payment_is_told)
    def test_a_settled_invoice_keeps_its_amounts(self) -> None:
        """What is told of a paid invoice once more, or late, changes none of its amounts and no reward."""
        bench = self.bench
        pair = self.pair()
        paid = bench.act("pay", bench.new_invoice(pair.referee))
        reward = self.reward(pair, paid)
        for verb in ("invoice_created", "invoice_changed", "invoice_paid"):
            with bench.inside():
                getattr(bench.referrals, verb)(bench.invoice_record(paid))
                bench.state.session().commit()
            bench.complain("pay")
            after = bench.look(paid, after="pay")
            assert after == paid, (
                f"{bench.host_name}.invoice says {after} after referrals.{verb} of a paid invoice, and said {paid}"
                " before: nothing of ours touches a paid one"
            )
            assert self.reward(pair, paid) == reward

    @check(TellingChecks.test_a_payment_is_told)
    def test_credit_is_spent(self) -> None:
        """Credit on an open invoice lowers what is paid in money, and is spent by the payment."""
        bench = self.bench
        pair = self.pair()
        earned = self.reward(pair, bench.act("pay", bench.new_invoice(pair.referee)))
        before = bench.new_invoice(pair.referrer)
        with bench.inside():
            outcome = bench.referrals.use_credit(bench.invoice_record(before))
            bench.state.session().commit()
        assert outcome.ok, f"credit of {earned} cannot be used on an invoice over {before.due}: {outcome.message}"
        used = outcome.amount or Money.zero(before.currency)
        held = bench.look(before, after="new_invoice")
        assert held.due == before.due - used, (
            f"{bench.host_name}.apply_credit was called with {used}, and {held.due} of {before.due} are due after the"
            " commit"
        )
        paid = bench.act("pay", held)
        assert paid.credit in (None, used), (
            f"{bench.host_name}.invoice: credit is {paid.credit} after {bench.suite}.pay, and {used} were used"
        )
        assert paid.paid == held.paid + held.due, (
            f"{bench.host_name}.invoice: paid is {paid.paid} after {bench.suite}.pay, and {held.due} were due beside"
            " the credit: paid is money alone"
        )
        left = bench.credit(pair.referrer, before.currency)
        assert left == earned - used, f"{left} of {earned} are left after {used} were spent"

    @check(
        TellingChecks.test_a_new_invoice_is_told,
        TellingChecks.test_paid_again_is_told,
        TellingChecks.test_a_client_s_invoices_are_listed,
        test_credit_is_spent,
    )
    def test_nothing_is_left_to_reconcile(self) -> None:
        """After the whole loop our books agree with the host's own invoices."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.act("pay", bench.new_invoice(pair.referee))
        if is_written(self, "undo_payment"):
            invoice = bench.act("undo_payment", invoice)
            bench.act("pay", invoice if invoice.due else bench.new_invoice(pair.referee))
        mine = bench.new_invoice(pair.referrer)
        with bench.inside():
            bench.referrals.use_credit(bench.invoice_record(mine))
            bench.state.session().commit()
        bench.act("pay", mine)
        with bench.inside():
            found = list(reconcile(bench.state, bench.org, clients=(mine.client_id, invoice.client_id)))
        told = "; ".join(f"{one.level}: {one.kind} {one.amount or ''} on invoice {one.invoice_id}" for one in found)
        assert not found, (
            f"after a loop by {bench.suite}, `flask referrals reconcile` finds: {told}. What {bench.host_name}.invoice"
            " says now is not what it said when we were told"
        )
