"""The use cases. Each works on `db.session` and flushes; whoever calls it commits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import select, update

from .clock import now
from .extensions import db
from .models import Business, Client, Invoice, InvoiceLine, Payment, Refund, Status
from .money import show

MAX_TOTAL_MINOR = 10**15
DISPUTE = "dispute"

T = TypeVar("T")
Keyed = TypeVar("Keyed", Client, Invoice, Payment, Refund)


class BillingError(Exception):
    """A step that cannot be taken, with a sentence for the person who tried; `field` is what to correct."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


class Done(NamedTuple, Generic[T]):
    """What came of a step; `is_new` is False when the same form had been sent before and nothing was done now."""

    item: T
    is_new: bool


@dataclass(frozen=True)
class LineItem:
    """One line as it was asked for."""

    description: str
    amount_minor: int
    service: str | None = None
    tax_millipercent: int = 0


def register_client(
    business: Business,
    *,
    name: str,
    email: str,
    phone: str | None = None,
    password: str | None = None,
    request_key: str | None = None,
) -> Done[Client]:
    """Add a client; without a password (added by staff) the client cannot log in."""
    wait_for(business)
    known = _sent_before(Client, request_key)
    if known and known.business_id == business.id and (password is None or known.check_password(password)):
        return Done(known, False)
    email = email.strip().lower()
    if known or db.session.scalar(select(Client.id).filter_by(business_id=business.id, email=email)):
        raise BillingError("email_taken", "There is already an account with this email address.", "email")
    client = Client(business=business, name=name, email=email, phone=phone or None, request_key=request_key)
    if password:
        client.set_password(password)
    return _added(client)


def create_invoice(
    client: Client,
    *,
    number: str,
    currency: str,
    lines: Sequence[LineItem],
    draft: bool = False,
    request_key: str | None = None,
) -> Done[Invoice]:
    """Write an invoice; a draft is not shown to the client yet."""
    wait_for(client.business)
    known = _sent_before(Invoice, request_key)
    if known:
        _same_form(known.business_id == client.business_id)
        return Done(known, False)
    if db.session.scalar(select(Invoice.id).filter_by(business_id=client.business_id, number=number)):
        raise BillingError("number_taken", f"There is already an invoice with the number {number}.", "number")
    invoice = Invoice(
        business=client.business,
        client=client,
        number=number,
        currency=currency,
        status=Status.DRAFT if draft else Status.OPEN,
        request_key=request_key,
    )
    _put_lines(invoice, lines)
    return _added(invoice)


def change_invoice(invoice: Invoice, lines: Sequence[LineItem], *, draft: bool = False) -> Invoice:
    """Replace the lines of an unpaid invoice, and with them its discount; unless it stays a draft, it is open."""
    wait_for(invoice)
    if invoice.status not in (Status.DRAFT, Status.OPEN):
        raise BillingError("not_changeable", f"This invoice is {invoice.status} and can no longer be changed.")
    _put_lines(invoice, lines)
    if invoice.total_minor < invoice.money_kept_minor:
        paid = show(invoice.money_kept_minor, invoice.currency)
        raise BillingError("below_paid", f"{paid} were already paid. Refund the difference first.")
    if not draft:
        invoice.status = Status.OPEN
    db.session.flush()
    return invoice


def record_payment(
    invoice: Invoice,
    amount_minor: int | None = None,
    *,
    method: str = "transfer",
    request_key: str | None = None,
) -> Done[Payment | None]:
    """Book money, all that is due by default; with nothing due, this settles the invoice without a payment."""
    wait_for(invoice)
    known = _sent_before(Payment, request_key)
    if known:
        _same_form(known.invoice_id == invoice.id)
        return Done(known, False)
    due = invoice.due_minor
    amount = due if amount_minor is None else amount_minor
    if invoice.status == Status.PAID and amount == 0:
        return Done(None, False)
    if invoice.status != Status.OPEN:
        raise BillingError("not_open", f"This invoice is {invoice.status} and takes no payment.")
    if amount > due:
        raise BillingError("too_much", f"Only {show(due, invoice.currency)} are due on this invoice.", "amount")
    if amount < 0 or (amount == 0 and due):
        raise BillingError("not_positive", "The amount must be more than zero.", "amount")
    payment = Payment(amount_minor=amount, method=method, request_key=request_key) if amount else None
    if payment:
        invoice.payments.append(payment)
    if invoice.due_minor == 0:
        invoice.status, invoice.paid_at = Status.PAID, now()
    db.session.flush()
    return Done(payment, True)


