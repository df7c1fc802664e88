"""Our effects on an invoice, tried in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ...host import Invoice
from ...money import Money
from .bench import Bench
from .hints import said


def part(amount: Money, percent: int) -> Money:
    """That part of an amount, at least one minor unit."""
    return max(amount.percent(Decimal(percent)), Money(1, amount.currency))


class Effects:
    """One of `Host.apply_discount` and `Host.apply_credit` on one invoice; needs an app context."""

    def __init__(self, bench: Bench, method: str, invoice: Invoice) -> None:
        self.bench = bench
        self.method = method
        self.before = invoice
        #: What the Host gave of the last amount: all of it, where it does not say.
        self.given = Money.zero(invoice.currency)

    def put(self, amount: Money) -> Invoice:
        """Have the amount put on it; the invoice as it is then read from the database."""
        bench, session = self.bench, self.bench.state.session()
        record = bench.invoice_record(self.before)
        given = bench.ask(self.method, record, amount)
        self.given = given if isinstance(given, Money) else amount
        try:
            session.flush()
        except Exception as error:
            name = f"{bench.host_name}.{self.method}"
            raise AssertionError(f"{name}({amount}) cannot be written: {said(error)}") from error
        session.expire_all()
        found = bench.read_invoice(bench.invoice_record(self.before))
        if found is None:
            raise AssertionError(f"{bench.host_name}.invoice gives None after {self.method}: it is an invoice still")
        return found

    def is_replaced(self, once: Invoice, same: Money, figure: Callable[[Invoice], Money]) -> None:
        """The same amount once more changes nothing, half of it comes in its place, zero takes it off.

        `once` is the invoice with that amount on it, `figure` the sum that it lowers.
        """
        name = f"{self.bench.host_name}.{self.method}"
        twice = self.put(same)
        assert figure(twice) == figure(once), (
            f"{name}: the same {same} once more makes {figure(twice)} out of {figure(once)};"
            " put it in place of what was there"
        )
        whole, half = self.given, part(same, 50)
        fewer = self.put(half)
        assert figure(once) < figure(fewer) < figure(self.before) or not 0 < self.given.minor < whole.minor, (
            f"{name}: {half} in place of {same} makes {figure(fewer)} out of {figure(once)};"
            " put it in place of what was there"
        )
        none = self.put(Money.zero(same.currency))
        assert figure(none) == figure(self.before), (
            f"{name}: zero leaves {figure(none)} of {figure(self.before)}; it takes off what was there"
        )
