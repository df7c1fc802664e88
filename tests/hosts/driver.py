"""What a test does with a stranger's app, in its own views; each app has a driver (drivers.py)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from flask_referrals import Client, Invoice, Referrals, Terms

TERMS = {"discount": {"percent": "15"}, "referrer_reward": {"kinds": ["credit"], "amount": "50.00"}}


def landed(response: TestResponse) -> str:
    """The last part of the address that a form led to."""
    assert response.status_code in (302, 303), (response.status_code, response.get_data(as_text=True))
    return response.headers["Location"].rstrip("/").rsplit("/", 1)[1]


class Driver(ABC):
    """A plugged app that is running, and a person's hands in it. Amounts are in the app's currency."""

    #: The app's name in tests/hosts.
    name: str
    currency = "EUR"
    org = "default"
    tax = Decimal("0.19")
    #: What the app's own layout has around our pages.
    frame: str

    app: Flask
    referrals: Referrals

    @classmethod
    @abstractmethod
    def running(cls, copy: Path, url: str) -> Any:
        """A context in which the copy runs on that database, and the driver of it."""

    # -- by the app's own views --------------------------------------------------------------------------------------

    @abstractmethod
    def register(self, name: str, email: str, code: str = "") -> str:
        """Somebody becomes a client, with a code typed; the id."""

    @abstractmethod
    def invoice(self, client_id: str) -> str:
        """The client is sent an invoice of 200.00 before tax; its id."""

    @abstractmethod
    def pay(self, invoice_id: str) -> None:
        """All that is due is paid."""

    @abstractmethod
    def undo(self, invoice_id: str) -> None:
        """The payment is refunded, or taken back as the app does it."""

    def pay_again(self, invoice_id: str) -> None:
        """It is paid once more."""
        self.pay(invoice_id)

    @abstractmethod
    def pages(self) -> list[TestResponse]:
        """Pages of ours, as those see them who may."""

    # -- past them ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def pay_by_hand(self, invoice_id: str) -> list[str]:
        """SQL by which somebody books the payment past the app."""

    # -- the program -------------------------------------------------------------------------------------------------

    @contextmanager
    def context(self) -> Iterator[None]:
        """In the app; what was done is committed."""
        with self.app.app_context():
            yield
            self.referrals.session().commit()

    def start(self) -> None:
        """Our tables are there, and the program is on."""
        with self.context():
            self.referrals.create_all()
            self.switch_on()

    def switch_on(self, **change: Any) -> None:
        """Terms with a discount of 15% and 50.00 of credit."""
        self.referrals.save_terms(self.org, Terms.from_document({"currency": self.currency, **TERMS, **change}))
        self.referrals.switch(self.org, on=True)

    def value(self, client_id: str) -> Client:
        """The client as the Host says."""
        host = self.app.extensions["referrals"].host
        found: Client = host.client(host.find_client(self.org, client_id))
        return found

    def code(self, client_id: str) -> str:
        """The client's code."""
        with self.context():
            return self.referrals.code(self.value(client_id)).text

    def credit(self, client_id: str) -> float:
        """What the client can spend."""
        with self.context():
            return float(self.referrals.balance(self.value(client_id), self.currency).available.amount)

    def state(self, client_id: str) -> str | None:
        """The state of the client's referral."""
        with self.context():
            line = self.referrals.referral_of(self.value(client_id))
            return None if line is None else line.state

    def discount(self, client_id: str) -> float:
        """What has come off the client's invoices, by the log."""
        with self.context():
            lines = self.referrals.activity(self.value(client_id))
        signs = {"discount_applied": 1, "discount_released": -1}
        return float(sum(signs.get(one.kind, 0) * one.amount.amount for one in lines if one.amount))

    def sees(self, invoice_id: str) -> Invoice:
        """The invoice as the Host answers it."""
        with self.context():
            host = self.app.extensions["referrals"].host
            found: Invoice = host.invoice(host.find_invoice(self.org, invoice_id))
            return found

    def execute(self, statements: list[str]) -> None:
        """SQL, past the app and us."""
        with self.context():
            for statement in statements:
                self.referrals.session().connection().execute(text(statement))

    def command(self, *arguments: str) -> tuple[int, str]:
        """A command of ours: exit code and output."""
        done = self.app.test_cli_runner().invoke(args=["referrals", *arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output
