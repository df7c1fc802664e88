"""The invoice and its parts; every sum is worked out here, in whole minor units."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .clock import now
from .extensions import Model, UtcDateTime

if TYPE_CHECKING:
    from .models import Business, Client

PERCENT = 100_000  # thousandths of a percent in the whole


class Status(StrEnum):
    """Where an invoice stands, stored as text."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"


class InvoiceLine(Model):
    """One thing on an invoice; the amount is before tax, before the discount and what is free of it."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        CheckConstraint("amount_minor >= 0", name="ck_invoice_line_amount"),
        CheckConstraint("discount_minor >= 0 AND discount_minor <= amount_minor", name="ck_invoice_line_discount"),
        CheckConstraint("tax_millipercent >= 0", name="ck_invoice_line_tax"),
        CheckConstraint("voucher_minor >= 0", name="ck_invoice_line_voucher"),
        Index("ix_invoice_line_invoice_id", "invoice_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id", name="fk_invoice_line_invoice_id"))
    position: Mapped[int]
    description: Mapped[str] = mapped_column(String(200))
    service: Mapped[str | None] = mapped_column(String(80))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    tax_millipercent: Mapped[int] = mapped_column(default=0)
    discount_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    voucher_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")

    @property
    def net_minor(self) -> int:
        """What the line costs before tax."""
        return self.amount_minor - self.discount_minor - self.voucher_minor


class Payment(Model):
    """Money that came in for an invoice."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="ck_payment_amount"),
        UniqueConstraint("request_key", name="uq_payment_request_key"),
        Index("ix_payment_invoice_id", "invoice_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id", name="fk_payment_invoice_id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    method: Mapped[str] = mapped_column(String(20))
    request_key: Mapped[str | None] = mapped_column(String(36))


class Refund(Model):
    """What was given back on an invoice: money first, and then credit, which is `credit_minor` of the amount."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="ck_refund_amount"),
        CheckConstraint("credit_minor >= 0 AND credit_minor <= amount_minor", name="ck_refund_credit"),
        UniqueConstraint("request_key", name="uq_refund_request_key"),
        Index("ix_refund_invoice_id", "invoice_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id", name="fk_refund_invoice_id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    credit_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    reason: Mapped[str] = mapped_column(String(200))
    request_key: Mapped[str | None] = mapped_column(String(36))


class Invoice(Model):
    """What a client owes a business, and what has come of it; `credit_minor` is the credit that is still on it."""

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("business_id", "number", name="uq_invoice_business_id_number"),
        UniqueConstraint("request_key", name="uq_invoice_request_key"),
        CheckConstraint("status IN ('draft', 'open', 'paid', 'void')", name="ck_invoice_status"),
        CheckConstraint("discount_minor >= 0", name="ck_invoice_discount"),
        CheckConstraint("credit_minor >= 0", name="ck_invoice_credit"),
        CheckConstraint("refunded_minor >= 0", name="ck_invoice_refunded"),
        Index("ix_invoice_business_id_status", "business_id", "status"),
        Index("ix_invoice_client_id", "client_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(ForeignKey("business.id", name="fk_invoice_business_id"))
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id", name="fk_invoice_client_id"))
    number: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(10), default=Status.OPEN)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    voided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    discount_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    discount_label: Mapped[str | None] = mapped_column(String(200))
    credit_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    refund_reason: Mapped[str | None] = mapped_column(String(200))
    request_key: Mapped[str | None] = mapped_column(String(36))

    business: Mapped[Business] = relationship()
    client: Mapped[Client] = relationship(back_populates="invoices")
    lines: Mapped[list[InvoiceLine]] = relationship(
        lazy="selectin", order_by=InvoiceLine.position, cascade="all, delete-orphan"
    )
    payments: Mapped[list[Payment]] = relationship(lazy="selectin", order_by=Payment.id)
    refunds: Mapped[list[Refund]] = relationship(lazy="selectin", order_by=Refund.id)

    @property
    def subtotal_minor(self) -> int:
        """All lines, before tax and before the discount."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def taxes(self) -> list[tuple[int, int]]:
        """Each tax rate with its tax, rounded half up once per rate, after the discount."""
        taxed: dict[int, int] = {}
        for line in self.lines:
            taxed[line.tax_millipercent] = taxed.get(line.tax_millipercent, 0) + line.net_minor
        return [(rate, (2 * net * rate + PERCENT) // (2 * PERCENT)) for rate, net in sorted(taxed.items()) if rate]

    @property
    def tax_minor(self) -> int:
        """The tax of all rates together."""
        return sum(tax for _, tax in self.taxes)

    @property
    def total_minor(self) -> int:
        """What the client is asked for."""
        return sum(line.net_minor for line in self.lines) + self.tax_minor

    @property
    def money_paid_minor(self) -> int:
        """All money that ever came in, whatever was given back."""
        return sum(payment.amount_minor for payment in self.payments)

    @property
    def money_refunded_minor(self) -> int:
        """All money that was ever given back; money goes back before credit does."""
        return self.refunded_minor - sum(refund.credit_minor for refund in self.refunds)

    @property
    def money_kept_minor(self) -> int:
        """The money that stayed."""
        return self.money_paid_minor - self.money_refunded_minor

    @property
    def refundable_minor(self) -> int:
        """What can still be given back, money and credit together."""
        return self.money_kept_minor + self.credit_minor

    @property
    def is_refunded(self) -> bool:
        """Whether everything that had been paid was given back."""
        return self.refunded_minor > 0 and self.refundable_minor == 0

    @property
    def due_minor(self) -> int:
        """What is left to pay; nothing on a paid one, even after part of it was given back."""
        if self.status in (Status.PAID, Status.VOID):
            return 0
        return max(0, self.total_minor - self.refundable_minor)

    @property
    def standing(self) -> str:
        """The status as people see it, which also tells of parts that were paid or given back."""
        if self.is_refunded and self.status == Status.OPEN:
            return "refunded"
        if self.refunded_minor and self.status == Status.PAID:
            return "part refunded"
        if self.status == Status.OPEN and self.refundable_minor:
            return "part paid"
        return self.status

    def apply_discount(self, parts: Sequence[int], label: str | None) -> None:
        """Put a discount on the invoice, one part per line, in place of what was there."""
        if len(parts) != len(self.lines):
            raise ValueError(f"a discount needs one part per line: {len(parts)} for {len(self.lines)}")
        for line, part in zip(self.lines, parts, strict=True):
            if not 0 <= part <= line.amount_minor:
                raise ValueError(f"a discount of {part} does not fit a line of {line.amount_minor}")
            line.discount_minor = part
            line.voucher_minor = min(line.voucher_minor, line.amount_minor - part)
        self.discount_minor = sum(parts)
        self.discount_label = label if self.discount_minor else None

    def line_of(self, service: str) -> InvoiceLine | None:
        """The first line of that service."""
        return next((line for line in self.lines if line.service == service), None)

    def apply_credit(self, minor: int) -> None:
        """Count that much account credit as paid, in place of what was there."""
        if minor < 0:
            raise ValueError(f"credit cannot be negative: {minor}")
        self.credit_minor = minor
