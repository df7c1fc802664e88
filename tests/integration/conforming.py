"""Hosts that plug us in right, and what their suites write: by signals, by watching, and the example app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask, request, session
from flask.testing import FlaskClient
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session, sessionmaker

from example_app import create_app
from example_app.extensions import db as example_db
from example_app.models import Business, Staff
from example_app.money import plain
from flask_referrals import Client, Host, Invoice, Money, Referrals, signals
from flask_referrals.testing import HostConformance
from tests.minihost import ClientRow, InvoiceRow, MiniHost, db, prepare_sqlite

DRAFT = "XXX"


class PlugHost(MiniHost):
    """Two businesses, drafts, and logins that stand in the session."""

    def orgs(self) -> Sequence[str]:
        return ("default", "other")

    def invoice(self, record: Any) -> Any:
        return None if record.currency == DRAFT else super().invoice(record)

    def current_client(self) -> Client | None:
        row = db.session.get(ClientRow, session.get("client", 0))
        return None if row is None else self.client(row)

    def is_staff(self) -> bool:
        return "staff" in session

    def login_url(self, org: str) -> str:
        return "/log-in"


class WholeDollars(PlugHost):
    """Its invoices have discounts in whole dollars."""

    def apply_discount(self, record: Any, discount: Money) -> Money:
        record.discount = discount.minor // 100 * 100
        return Money(record.discount, record.currency)


def log_in() -> Any:
    """The login page; it asks for no password."""
    session.update(request.form)
    return "Who are you?"


class Signals(HostConformance):
    """The smallest host, in memory, told by signals; one app serves all tests of a class."""

    __test__ = False
    host: type[PlugHost] = PlugHost
    config: dict[str, Any] = {}
    subtotal = 20000
    apps: dict[Any, Flask] = {}

    def make_app(self) -> Flask:
        if type(self) not in self.apps:
            self.apps[type(self)] = self.made()
        return self.apps[type(self)]

    def made(self) -> Flask:
        """A new app."""
        app = Flask("plugged")
        app.config.update({"SECRET_KEY": "test", "SQLALCHEMY_DATABASE_URI": "sqlite://", **self.config})
        db.init_app(app)
        self.plug(Referrals(self.host(), db=db), app)
        app.add_url_rule("/log-in", view_func=log_in, methods=["GET", "POST"])
        with app.app_context():
            prepare_sqlite(db.engine)
            db.create_all()
        return app

    def plug(self, referrals: Referrals, app: Flask) -> None:
        """Set it up."""
        referrals.init_app(app)

    def tell(self, signal: str, **facts: Any) -> None:
        """Fire a signal, before the commit."""
        db.session.flush()
        getattr(signals, signal).send(self.app, **facts)

    def commit(self) -> None:
        """As each view ends."""
        db.session.commit()

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        row = ClientRow(name=name, email=email)
        db.session.add(row)
        self.tell("client_registered", client=row, code=code)
        self.commit()
        return row

    def new_invoice(self, client: Any) -> Any:
        row = InvoiceRow(client_id=client.id, subtotal=self.subtotal)
        db.session.add(row)
        self.tell("invoice_created", invoice=row)
        self.commit()
        return row.id

    def pay(self, invoice: Any) -> None:
        invoice.paid = invoice.total - invoice.credit
        invoice.settled = True
        self.tell("invoice_paid", invoice=invoice)
        self.commit()

    def undo_payment(self, invoice: Any) -> None:
        invoice.paid, invoice.settled = 0, False
        self.tell("invoice_refunded", invoice=invoice)
        self.commit()

    def refund_part(self, invoice: Any) -> None:
        invoice.paid -= 5000
        self.tell("invoice_refunded", invoice=invoice)
        self.commit()

    def void(self, invoice: Any) -> None:
        invoice.void = True
        self.tell("invoice_voided", invoice=invoice)
        self.commit()

    def delete(self, invoice: Any) -> None:
        invoice.void = True
        self.tell("invoice_voided", invoice=invoice)
        db.session.delete(invoice)
        self.commit()

    def new_draft(self, client: Any) -> Any:
        row = InvoiceRow(client_id=client.id, subtotal=20000, currency=DRAFT)
        db.session.add(row)
        self.commit()
        return row

    def change_amount(self, invoice: Any) -> None:
        invoice.subtotal += 10000
        self.tell("invoice_changed", invoice=invoice)
        self.commit()

    def log_in(self, browser: FlaskClient, client: Any) -> None:
        browser.post("/log-in", data={"client": client.id})

    def log_in_staff(self, browser: FlaskClient) -> None:
        browser.post("/log-in", data={"staff": "Sam"})


class Watched(Signals):
    """The same, watched: its functions know nothing of us, and leave the commit to whoever calls them."""

    __test__ = False
    host = WholeDollars
    subtotal = 20005
    codes: dict[str, str | None] = {}

    def plug(self, referrals: Referrals, app: Flask) -> None:
        super().plug(referrals, app)
        referrals.watch(client=ClientRow, invoice=InvoiceRow, code=lambda row: self.codes.get(row.email))

    def commit(self) -> None:
        pass

    def tell(self, signal: str, **facts: Any) -> None:
        db.session.flush()
        if signal == "client_registered":
            self.codes[facts["client"].email] = facts["code"]


class PlainHost(Host):
    """Records are dicts, read by statements in whatever session is at work; discounts are pulled."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self.session = session

    def client(self, record: Any) -> Client:
        return Client(id=str(record["id"]), name=record["name"], email=record["email"])

    def invoice(self, record: Any) -> Invoice:
        total = record["subtotal"] - record["discount"]
        due = 0 if record["settled"] else total - record["paid"] - record["credit"]
        return Invoice(
            id=str(record["id"]),
            client_id=str(record["client_id"]),
            subtotal=Money(record["subtotal"], "USD"),
            total=Money(total, "USD"),
            due=Money(due, "USD"),
            paid=Money(record["paid"], "USD"),
            settled=record["settled"],
            void=record["void"],
        )

    def find_client(self, org: str, client_id: str) -> Any | None:
        return self._find(ClientRow, client_id)

    def find_invoice(self, org: str, invoice_id: str) -> Any | None:
        return self._find(InvoiceRow, invoice_id)

    def _find(self, model: Any, number: str) -> Any | None:
        found = select(model.__table__).where(model.id == int(number)) if number.isdecimal() else None
        return None if found is None else self.session().execute(found).mappings().one_or_none()

    def client_invoices(self, client: Client) -> Sequence[Any]:
        mine = select(InvoiceRow.__table__).where(InvoiceRow.client_id == int(client.id)).order_by(InvoiceRow.id)
        return self.session().execute(mine).mappings().all()

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        query = select(ClientRow.id).where(ClientRow.id > int(after or 0)).order_by(ClientRow.id)
        return [str(found) for found in self.session().scalars(query.limit(limit))]

    def apply_credit(self, record: Any, credit: Money) -> None:
        mine = update(InvoiceRow.__table__).where(InvoiceRow.id == record["id"])
        self.session().execute(mine.values(credit=credit.minor))

    def current_client(self) -> Client | None:
        return None

    def login_url(self, org: str) -> str:
        return "https://login.example.com/?app=plain"


