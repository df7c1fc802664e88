"""The smallest host: clients and invoices in two tables, and the Host class that answers for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Mapped, mapped_column

from flask_referrals import Client, Gateway, Host, Invoice, Mailer, Money, Referrals
from flask_referrals.testing import FrozenClock

db = SQLAlchemy()  # with its default base: Flask-SQLAlchemy 3.0 knows no other


class ClientRow(db.Model):  # type: ignore[name-defined,misc]
    """A client of one business of many."""

    __tablename__ = "client"

    id: Mapped[int] = mapped_column(primary_key=True)
    org: Mapped[str] = mapped_column(db.String(50), default="default")
    name: Mapped[str] = mapped_column(db.String(100))
    email: Mapped[str | None] = mapped_column(db.String(100))
    phone: Mapped[str | None] = mapped_column(db.String(50))
    locale: Mapped[str | None] = mapped_column(db.String(10))


class InvoiceRow(db.Model):  # type: ignore[name-defined,misc]
    """An invoice without lines or tax."""

    __tablename__ = "invoice"

    id: Mapped[int] = mapped_column(primary_key=True)
    org: Mapped[str] = mapped_column(db.String(50), default="default")
    client_id: Mapped[int]
    currency: Mapped[str] = mapped_column(db.String(3), default="USD")
    subtotal: Mapped[int]
    discount: Mapped[int] = mapped_column(default=0)
    credit: Mapped[int] = mapped_column(default=0)
    paid: Mapped[int] = mapped_column(default=0)
    settled: Mapped[bool] = mapped_column(default=False)
    void: Mapped[bool] = mapped_column(default=False)

    @property
    def total(self) -> int:
        """What the client is asked for."""
        return self.subtotal - self.discount


class MiniHost(Host):
    """Answers for the two tables above."""

    def client(self, record: Any) -> Client:
        return Client(
            id=str(record.id),
            name=record.name,
            email=record.email,
            phone=record.phone,
            org=record.org,
            locale=record.locale,
        )

    def invoice(self, record: Any) -> Invoice | None:
        def money(minor: int) -> Money:
            return Money.from_minor(minor, record.currency)

        return Invoice(
            id=str(record.id),
            client_id=str(record.client_id),
            org=record.org,
            subtotal=money(record.subtotal),
            total=money(record.total),
            due=money(max(0, record.total - record.paid - record.credit)),
            paid=money(record.paid),
            credit=money(record.credit),
            settled=record.settled,
            void=record.void,
        )

    def find_client(self, org: str, client_id: str) -> Any | None:
        row = db.session.get(ClientRow, int(client_id)) if client_id.isdecimal() else None
        return row if row is not None and row.org == org else None

    def find_invoice(self, org: str, invoice_id: str) -> Any | None:
        row = db.session.get(InvoiceRow, int(invoice_id)) if invoice_id.isdecimal() else None
        return row if row is not None and row.org == org else None

    def has_paid_invoice(self, client: Client) -> bool:
        query = select(InvoiceRow.id).where(InvoiceRow.client_id == int(client.id), InvoiceRow.settled)
        return db.session.execute(query.limit(1)).first() is not None

    def client_invoices(self, client: Client) -> Sequence[InvoiceRow]:
        query = select(InvoiceRow).where(InvoiceRow.client_id == int(client.id), InvoiceRow.org == client.org)
        return db.session.scalars(query.order_by(InvoiceRow.id)).all()

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        query = select(ClientRow.id).where(ClientRow.org == org, ClientRow.id > int(after or 0))
        return [str(found) for found in db.session.scalars(query.order_by(ClientRow.id).limit(limit))]

    def apply_discount(self, record: Any, discount: Money) -> Money | None:
        record.discount = discount.minor
        return discount

    def apply_credit(self, record: Any, credit: Money) -> None:
        record.credit = credit.minor

    def is_staff(self) -> bool:
        return False


def create_app(
    database_url: str,
    clock: FrozenClock | None = None,
    mailer: Mailer | None = None,
    gateway: Gateway | None = None,
    **config: Any,
) -> Flask:
    """An app on that database, with a Referrals of its own clock."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=database_url, **config)
    db.init_app(app)
    extension = Referrals(MiniHost(), db=db, mailer=mailer, gateway=gateway, clock=clock or FrozenClock())
    extension.init_app(app)
    app.extensions["referrals_object"] = extension
    with app.app_context():
        prepare_sqlite(db.engine)
    return app


def prepare_sqlite(engine: Engine) -> None:
    """Write-ahead log and patience, as any SQLite app in earnest has."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA busy_timeout=20000")
        connection.execute("PRAGMA foreign_keys=ON")
