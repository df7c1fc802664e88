"""Random events of a host, repeated and out of order: after each step the books agree with the host's own records."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from sqlalchemy import select
from sqlalchemy.pool import StaticPool

from flask_referrals import Money
from flask_referrals.testing import FrozenClock
from tests.minihost import ClientRow, InvoiceRow, create_app, db
from tests.worlds import World

REWARD = 5000
MIN_PAID = 2000


class Events(RuleBasedStateMachine):
    """A host that pays, refunds, voids, repeats and spends in any order; the model is the host's own two tables."""

    clients = Bundle("clients")
    invoices = Bundle("invoices")

    @initialize(target=clients)
    def start(self) -> Any:
        """A fresh database in memory, a program that is on, and Jane, who has earned something to spend."""
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        clock = FrozenClock()
        app = create_app("sqlite://", clock, REFERRALS_STRICT=True, SQLALCHEMY_ENGINE_OPTIONS=options)
        self.context = app.app_context()
        self.context.push()
        db.create_all()
        self.world = World(app, clock)
        self.world.referrals.create_all()
        self.world.terms(min_paid="20.00", discount={"percent": "10"})
        jane = self.world.client("Jane Smith", email=None)
        kiera = self.world.client("Kiera Lopez", self.world.code(jane), email=None)
        self.world.pay(self.world.invoice(kiera, 9000))
        return multiple(jane, kiera)

    def teardown(self) -> None:
        """Close the database."""
        if hasattr(self, "context"):
            db.session.remove()
            db.engine.dispose()
            self.context.pop()

    @rule(target=clients, referrer=clients)
    def register(self, referrer: ClientRow) -> Any:
        """Somebody with the code of somebody."""
        return self.world.client("Kiera Lopez", self.world.code(referrer), email=None)

    @rule(target=invoices, client=clients, subtotal=st.integers(0, 9000))
    def invoice(self, client: ClientRow, subtotal: int) -> Any:
        """An invoice."""
        return self.world.invoice(client, subtotal)

    @rule(invoice=invoices, subtotal=st.integers(0, 9000))
    def change(self, invoice: InvoiceRow, subtotal: int) -> None:
        """An open invoice changes."""
        if not (invoice.settled or invoice.void or invoice.paid):
            invoice.subtotal = subtotal
            self.world.referrals.invoice_changed(invoice)
            db.session.commit()

    @rule(invoice=invoices)
    def pay(self, invoice: InvoiceRow) -> None:
        """All that is due is paid, or it was, and is announced once more."""
        if not invoice.void:
            self.world.pay(invoice)

    @rule(target=invoices, client=clients, subtotal=st.integers(1000, 9000), amount=st.none() | st.integers(1, 900))
    def invoice_paid_with_credit(self, client: ClientRow, subtotal: int, amount: int | None) -> Any:
        """An invoice that is paid with credit, as far as there is any, and with money."""
        invoice = self.world.invoice(client, subtotal)
        self.world.referrals.use_credit(invoice, None if amount is None else Money(amount, "USD"))
        self.world.pay(invoice)
        return invoice

    @rule(invoice=invoices, part=st.integers(1, 9000))
    def refund(self, invoice: InvoiceRow, part: int) -> None:
        """Some or all of it goes back."""
        if invoice.settled and not invoice.void:
            self.world.refund(invoice, min(part, invoice.paid + invoice.credit))

    @rule(invoice=invoices)
    def void(self, invoice: InvoiceRow) -> None:
        """It is cancelled, paid or not, maybe once more."""
        invoice.void = True
        self.world.referrals.invoice_voided(invoice)
        db.session.commit()

    @rule(invoice=invoices, amount=st.none() | st.integers(1, 6000), off=st.booleans())
    def use_credit(self, invoice: InvoiceRow, amount: int | None, off: bool) -> None:
        """Credit is put on it, or taken off."""
        if off:
            self.world.referrals.take_off_credit(invoice)
        else:
            self.world.referrals.use_credit(invoice, None if amount is None else Money(amount, "USD"))
        db.session.commit()

    @rule(invoice=invoices, verb=st.sampled_from(["created", "changed", "paid", "refunded", "voided"]))
    def stray_event(self, invoice: InvoiceRow, verb: str) -> None:
        """An event that says nothing new, of whatever kind."""
        before = {row.id: self.world.credit(row) for row in db.session.scalars(select(ClientRow))}
        if verb == "voided" and not invoice.void:
            return
        if verb == "paid" and not invoice.settled:
            return
        getattr(self.world.referrals, f"invoice_{verb}")(invoice)
        db.session.commit()
        if verb in ("changed", "refunded", "voided"):
            assert before == {row.id: self.world.credit(row) for row in db.session.scalars(select(ClientRow))}

    @invariant()
    def books_are_right(self) -> None:
        """K1: every entry, every balance, every hold."""
        if hasattr(self, "world"):
            assert self.world.faults() == []

    @invariant()
    def all_agrees_with_the_hosts_records(self) -> None:
        """R1, U1, K2, K4, D3: who is qualified, what each can spend, one discount each; from two tables alone."""
        if not hasattr(self, "world"):
            return
        rows = {str(row.id): row for row in db.session.scalars(select(InvoiceRow))}
        earned: dict[str, int] = {}
        for client in db.session.scalars(select(ClientRow)):
            referral = self.world.referrals.referral_of(self.world.value(client))
            mine = [row for row in rows.values() if row.client_id == client.id]
            if referral is None:
                assert not any(row.discount for row in mine)
                continue
            good = [row for row in mine if row.settled and not row.void and row.paid + row.credit >= MIN_PAID]
            if referral.state == "qualified":
                assert good
                earned[referral.referrer_id] = earned.get(referral.referrer_id, 0) + REWARD
            held_by_open = [row for row in mine if row.discount and not row.void and not row.settled and not row.paid]
            assert len(held_by_open) <= 1 or any(self.was_refunded(row) for row in held_by_open)
        for client in db.session.scalars(select(ClientRow)):
            used = sum(row.credit for row in rows.values() if row.client_id == client.id and not row.void)
            balance = self.world.referrals.balance(self.world.value(client), "USD")
            assert balance.available.minor == earned.get(str(client.id), 0) - used
            assert all(row.credit <= row.total for row in rows.values())

    def was_refunded(self, invoice: InvoiceRow) -> bool:
        """Whether an open invoice had been paid before: it keeps its figures for the books (D5)."""
        client = db.session.get_one(ClientRow, invoice.client_id)
        lines = self.world.referrals.activity(self.world.value(client))
        return any(line.kind == "discount_released" and line.invoice_id == str(invoice.id) for line in lines)


Events.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


TestEvents = pytest.mark.slow(Events.TestCase)