class Plain(HostConformance):
    """A sessionmaker, a session of its own in each function, and events that are fired after its commit."""

    __test__ = False
    folder: Path

    def make_app(self) -> Flask:
        if not hasattr(self, "plain"):
            engine = create_engine(f"sqlite:///{self.folder}/plain.sqlite3")
            prepare_sqlite(engine)
            self.open = sessionmaker(engine)
            self.plain = Flask("plain")
            self.plain.config.update(SECRET_KEY="test", REFERRALS_TRANSACTION="after_commit")
            self.plain.config.update(
                REFERRALS_PAGES=("portal", "links"), REFERRALS_SITE_URL="https://bills.example.com"
            )
            self.referrals = Referrals(PlainHost(lambda: self.referrals.session()), self.plain, session=self.open)
            db.metadata.create_all(engine, [ClientRow.__table__, InvoiceRow.__table__])
        return self.plain

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        with self.open.begin() as session:
            row = ClientRow(name=name, email=email)
            session.add(row)
            session.flush()
            made = {"id": row.id, "name": name, "email": email}
        self.referrals.client_registered(made, code)
        return made["id"]

    def new_invoice(self, client: Any) -> Any:
        with self.open.begin() as session:
            row = InvoiceRow(client_id=client["id"], subtotal=20000)
            session.add(row)
            session.flush()
            number = str(row.id)
        off = self.referrals.quote(Client(id=str(client["id"]), name=client["name"]), Money(20000, "USD"))
        self.change(self.record(number), discount=off.minor)
        self.referrals.confirm_discount(self.record(number))
        return number

    def pay(self, invoice: Any) -> None:
        due = invoice["subtotal"] - invoice["discount"] - invoice["credit"]
        self.change(invoice, paid=due, settled=True)
        self.referrals.invoice_paid(self.record(str(invoice["id"])))

    def record(self, number: str) -> Any:
        """The invoice, as the app hands it to us."""
        with self.open() as session:
            found = select(InvoiceRow.__table__).where(InvoiceRow.id == int(number))
            return session.execute(found).mappings().one()

    def change(self, invoice: Any, **values: Any) -> None:
        """The app's own commit."""
        with self.open.begin() as session:
            session.execute(update(InvoiceRow).where(InvoiceRow.id == invoice["id"]).values(**values))


