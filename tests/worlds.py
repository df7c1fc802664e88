"""An app of the smallest host on each database, with our tables, a program that is on, and a few helpers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_referrals import Client, Money, Outcome, Referrals, Terms
from flask_referrals.testing import FrozenClock
from tests.databases import clone_database, fresh_database
from tests.minihost import ClientRow, InvoiceRow, MiniHost, create_app, db

PLAIN: dict[str, Any] = {
    "currency": "USD",
    "discount": {"percent": "15"},
    "referrer_reward": {"kinds": ["credit"], "amount": "50.00"},
}


class World:
    """The app, the extension and short words for what tests do all the time. Commits after every step."""

    def __init__(self, app: Flask, clock: FrozenClock) -> None:
        self.app = app
        self.clock = clock
        self.referrals: Referrals = app.extensions["referrals_object"]
        self.host = MiniHost()

    def terms(self, org: str = "default", **change: Any) -> None:
        """Save terms, switched on."""
        self.referrals.save_terms(org, Terms.from_document(PLAIN | change), by="sam")
        self.referrals.switch(org, on=True)
        db.session.commit()

    def client(self, name: str, code: str | None = None, **values: Any) -> ClientRow:
        """A new client; with a code, it registers with it."""
        row = ClientRow(
            name=name, email=values.pop("email", f"{name.lower().replace(' ', '.')}@mail.example"), **values
        )
        db.session.add(row)
        db.session.flush()
        if code is not None:
            self.outcome = self.referrals.client_registered(row, code)
        db.session.commit()
        return row

    def value(self, row: ClientRow) -> Client:
        """The client as a value."""
        return self.host.client(row)

    def code(self, row: ClientRow) -> str:
        """The client's code."""
        text = self.referrals.code(self.value(row)).text
        db.session.commit()
        return text

    def invoice(self, row: ClientRow, subtotal: int, **values: Any) -> InvoiceRow:
        """A new invoice, announced."""
        invoice = InvoiceRow(client_id=row.id, subtotal=subtotal, org=row.org, **values)
        db.session.add(invoice)
        db.session.flush()
        self.referrals.invoice_created(invoice)
        db.session.commit()
        return invoice

    def pay(self, invoice: InvoiceRow) -> Outcome:
        """All that is due is paid, and announced."""
        invoice.paid += max(0, invoice.total - invoice.paid - invoice.credit)
        invoice.settled = True
        outcome = self.referrals.invoice_paid(invoice)
        db.session.commit()
        return outcome

    def refund(self, invoice: InvoiceRow, amount: int | None = None) -> None:
        """Money first, then credit goes back; all of it without an amount."""
        amount = invoice.paid + invoice.credit if amount is None else amount
        money = min(amount, invoice.paid)
        invoice.paid -= money
        invoice.credit -= amount - money
        invoice.settled = bool(invoice.paid + invoice.credit)
        self.referrals.invoice_refunded(invoice)
        db.session.commit()

    def credit(self, row: ClientRow, currency: str = "USD") -> int:
        """What the client can spend, in minor units."""
        return self.referrals.balance(self.value(row), currency).available.minor

    def kinds(self, row: ClientRow) -> list[str]:
        """The kinds of event on the client's log."""
        return [line.kind for line in self.referrals.activity(self.value(row))]

    def state(self, row: ClientRow) -> str | None:
        """The state of the client's referral."""
        line = self.referrals.referral_of(self.value(row))
        return None if line is None else line.state

    def faults(self) -> list[Any]:
        """What is wrong in the books."""
        return list(self.referrals.verify_ledger())


def usd(minor: int) -> Money:
    """Dollars, from cents."""
    return Money(minor, "USD")


@pytest.fixture(scope="session")
def prepared(backend: str) -> Iterator[str]:
    """A database with the host's tables and ours, to be copied."""
    with fresh_database(backend) as url:
        app = create_app(url)
        with app.app_context():
            db.create_all()
            app.extensions["referrals_object"].create_all()
            db.session.remove()
            db.engine.dispose()
        yield url


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings of the app; a test module overrides it."""
    return {}


@pytest.fixture
def url(backend: str, prepared: str) -> Iterator[str]:
    """A copy of the prepared database for this test alone."""
    with clone_database(backend, prepared) as copy:
        yield copy


@pytest.fixture
def world(url: str, settings: dict[str, Any]) -> Iterator[World]:
    """An app on a database of its own; the books must be right after every test."""
    clock = FrozenClock()
    app = create_app(url, clock, **settings)
    with app.app_context():
        found = World(app, clock)
        yield found
        db.session.rollback()
        assert found.faults() == []
        db.session.remove()
        db.engine.dispose()