def refund(
    invoice: Invoice, amount_minor: int | None = None, *, reason: str, request_key: str | None = None
) -> Done[Refund]:
    """Give money back, and then credit, by default all of it; an invoice with nothing left is unpaid again."""
    wait_for(invoice)
    known = _sent_before(Refund, request_key)
    if known:
        _same_form(known.invoice_id == invoice.id)
        return Done(known, False)
    return Done(_give_back(invoice, amount_minor, reason, request_key), True)


def lose_dispute(invoice: Invoice) -> Done[Invoice]:
    """Book that the bank took everything back; a second time changes nothing."""
    wait_for(invoice)
    if invoice.is_refunded and invoice.refund_reason == DISPUTE:
        return Done(invoice, False)
    _give_back(invoice, None, DISPUTE, None)
    return Done(invoice, True)


def void(invoice: Invoice) -> Done[Invoice]:
    """Cancel an invoice, paid or not; a second time changes nothing."""
    wait_for(invoice)
    if invoice.status == Status.VOID:
        return Done(invoice, False)
    invoice.status, invoice.voided_at = Status.VOID, now()
    db.session.flush()
    return Done(invoice, True)


def next_number(business: Business) -> str:
    """The next free invoice number, in the manner of the latest one."""
    numbers = select(Invoice.number).filter_by(business_id=business.id)
    latest = db.session.scalar(numbers.order_by(Invoice.id.desc()).limit(1))
    prefix, count = _split(latest or "INV-1000")
    while True:
        count = str(int(count) + 1).zfill(len(count))
        if not db.session.scalar(numbers.filter_by(number=f"{prefix}{count}")):
            return f"{prefix}{count}"


def _split(number: str) -> tuple[str, str]:
    """A number's last digits, and what stands before them."""
    found = re.fullmatch(r"(.*?)([0-9]{1,18})", number)
    return (found[1], found[2]) if found else (f"{number[:30]}-", "0")


def _give_back(invoice: Invoice, amount_minor: int | None, reason: str, request_key: str | None) -> Refund:
    """Book a refund, money before credit."""
    most = invoice.refundable_minor
    amount = most if amount_minor is None else amount_minor
    if most == 0:
        raise BillingError("nothing_paid", "Nothing was paid on this invoice that could be given back.")
    if amount > most:
        raise BillingError("too_much", f"Only {show(most, invoice.currency)} can be given back.", "amount")
    if amount <= 0:
        raise BillingError("not_positive", "The amount must be more than zero.", "amount")
    credit = max(0, amount - invoice.money_kept_minor)
    given = Refund(amount_minor=amount, credit_minor=credit, reason=reason, request_key=request_key)
    invoice.refunds.append(given)
    invoice.refunded_minor += amount
    invoice.refund_reason = reason
    invoice.credit_minor -= credit
    if invoice.is_refunded and invoice.status == Status.PAID:
        invoice.status, invoice.paid_at = Status.OPEN, None
    db.session.flush()
    return given


def _put_lines(invoice: Invoice, items: Sequence[LineItem]) -> None:
    """Give the invoice these lines, without a discount."""
    if not items:
        raise BillingError("no_lines", "An invoice needs at least one line.")
    invoice.lines = [
        InvoiceLine(
            position=position,
            description=item.description,
            service=item.service or None,
            amount_minor=item.amount_minor,
            tax_millipercent=item.tax_millipercent,
            discount_minor=0,
            voucher_minor=0,
        )
        for position, item in enumerate(items)
    ]
    invoice.discount_minor, invoice.discount_label = 0, None
    if invoice.total_minor > MAX_TOTAL_MINOR:
        raise BillingError("too_large", "The total of this invoice is too large. Please check the amounts.")


def wait_for(row: Business | Invoice) -> None:
    """Let one transaction after the other work on the row, and read what the one before has written."""
    model: Any = type(row)
    touch = update(model).where(model.id == row.id).values(id=model.id)
    db.session.execute(touch, execution_options={"synchronize_session": False})
    db.session.refresh(row)


def _sent_before(model: type[Keyed], request_key: str | None) -> Keyed | None:
    """What the form with this key has made when it was first sent."""
    return db.session.scalar(select(model).filter_by(request_key=request_key)) if request_key else None


def _same_form(is_same: bool) -> None:
    """Refuse a key that was used for something else."""
    if not is_same:
        raise BillingError("key_reused", "This form was already used. Please reload the page and try again.")


def _added(item: Keyed) -> Done[Keyed]:
    """Put a new row into the session, and give it its id."""
    db.session.add(item)
    db.session.flush()
    return Done(item, True)