class Example(HostConformance):
    """The example app over HTTP, as staff use it."""

    __test__ = False
    org = "acme"
    apps: dict[str, Flask] = {}
    lines = {"lines-0-description": "Work", "lines-0-tax_percent": "8.875", "lines-1-description": "Advice"}

    def make_app(self) -> Flask:
        if "example" not in self.apps:
            self.apps["example"] = self.made()
        return self.apps["example"]

    def made(self) -> Flask:
        """A new app with two businesses."""
        config = {"SQLALCHEMY_DATABASE_URI": "sqlite://", "SECRET_KEY": "test", "WTF_CSRF_ENABLED": False}
        app = create_app(config)
        with app.app_context():
            example_db.create_all()
            for slug in ("acme", "other"):
                business = Business(slug=slug, name=f"Business {slug}", currency="USD")
                example_db.session.add(Staff(business=business, name="Sam", email=f"staff@{slug}.example.com"))
            example_db.session.commit()
        return app

    def post(self, path: str, **data: str) -> str:
        """Staff send a form; the number at the end of where it leads to."""
        browser = self.app.test_client()
        self.log_in_staff(browser)
        response = browser.post(path, data={"request_key": str(uuid4()), **data})
        assert response.status_code == 302, response.text
        return response.location.rsplit("/", 1)[1]

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        return self.post("/staff/clients/new", name=name, email=email, referral_code=code or "")

    def new_invoice(self, client: Any, **more: str) -> Any:
        amounts = {"lines-0-amount": "120.00", "lines-1-amount": "80.00"}
        facts = {"client": str(client.id), "number": uuid4().hex[:12], "currency": "USD"}
        return self.post("/staff/invoices/new", **facts, **self.lines, **amounts, **more)

    def pay(self, invoice: Any) -> None:
        self.post(f"/staff/invoices/{invoice.id}/payment", amount=plain(invoice.due_minor, "USD"), method="card")

    def undo_payment(self, invoice: Any) -> None:
        amount = plain(invoice.refundable_minor, "USD")
        self.post(f"/staff/invoices/{invoice.id}/refund", amount=amount, reason="unhappy")

    def refund_part(self, invoice: Any) -> None:
        self.post(f"/staff/invoices/{invoice.id}/refund", amount="50.00", reason="a part")

    def void(self, invoice: Any) -> None:
        self.post(f"/staff/invoices/{invoice.id}/void")

    def new_draft(self, client: Any) -> Any:
        return self.new_invoice(client, draft="y")

    def change_amount(self, invoice: Any) -> None:
        browser = self.app.test_client()
        self.log_in(browser, invoice.client)
        assert browser.get(f"/portal/invoices/{invoice.id}").status_code == 200
        amounts = {"lines-0-amount": "220.00", "lines-1-amount": "80.00"}
        self.post(f"/staff/invoices/{invoice.id}/edit", **self.lines, **amounts)

    def log_in(self, browser: FlaskClient, client: Any) -> None:
        with browser.session_transaction() as session:
            session["_user_id"] = client.get_id()

    def log_in_staff(self, browser: FlaskClient) -> None:
        with browser.session_transaction() as session:
            session["_user_id"] = "staff:1"
