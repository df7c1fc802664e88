"""That amounts hang together, before and after payment, discount and credit; and that `settled` turns with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import SkipTest

from ...host import Host, Invoice
from ...money import Money
from .bench import Bench
from .checks import check
from .effects import Effects, part
from .hints import why_not_due
from .reading import ReadingChecks


def add_up(bench: Bench, value: Invoice, *, credit: Money | None = None, discount: Money | None = None) -> None:
    """An open invoice is due with what is neither paid nor covered by credit, all in one currency, nothing negative."""
    none = Money.zero(value.currency)
    on_it = (credit or none) if value.credit is None else value.credit
    name = f"{bench.host_name}.invoice"
    assert on_it.currency == value.currency, (
        f"{name}: credit is in {on_it.currency}, and the invoice in {value.currency}"
    )
    for field in ("subtotal", "total", "due", "paid"):
        amount = getattr(value, field)
        assert amount.minor >= 0, f"{name}: {field} is {amount}, below zero"
    left = max(none, value.total - value.paid - on_it)
    assert value.due == left, (
        f"{name}: due is {value.due}, but total - paid - credit is {left};"
        f" {why_not_due(value, on_it, discount or none)}"
    )


class AmountChecks(ReadingChecks):
    """What the values of an invoice say, and what becomes of them by the host's own functions and by our effects."""

    @check(ReadingChecks.test_invoices_are_read)
    def test_amounts_add_up(self) -> None:
        """What is due is the total less what is paid, in money and in credit, and all is in one currency."""
        bench = self.bench
        add_up(bench, bench.new_invoice(bench.new_client("Kiera")))

    @check(test_amounts_add_up)
    def test_payment_settles(self) -> None:
        """A paid invoice is settled, nothing is due, and `paid` is all of its total; its other amounts stay."""
        bench = self.bench
        before = bench.new_invoice(bench.new_client("Kiera"))
        after = bench.act("pay", before)
        name, act = f"{bench.host_name}.invoice", f"{bench.suite}.pay"
        assert after.settled, f"{name}: settled is False after {act}, and {after.due} are due: it is your word for paid"
        assert not after.void, f"{name}: void is True after {act}"
        assert not after.due, f"{name}: due is {after.due} after {act}, and it is settled"
        assert (after.subtotal, after.total) == (before.subtotal, before.total), (
            f"{name}: subtotal and total were {before.subtotal} and {before.total}, and are {after.subtotal} and"
            f" {after.total} after {act}: only paid and due change with a payment"
        )
        covered = after.paid if after.credit is None else after.paid + after.credit
        assert covered >= after.total, f"{name}: paid is {after.paid} after {act}, and the total is {after.total}"

    @check(test_payment_settles)
    def test_who_has_paid_is_known(self) -> None:
        """`Host.has_paid_invoice` is False before the first payment, and True after it, for this client alone."""
        bench = self.bench
        one, other = bench.new_client("Jane"), bench.new_client("Kiera")
        invoice = bench.new_invoice(one)
        name = f"{bench.host_name}.has_paid_invoice"
        for client, paid in ((one, False), (one, True), (other, False)):
            if paid:
                bench.act("pay", invoice)
            with bench.inside():
                said = bench.ask("has_paid_invoice", client)
            who = "whose invoice is settled" if paid else "who has paid nothing"
            assert bool(said) is paid, f"{name} says {said!r} of a client {who}"

    @check(test_payment_settles, needs=("undo_payment",))
    def test_an_undone_payment_unsettles(self) -> None:
        """When all of a payment is taken back, `settled` is False again, and `paid` is what stayed."""
        bench = self.bench
        paid = bench.act("pay", bench.new_invoice(bench.new_client("Kiera")))
        after = bench.act("undo_payment", paid)
        name, act = f"{bench.host_name}.invoice", f"{bench.suite}.undo_payment"
        assert not after.settled, f"{name}: settled is still True after {act}"
        assert after.paid < paid.paid, f"{name}: paid is still {after.paid} after {act}; it is the money that stays"

    @check(test_payment_settles, needs=("refund_part",))
    def test_a_partial_refund_leaves_it_settled(self) -> None:
        """When a part of the money goes back, `settled` stays True, and `paid` is what stayed."""
        bench = self.bench
        paid = bench.act("pay", bench.new_invoice(bench.new_client("Kiera")))
        after = bench.act("refund_part", paid)
        name, act = f"{bench.host_name}.invoice", f"{bench.suite}.refund_part"
        assert after.paid < paid.paid, f"{name}: paid is still {after.paid} after {act}; it is the money that stays"
        assert after.paid, f"{bench.suite}.refund_part gives all of the money back, and is to give a part"
        assert after.settled, f"{name}: settled is False after {act}; only a full refund undoes a payment"

    @check(ReadingChecks.test_invoices_are_read, needs=("void",))
    def test_a_void_invoice_says_so(self) -> None:
        """A cancelled invoice stays an invoice, with `void` True."""
        bench = self.bench
        after = bench.act("void", bench.new_invoice(bench.new_client("Kiera")))
        assert after.void, f"{bench.host_name}.invoice: void is False after {bench.suite}.void"

    @check(ReadingChecks.test_invoices_are_read, needs=("delete",))
    def test_a_deleted_invoice_is_gone(self) -> None:
        """`Host.find_invoice` gives None for a deleted invoice."""
        bench = self.bench
        invoice = bench.new_invoice(bench.new_client("Kiera"))
        bench.delete(invoice)
        with bench.inside():
            found = bench.ask("find_invoice", invoice.org, invoice.id)
            assert found is None, f"{bench.host_name}.find_invoice gives {found!r} after {bench.suite}.delete"

    @check(ReadingChecks.test_clients_are_read, needs=("new_draft",))
    def test_a_draft_is_no_invoice(self) -> None:
        """`Host.invoice` gives None for a draft, so that nothing is promised on it."""
        bench = self.bench
        value = bench.new_draft(bench.new_client("Kiera"))
        assert value is None, f"{bench.host_name}.invoice gives {value} for what {bench.suite}.new_draft made, not None"

    @check(test_amounts_add_up)
    def test_a_discount_lowers_the_total(self) -> None:
        """`Host.apply_discount` lowers total and due, before tax, in place of what was there; zero takes it off."""
        bench = self.bench
        if type(bench.host).apply_discount is Host.apply_discount:
            raise SkipTest(
                f"{bench.host_name}.apply_discount is not written, so that discounts reach only the invoices that your"
                " app builds with `referrals.quote(client, subtotal)`"
            )
        with self._effects("apply_discount") as on:
            before, name = on.before, f"{bench.host_name}.apply_discount"
            asked = part(before.subtotal, 10)
            after, off = on.put(asked), on.given
            assert off.currency == asked.currency, f"{name} gave {off}, and the invoice is in {asked.currency}"
            assert 0 <= off.minor <= asked.minor, f"{name} gave {off}, and was asked for {asked}: it may give less only"
            assert after.subtotal == before.subtotal, (
                f"{bench.host_name}.invoice: subtotal was {before.subtotal}, and is {after.subtotal} with a discount of"
                f" {off}; it is the price before our discount"
            )
            add_up(bench, after, discount=off)
            less = before.total - after.total
            assert less or not off, (
                f"{name}: total is {after.total} before and after a discount of {off}; put it on the invoice"
            )
            assert off <= less <= off + off, f"{name}: a discount of {off} lowers the total by {less}"
            taxed = before.total.minor * off.minor // before.subtotal.minor
            assert taxed - off.minor < 2 or less > off, (
                f"{name}: a discount of {off} lowers the total by {less}, and the tax stays; take it off before tax"
            )
            on.is_replaced(after, asked, lambda value: value.total)

    @check(test_amounts_add_up)
    def test_credit_lowers_what_is_due(self) -> None:
        """`Host.apply_credit` lowers what is due and no other amount, in place of what was there; zero takes it off."""
        bench = self.bench
        with self._effects("apply_credit") as on:
            before, name = on.before, f"{bench.host_name}.apply_credit"
            credit = part(before.due, 50)
            after = on.put(credit)
            assert (after.subtotal, after.total) == (before.subtotal, before.total), (
                f"{name}: total was {before.total}, and is {after.total} with a credit of {credit};"
                " credit is a way of paying, and no discount"
            )
            assert after.paid == before.paid, (
                f"{bench.host_name}.invoice: paid is {after.paid} with a credit of {credit}"
            )
            assert after.credit in (None, credit), (
                f"{bench.host_name}.invoice: credit is {after.credit} with a credit of {credit} on it"
            )
            assert after.due != before.due or after.credit, (
                f"{name}: due is {after.due} before and after a credit of {credit}; count it as paid"
            )
            add_up(bench, after, credit=credit)
            on.is_replaced(after, credit, lambda value: value.due)

    @contextmanager
    def _effects(self, method: str) -> Iterator[Effects]:
        bench = self.bench
        invoice = bench.new_invoice(bench.new_client("Liam"))
        with bench.inside():
            yield Effects(bench, method, invoice)
