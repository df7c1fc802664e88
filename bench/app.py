"""The app that is measured: records without a database behind them, so that only our own work is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase

from flask_referrals import Client, Host, Invoice, Money, Referrals, Terms
from flask_referrals.models import AccountRow
from flask_referrals.web import pages, portal


class Base(DeclarativeBase):
    """The host has no tables of its own here."""


db = SQLAlchemy(model_class=Base)
TERMS = Terms.from_document(
    {
        "currency": "USD",
        "discount": {"percent": "15"},
        "referrer_reward": {"kinds": ["credit"], "amount": "50.00"},
    }
)
ORG = "default"


@dataclass
class Record:
    """An invoice of 100.00 that is paid."""

    id: str
    client_id: str


class BenchHost(Host):
    """Answers from the record alone."""

    portal_client = "jane-0"

    def client(self, record: Any) -> Client:
        return Client(id=record, name="Some Body", email=f"{record}@mail.example")

    def invoice(self, record: Any) -> Invoice:
        hundred, none = Money(10000, "USD"), Money(0, "USD")
        return Invoice(
            id=record.id, client_id=record.client_id, subtotal=hundred, total=hundred, due=none, paid=hundred,
            credit=none, settled=True,
        )  # fmt: skip

    def find_client(self, org: str, client_id: str) -> str:
        return client_id

    def has_paid_invoice(self, client: Client) -> bool:
        return False

    def apply_credit(self, record: Any, credit: Money) -> None:
        """Nothing to lower."""

    def current_client(self) -> Client:
        return self.client(self.portal_client)


def create_app(url: str) -> tuple[Flask, Referrals]:
    """The app on that database, its tables made, its program on."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="bench",
        SQLALCHEMY_DATABASE_URI=url,
        REFERRALS_DELIVERY="worker",
        REFERRALS_STRICT=True,
        SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 2},
    )
    db.init_app(app)
    referrals = Referrals(BenchHost(), app, db=db)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", durable)
        referrals.create_all()
        referrals.save_terms(ORG, TERMS)
        referrals.switch(ORG, on=True)
        db.session.commit()

    kept: dict[str, Any] = {}

    def keep(template: str, **context: Any) -> Any:
        kept.update(context, template=template)
        return pages.page(template, **context)

    setattr(portal, "page", keep)  # noqa: B010  (a module's name, put back by nobody: this process only measures)

    @app.get("/one-select")
    def one_select() -> Any:
        """The floor of the portal page: the same HTML, made from what it was given once, and one look at one row."""
        db.session.get(AccountRow, 1)
        return pages.page(**kept)

    @app.get("/bare")
    def bare() -> str:
        """One look at one row, and next to no HTML."""
        row = db.session.get(AccountRow, 1)
        return f"<!doctype html><title>one</title><p>{row.balance if row else 0}"

    return app, referrals


def durable(connection: Any, record: Any = None) -> None:
    """SQLite as an app in earnest has it: a write-ahead log, and every commit on the disk."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=5000")
