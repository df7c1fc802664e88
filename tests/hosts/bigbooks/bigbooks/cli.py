"""flask bill ... and flask staff ..."""
import csv
from decimal import Decimal, InvalidOperation

import click
from flask import current_app
from flask.cli import AppGroup

from bigbooks.extensions import db
from bigbooks.models import OPEN_STATUSES, Invoice, Payment, Staff
from bigbooks.services.billing import build_invoice, copy_lines
from bigbooks.services.totals import recalculate
from bigbooks.utils import cents, utcnow

bill_cli = AppGroup('bill', help='Billing jobs, most of them run by cron.')
staff_cli = AppGroup('staff', help='Staff accounts.')


@bill_cli.command('import-payments')
@click.argument('file', type=click.File('r'))
def import_payments(file):
    """Book payments from a CSV FILE with the columns number, amount, reference."""
    count = 0
    for row in csv.DictReader(file):
        invoice = Invoice.query.filter_by(number=row['number'].strip(), kind='invoice').first()
        if invoice is None or invoice.deleted_at or invoice.status not in OPEN_STATUSES:
            click.echo('%s: not an open invoice' % row['number'])
            continue
        try:
            amount = cents(row['amount'])
        except InvalidOperation:
            click.echo('%s: bad amount %r' % (row['number'], row['amount']))
            continue
        if amount <= 0 or amount > invoice.balance:
            click.echo('%s: %s does not fit the balance %s' % (row['number'], amount, invoice.balance))
            continue
        reference = row.get('reference') or None
        if reference and Payment.query.filter_by(invoice_id=invoice.id, reference=reference).count():
            click.echo('%s: %s was imported before' % (row['number'], reference))
            continue
        db.session.add(Payment(invoice_id=invoice.id, amount=amount, method='import', reference=reference,
                               received_on=utcnow().date()))
        invoice.amount_paid = invoice.amount_paid + amount
        invoice.status = 'part_paid' if invoice.balance > 0 else 'paid'
        if invoice.status == 'paid':
            invoice.paid_at = utcnow()
        db.session.commit()
        count += 1
    click.echo('%d payments imported' % count)


@bill_cli.command('settle-small')
@click.option('--dry-run', is_flag=True, help='Only list them.')
def settle_small(dry_run):
    """Pay off remaining balances that are not worth a reminder."""
    limit = Decimal(current_app.config['SMALL_BALANCE'])
    query = Invoice.query.filter(Invoice.kind == 'invoice', Invoice.status == 'part_paid',
                                 Invoice.deleted_at.is_(None))
    settled = 0
    for invoice in query.order_by(Invoice.id).all():
        rest = invoice.balance
        if rest <= 0 or rest >= limit:
            continue
        click.echo('%s: %s %s' % (invoice.number, rest, invoice.currency))
        settled += 1
        if dry_run:
            continue
        invoice.payments.append(Payment(amount=rest, method='rounding', note='Small balance settled'))
        invoice.amount_paid += rest
        invoice.status = 'paid'
        invoice.paid_at = utcnow()
    db.session.commit()
    click.echo('%d invoices settled' % settled)


@bill_cli.command('run-recurring')
def run_recurring():
    """Make draft invoices from the recurring templates that are due."""
    today = utcnow().date()
    templates = Invoice.query.filter(Invoice.kind == 'recurring_template', Invoice.deleted_at.is_(None),
                                     Invoice.status != 'void', Invoice.next_run <= today).all()
    for template in templates:
        invoice = build_invoice(template.client, currency=template.currency, notes=template.notes,
                                converted_from_id=template.id)
        db.session.commit()
        copy_lines(template, invoice)
        recalculate(invoice)
        month = template.next_run.month - 1 + (template.repeat_months or 1)
        template.next_run = template.next_run.replace(
            year=template.next_run.year + month // 12, month=month % 12 + 1, day=min(template.next_run.day, 28))
        db.session.commit()
        click.echo('%s -> %s' % (template.number, invoice.number))


@staff_cli.command('add')
@click.argument('email')
@click.argument('name')
@click.option('--admin', is_flag=True)
@click.password_option()
def add_staff(email, name, admin, password):
    """Make a staff account."""
    staff = Staff(email=email.strip().lower(), name=name, role='admin' if admin else 'staff')
    staff.set_password(password)
    db.session.add(staff)
    db.session.commit()
    click.echo('Added %s' % staff.email)
