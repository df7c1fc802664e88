"""That the host's functions tell us: the loop from a code to the reward and back, by the host's own hands."""

from __future__ import annotations

from dataclasses import dataclass
from unittest import SkipTest

from ...host import Client, Host, Invoice
from ...money import Money
from .amounts import AmountChecks
from .checks import check
from .effects import Effects
from .hints import CODES, PARTS, why_refused
from .opening import DISCOUNT


@dataclass(frozen=True, slots=True)
class Pair:
    """A referrer, and a new client who typed its code."""

    referrer: Client
    referee: Client


class TellingChecks(AmountChecks):
    """Each fact that we have to hear of, told by what the host's suite does."""

    def pair(self) -> Pair:
        """Jane, and Kiera who came by her code."""
        jane = self.bench.new_client("Jane")
        return Pair(jane, self.bench.new_client("Kiera", self.bench.code(jane)))

    def reward(self, pair: Pair, invoice: Invoice) -> Money:
        """What the referrer has by now."""
        return self.bench.credit(pair.referrer, invoice.currency)

    def discounts(self, pair: Pair, invoice: Invoice) -> list[tuple[str, Money | None]]:
        """What we did about a discount on this invoice, oldest first."""
        lines = self.bench.log(pair.referee)
        wanted = ("discount_applied", "discount_released")
        return [(line.kind, line.amount) for line in lines if line.invoice_id == invoice.id and line.kind in wanted]

    @check(
        AmountChecks.test_who_has_paid_is_known,
        AmountChecks.test_a_discount_lowers_the_total,
        AmountChecks.test_credit_lowers_what_is_due,
    )
    def test_our_work_is_committed(self) -> None:
        """What we do for a registration, an invoice and a payment is in a commit, and nothing of it fails."""
        invoice = self.bench.new_invoice(self.pair().referee)
        self.bench.act("pay", invoice)

    @check(test_our_work_is_committed)
    def test_a_code_is_handed_on(self) -> None:
        """A code that is typed at registration binds the new client to its owner."""
        bench = self.bench
        pair = self.pair()
        with bench.inside():
            line = bench.referrals.referral_of(pair.referee)
        if line is not None:
            assert line.referrer_id == pair.referrer.id
            return
        refused = [one.data.get("reason") for one in bench.log(pair.referee) if one.kind == "attribution_refused"]
        raise AssertionError(
            why_refused(bench.suite, bench.host_name, str(refused[0]))
            if refused
            else f"{bench.suite}.new_client was given a code, and we never heard of it: "
            + bench.how("client_registered(client, code=code)", "where clients register", CODES)
        )

    @check(test_a_code_is_handed_on)
    def test_a_new_invoice_is_told(self) -> None:
        """The first invoice of somebody who came by a code has the discount, without a further word."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.new_invoice(pair.referee)
        self._has_discount(pair, invoice, f"{bench.suite}.new_invoice", "invoice_created", "where one is made")
        if type(bench.host).apply_discount is Host.apply_discount:
            other = bench.new_invoice(bench.new_client("Liam"))
            if other.subtotal == invoice.subtotal and other.total <= invoice.total:
                raise SkipTest(
                    f"write {bench.host_name}.apply_discount, or build invoices with `referrals.quote(…)`,"
                    " if you promise a discount: none is on the invoice"
                )

    @check(test_a_new_invoice_is_told, needs=("change_amount",))
    def test_a_change_is_told(self) -> None:
        """The discount is worked out again when an unpaid invoice is changed."""
        bench = self.bench
        pair = self.pair()
        before = bench.new_invoice(pair.referee)
        earlier = len(self.discounts(pair, before))
        after = bench.act("change_amount", before)
        assert after.subtotal > before.subtotal, (
            f"{bench.suite}.change_amount makes a subtotal of {after.subtotal} out of {before.subtotal}: let it be more"
        )
        act = f"{bench.suite}.change_amount"
        self._has_discount(pair, after, act, "invoice_changed", "where an invoice is changed", earlier)

    def _has_discount(self, pair: Pair, invoice: Invoice, act: str, verb: str, where: str, earlier: int = 0) -> None:
        bench, wanted = self.bench, invoice.subtotal.percent(DISCOUNT)
        known = self.discounts(pair, invoice)
        assert len(known) > earlier, (
            f"{act}: the discount on {invoice.subtotal} is {wanted}, and we"
            f" {f'last worked out {known[-1][1]}' if known else 'were not told of any invoice'}: "
            + bench.how(f"{verb}(invoice)", where, PARTS)
        )
        if type(bench.host).apply_discount is Host.apply_discount:
            return
        with bench.inside():
            without = Effects(bench, "apply_discount", invoice).put(Money.zero(invoice.currency))
        assert without.total > invoice.total, (
            f"{act}: {bench.host_name}.apply_discount was called with {wanted}, and the invoice does not have it in the"
            f" end: does something write over it after referrals.{verb}?"
        )

    @check(test_a_code_is_handed_on, AmountChecks.test_payment_settles)
    def test_a_payment_is_told(self) -> None:
        """The payment of the first invoice earns the referrer its reward, in the commit of the payment."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.act("pay", bench.new_invoice(pair.referee))
        assert self.reward(pair, invoice), (
            f"{bench.suite}.pay: the invoice is settled, and no reward came of it: "
            + bench.how("invoice_paid(invoice)", "when it is booked as paid", PARTS)
        )

    @check(AmountChecks.test_an_undone_payment_unsettles, test_a_payment_is_told, needs=("undo_payment",))
    def test_an_undone_payment_is_told(self) -> None:
        """When the payment is taken back, so is the reward."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.act("undo_payment", bench.act("pay", bench.new_invoice(pair.referee)))
        left = self.reward(pair, invoice)
        assert not left, f"{bench.suite}.undo_payment: the reward of {left} is still there: " + bench.how(
            "invoice_refunded(invoice)", "when the money is booked as gone", PARTS
        )

    @check(test_an_undone_payment_is_told, needs=("undo_payment",))
    def test_paid_again_is_told(self) -> None:
        """When it is paid after all, or the next invoice is, the reward is there again."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.act("undo_payment", bench.act("pay", bench.new_invoice(pair.referee)))
        again = bench.act("pay", invoice if invoice.due else bench.new_invoice(pair.referee))
        assert self.reward(pair, again), (
            f"{bench.suite}.pay: no reward came of a payment after {bench.suite}.undo_payment: "
            + bench.how("invoice_paid(invoice)", "for every payment", PARTS)
        )

    @check(AmountChecks.test_a_partial_refund_leaves_it_settled, test_a_payment_is_told, needs=("refund_part",))
    def test_a_partial_refund_is_told(self) -> None:
        """A percentage reward loses its part."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.act("pay", bench.new_invoice(pair.referee))
        before = self.reward(pair, invoice)
        bench.act("refund_part", invoice)
        left = self.reward(pair, invoice)
        assert left < before, f"{bench.suite}.refund_part: the reward is still {left}: " + bench.how(
            "invoice_refunded(invoice)", "when a part is booked as gone", PARTS
        )

    @check(AmountChecks.test_a_void_invoice_says_so, test_a_new_invoice_is_told, needs=("void",))
    def test_a_void_is_told(self) -> None:
        """A cancelled invoice frees the discount for the next."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.act("void", bench.new_invoice(pair.referee))
        self._is_free(pair, invoice, "void", "when it is booked as void")

    @check(AmountChecks.test_a_deleted_invoice_is_gone, test_a_void_is_told, needs=("delete",))
    def test_a_deletion_is_told(self) -> None:
        """A deleted invoice frees the discount for the next."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.new_invoice(pair.referee)
        bench.delete(invoice)
        self._is_free(pair, invoice, "delete", "when it is marked as void, before you delete it")

    def _is_free(self, pair: Pair, invoice: Invoice, function: str, when: str) -> None:
        bench = self.bench
        last = self.discounts(pair, invoice)[-1][0]
        assert last == "discount_released", (
            f"{bench.suite}.{function}: the discount is still kept for that invoice: "
            + bench.how("invoice_voided(invoice)", when, PARTS)
        )
