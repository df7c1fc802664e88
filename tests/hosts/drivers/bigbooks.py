"""The hands in bigbooks: staff who are logged in, with CSRF checked; clients in the portal; a history of migrations."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import flask_migrate
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ..driver import Driver, landed
from ..plugging import imported

TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


class Hand:
    """A browser whose forms carry the token that the page with the form has."""

    def __init__(self, app: Flask, page: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.page = page
        self.token = ""

    def get(self, address: str) -> TestResponse:
        """A page."""
        return self.client.get(address)

    def post(self, address: str, data: dict[str, Any] | None = None) -> TestResponse:
        """A form; whatever the app does with one whose token is missing, it does not do with this one."""
        if not self.token:
            found = TOKEN.search(self.get(self.page).get_data(as_text=True))
            assert found is not None, self.page
            self.token = found.group(1)
        return self.client.post(address, data={"csrf_token": self.token, **(data or {})})


class Bigbooks(Driver):
    """Staff do everything, but for what clients do in the portal."""

    name = "bigbooks"
    frame = '<link rel="stylesheet" href="/static/bigbooks.css">'
    tax = Decimal("0.20")

    def __init__(self, bigbooks: ModuleType, models: ModuleType, url: str) -> None:
        class Settings(bigbooks.config.TestConfig):  # type: ignore[misc,name-defined]
            SQLALCHEMY_DATABASE_URI = url

        self.db, self.models, self.emails = models.db, models, 0
        self.app = bigbooks.create_app(Settings)
        self.referrals = bigbooks.referrals.referrals
        self.admin, self.clerk = Hand(self.app, "/auth/login"), Hand(self.app, "/auth/login")

    @classmethod
    @contextmanager
    def running(cls, copy: Path, url: str) -> Iterator[Bigbooks]:
        with imported(copy, "bigbooks", "bigbooks.models") as (bigbooks, models):
            driver = cls(bigbooks, models, url)
            driver.start()
            yield driver
            with driver.app.app_context():
                driver.db.session.remove()
                driver.db.engine.dispose()

    def start(self) -> None:
        """Its own history first, then ours beside it; two of the staff."""
        with self.context():
            with migrating():
                flask_migrate.upgrade()
            assert self.command("db", "upgrade")[0] == 0
            for name, role in (("ada", "admin"), ("carl", "staff")):
                person = self.models.Staff(email=f"{name}@northfield.example", name=name.title(), role=role)
                person.set_password(f"secret-{name}")
                self.db.session.add(person)
            self.switch_on()
        for name, hand in (("ada", self.admin), ("carl", self.clerk)):
            form = {"email": f"{name}@northfield.example", "password": f"secret-{name}"}
            assert landed(hand.post("/auth/login", form)) == "invoices"
            hand.page = "/clients/new"

    def register(self, name: str, email: str, code: str = "") -> str:
        form = {"name": name, "billing_email": email, "currency": "EUR", "referral_code": code}
        contact = {"contact_name": name, "contact_email": email}
        return landed(self.clerk.post("/clients/new", form | contact))

    def draft(self, client_id: str, *lines: dict[str, Any], kind: str = "invoice") -> str:
        """A document that is not sent; its id. Without lines: 200.00 before tax."""
        number = landed(self.clerk.post("/invoices/new", {"client_id": client_id, "kind": kind}))
        for line in lines or ({"unit_price": "200"},):
            form = {"description": "Anvil", "qty": "1", "tax_rate": "20"} | line
            assert landed(self.clerk.post(f"/invoices/{number}/lines", form)) == number
        return number

    def invoice(self, client_id: str) -> str:
        number = self.draft(client_id)
        self.clerk.post(f"/invoices/{number}/send")
        return number

    def pay(self, invoice_id: str) -> None:
        form = {"amount": str(self.record(invoice_id).balance), "method": "bank"}
        assert landed(self.clerk.post(f"/payments/invoice/{invoice_id}/new", form)) == invoice_id

    def undo(self, invoice_id: str) -> None:
        form = {"amount": str(self.record(invoice_id).amount_paid), "note": "Returned"}
        assert landed(self.clerk.post(f"/payments/invoice/{invoice_id}/refund", form)) == invoice_id

    def portal(self, email: str) -> Hand:
        """A client's contact in the portal."""
        hand = Hand(self.app, "/portal/login")
        with self.context():
            code = self.models.Contact.query.filter_by(email=email).one().access_code
        assert landed(hand.post("/portal/login", {"email": email, "access_code": code})) == "portal"
        hand.page = "/portal/account"
        return hand

    def pages(self) -> list[TestResponse]:
        self.register("Pat Page", "pat@mail.example")
        portal = self.portal("pat@mail.example")
        staffs = [self.clerk.get(f"/admin/referrals/{page}") for page in ("", "settings")]
        return [*staffs, portal.get("/portal/referrals/"), portal.get("/portal/referrals/news")]

    def frame_of(self, page: TestResponse) -> str:
        return '<body class="portal">' if page.request.path.startswith("/portal") else self.frame

    def pay_by_hand(self, invoice_id: str) -> list[str]:
        new = "invoice_id, amount, method, created_at"
        return [
            f"INSERT INTO payments ({new}) SELECT id, total, 'sql', created_at FROM invoices WHERE id = {invoice_id}",
            f"UPDATE invoices SET status = 'paid', amount_paid = total, paid_at = sent_at WHERE id = {invoice_id}",
        ]

    def record(self, invoice_id: str) -> Any:
        """The app's own row, as it stands, with its lines and payments."""
        with self.context():
            found = self.db.session.get(self.models.Invoice, int(invoice_id))
            _ = found.payments, found.lines
            self.db.session.expunge_all()
            return found

    def query(self, model: Any, **wanted: Any) -> list[Any]:
        """Rows of the app's, oldest first."""
        with self.context():
            found: list[Any] = model.query.filter_by(**wanted).order_by(model.id).all()
            self.db.session.expunge_all()
            return found


@contextmanager
def migrating() -> Iterator[None]:
    """The app's env.py is of 2019, and its alembic.ini switches off every logger of the process; they come on again."""
    before = {name: one.disabled for name, one in logging.root.manager.loggerDict.items() if hasattr(one, "disabled")}
    level, handlers = logging.root.level, logging.root.handlers[:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
    for name, disabled in before.items():
        logging.getLogger(name).disabled = disabled
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers
