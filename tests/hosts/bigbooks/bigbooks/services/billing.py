"""Making invoices and moving money on them."""
from datetime import timedelta

from flask import current_app

from bigbooks.extensions import db
from bigbooks.models import Counter, CreditNote, Invoice, InvoiceLine, Payment
from bigbooks.utils import cents, utcnow

PREFIXES = {'invoice': 'INV', 'estimate': 'EST', 'recurring_template': 'REC', 'credit_note': 'CN'}


class BillingError(Exception):
    """Something that can't be done; the text is shown to the user."""


def next_number(kind):
    counter = Counter.query.filter_by(kind=kind).with_for_update().first()
    if counter is None:
        counter = Counter(kind=kind, last=0)
        db.session.add(counter)
    counter.last += 1
    return '%s-%05d' % (PREFIXES[kind], counter.last)


def build_invoice(client, kind='invoice', **fields):
    """An empty draft, added to the session but not committed. Lines and totals come later."""
    number = next_number(kind)
    if kind == 'invoice' and not fields.get('due_date'):
        fields['due_date'] = utcnow().date() + timedelta(days=current_app.config['PAYMENT_TERMS_DAYS'])
    fields.setdefault('currency', client.currency)
    invoice = Invoice(client_id=client.id, kind=kind, status='draft', number=number, **fields)
    db.session.add(invoice)
    return invoice


def copy_lines(source, target):
    for line in source.lines:
        target.lines.append(InvoiceLine(
            description=line.description, qty=line.qty, unit_price=line.unit_price,
            discount=line.discount, tax_rate=line.tax_rate, line_total=line.line_total,
        ))


def register_payment(invoice, amount, method, reference=None, note=None, staff_id=None, received_on=None):
    """Put a payment on an invoice and update its status. The caller commits."""
    amount = cents(amount)
    if amount <= 0:
        raise BillingError('The amount must be more than zero')
    if not invoice.is_payable:
        raise BillingError('Invoice %s is not open for payment' % invoice.number)
    if amount > invoice.balance:
        raise BillingError('The amount is more than the open balance of %s' % invoice.balance)
    payment = Payment(invoice_id=invoice.id, amount=amount, method=method, reference=reference, note=note,
                      staff_id=staff_id, received_on=received_on or utcnow().date())
    db.session.add(payment)
    invoice.amount_paid += amount
    if invoice.balance <= 0:
        invoice.status = 'paid'
        invoice.paid_at = utcnow()
    else:
        invoice.status = 'part_paid'
    return payment


def reopen(invoice):
    """Set the status after money has left the invoice."""
    if invoice.status not in ('paid', 'part_paid') or invoice.balance <= 0:
        return
    invoice.paid_at = None
    if invoice.amount_paid + invoice.credit_applied > 0:
        invoice.status = 'part_paid'
    else:
        invoice.status = 'sent'


def reverse_payment(payment):
    """The bank took it back, or it was booked on the wrong invoice."""
    if not payment.can_be_reversed:
        raise BillingError('This payment cannot be reversed')
    invoice = payment.invoice
    if payment.amount > invoice.amount_paid:
        raise BillingError('Part of this payment was refunded already')
    payment.reversed_at = utcnow()
    invoice.amount_paid -= payment.amount
    reopen(invoice)


def refund(invoice, amount, note=None, reference=None, staff_id=None):
    """Give back a part or all of what was paid."""
    amount = cents(amount)
    if amount <= 0 or amount > invoice.amount_paid:
        raise BillingError('You can refund at most %s' % invoice.amount_paid)
    db.session.add(Payment(invoice_id=invoice.id, amount=-amount, method='refund', note=note,
                           reference=reference, staff_id=staff_id, received_on=utcnow().date()))
    invoice.amount_paid -= amount
    reopen(invoice)


def void(invoice):
    if invoice.status == 'void':
        raise BillingError('The invoice is void already')
    if invoice.credit_applied > 0:
        give_credit(invoice.client, invoice.credit_applied, 'Returned from %s' % invoice.number)
        invoice.credit_applied = 0
    invoice.status = 'void'
    invoice.paid_at = None


def give_credit(client, amount, reason):
    note = CreditNote(client_id=client.id, number=next_number('credit_note'), amount=amount, remaining=amount,
                      reason=reason)
    db.session.add(note)
    return note


def apply_credit(note, invoice, amount=None):
    """Use a credit note (or a part of it) on an invoice. There is no Payment for it."""
    if note.client_id != invoice.client_id:
        raise BillingError('The credit note belongs to another client')
    if not invoice.is_payable:
        raise BillingError('Invoice %s is not open for payment' % invoice.number)
    usable = min(note.remaining, invoice.balance)
    amount = usable if amount is None else cents(amount)
    if amount <= 0 or amount > usable:
        raise BillingError('You can apply at most %s' % usable)
    note.remaining -= amount
    invoice.credit_applied += amount
    invoice.status = 'part_paid'
    if invoice.balance == 0:
        invoice.status = 'paid'
        invoice.paid_at = utcnow()
    return amount
