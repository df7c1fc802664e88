"""Businesses, the people who log in, and where the invoices come in."""

from __future__ import annotations

from datetime import datetime

from flask_login import UserMixin
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from .clock import now
from .extensions import Model, UtcDateTime
from .invoices import Invoice, InvoiceLine, Payment, Refund, Status

__all__ = ["Business", "Client", "Invoice", "InvoiceLine", "Payment", "Refund", "Staff", "Status"]


class Business(Model):
    """Who sends invoices."""

    __tablename__ = "business"
    __table_args__ = (UniqueConstraint("slug", name="uq_business_slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(120))
    currency: Mapped[str] = mapped_column(String(3))
    timezone: Mapped[str] = mapped_column(String(60), default="UTC")


class Account(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """Somebody who can log in; without a password hash, nobody can."""

    kind: str
    id: Mapped[int]
    password_hash: Mapped[str]

    def get_id(self) -> str:
        """The id in the session, which says which kind of person it is."""
        return f"{self.kind}:{self.id}"

    def set_password(self, password: str) -> None:
        """Keep a hash of the password."""
        self.password_hash = generate_password_hash(password)

    def check_password(self, password: str) -> bool:
        """Whether this is the password."""
        return bool(self.password_hash) and check_password_hash(self.password_hash, password)


class Staff(Account, Model):
    """Who works for a business."""

    __tablename__ = "staff"
    __table_args__ = (
        UniqueConstraint("email", name="uq_staff_email"),
        Index("ix_staff_business_id", "business_id"),
    )
    kind = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(ForeignKey("business.id", name="fk_staff_business_id"))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(255), default="")

    business: Mapped[Business] = relationship(lazy="joined", innerjoin=True)


class Client(Account, Model):
    """Who pays the invoices of a business."""

    __tablename__ = "client"
    __table_args__ = (
        UniqueConstraint("business_id", "email", name="uq_client_business_id_email"),
        UniqueConstraint("request_key", name="uq_client_request_key"),
    )
    kind = "client"

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(ForeignKey("business.id", name="fk_client_business_id"))
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(40))
    password_hash: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    request_key: Mapped[str | None] = mapped_column(String(36))

    business: Mapped[Business] = relationship(lazy="joined", innerjoin=True)
    invoices: Mapped[list[Invoice]] = relationship(back_populates="client", order_by="Invoice.id.desc()")
