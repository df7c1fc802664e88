"""A small host whose person of the moment is set by the test, for the tests of the staff's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, render_template_string
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from sqlalchemy import event
from werkzeug.test import TestResponse

from flask_referrals import Client, Invoice, Referrals, Terms
from flask_referrals.testing import FrozenClock
from tests.minihost import ClientRow, InvoiceRow, MiniHost, db, prepare_sqlite

PREFIX = "/admin/referrals"
TERMS: dict[str, Any] = {
    "currency": "USD",
    "discount": {"percent": "15"},
    "referrer_reward": {"amount": "50.00"},
    "referee_reward": {"amount": "5.00"},
}
CLIENT_PAGE = '{% from "referrals/_chain.html" import client_chain %}{{ client_chain(client_id) }}'


class StaffHost(MiniHost):
    """Olivia of the org `default` in New York, unless told otherwise."""

    def __init__(self) -> None:
        self.staff = True
        self.org = "default"
        self.visitor: Client | None = None
        self.name = "Olivia"
        self.zone: tzinfo = UTC

    def is_staff(self) -> bool:
        return self.staff

    def current_client(self) -> Client | None:
        return self.visitor

    def current_org(self) -> str:
        return self.org

    def actor(self) -> str:
        return self.name

    def timezone(self, org: str) -> tzinfo:
        return self.zone

    def invoice(self, record: Any) -> Invoice | None:
        found = super().invoice(record)
        return None if found is None else replace(found, number=f"INV-{record.id:04}")

    def client_url(self, org: str, client_id: str) -> str | None:
        return f"/staff/clients/{client_id}"

    def invoice_url(self, org: str, invoice_id: str) -> str | None:
        return f"/staff/invoices/{invoice_id}"


class Office:
    """An app with that host, a browser of its staff, and short words for what clients do."""

    def __init__(self, url: str) -> None:
        self.host = StaffHost()
        self.clock = FrozenClock()
        self.referrals = Referrals(self.host, db=db, clock=self.clock)
        self.app = Flask(__name__)
        self.app.jinja_env.undefined = StrictUndefined
        self.app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=url, REFERRALS_STRICT=True)
        db.init_app(self.app)
        self.referrals.init_app(self.app)
        self.app.add_url_rule("/staff/clients/<client_id>", "client", self._client_page)
        self.browser: FlaskClient = self.app.test_client()

    @staticmethod
    def _client_page(client_id: str) -> str:
        return render_template_string(CLIENT_PAGE, client_id=client_id)

    def get(self, path: str = "/", **query: Any) -> TestResponse:
        return self.browser.get(PREFIX + path, query_string=query)

    def text(self, path: str = "/", **query: Any) -> str:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        return response.text

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Post a form with the token of a page that was loaded before."""
        found = re.search(r'name="referrals_csrf" value="([^"]+)"', self.text("/settings"))
        assert found is not None
        return self.browser.post(PREFIX + path, data={"referrals_csrf": found[1], **fields})

    def save_terms(self, org: str = "default", **changes: Any) -> int:
        saved = self.referrals.save_terms(org, Terms.from_document(TERMS | changes), by="Olivia")
        self.referrals.switch(org, on=True)
        db.session.commit()
        return saved

    def new_client(
        self, name: str, *, code: str | None = None, org: str = "default", link: str | bool = False
    ) -> ClientRow:
        row = ClientRow(name=name, org=org, email=f"{name}@{org}.example".replace(" ", "."))
        db.session.add(row)
        db.session.flush()
        self.referrals.client_registered(row, code, link=link)
        db.session.commit()
        return row

    def code_of(self, row: ClientRow) -> str:
        code = self.referrals.code(self.host.client(row)).text
        db.session.commit()
        return code

    def new_invoice(self, row: ClientRow, subtotal: int = 20000) -> InvoiceRow:
        invoice = InvoiceRow(client_id=row.id, org=row.org, subtotal=subtotal)
        db.session.add(invoice)
        db.session.flush()
        self.referrals.invoice_created(invoice)
        db.session.commit()
        return invoice

    def pay(self, invoice: InvoiceRow) -> None:
        invoice.paid, invoice.settled = invoice.total - invoice.credit, True
        self.referrals.invoice_paid(invoice)
        db.session.commit()

    def refund(self, invoice: InvoiceRow) -> None:
        invoice.paid, invoice.settled = 0, False
        self.referrals.invoice_refunded(invoice, "refunded")
        db.session.commit()


@contextmanager
def open_office(url: str) -> Iterator[Office]:
    """An office on an empty database; leaves no connection behind."""
    office = Office(url)
    with office.app.app_context():
        prepare_sqlite(db.engine)
        db.create_all()
        office.referrals.create_all()
        try:
            yield office
        finally:
            db.session.remove()
            db.engine.dispose()


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """The statements that touch our tables, with their parameters, sent meanwhile."""
    found: list[tuple[str, Any]] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if "referrals_" in statement:
            found.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)


NEW_YORK = ZoneInfo("America/New_York")
