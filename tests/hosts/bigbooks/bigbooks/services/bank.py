"""Reads the CSV our bank gives: date, text, amount. The invoice number is somewhere in the text."""
import csv
import hashlib
import io
import re
from datetime import datetime

from bigbooks.extensions import db
from bigbooks.models import Invoice, Payment
from bigbooks.services.billing import BillingError, register_payment
from bigbooks.utils import parse_amount

NUMBER_RE = re.compile(r'\bINV[- ]?(\d{5})\b', re.IGNORECASE)


def parse_date(text):
    for pattern in ('%Y-%m-%d', '%d.%m.%Y', '%d/%m/%Y'):
        try:
            return datetime.strptime(text.strip(), pattern).date()
        except ValueError:
            continue
    return None


def import_statement(data, staff_id=None):
    """Book all rows that can be matched. Returns (booked, skipped), lists of tuples for the result page."""
    text = data.decode('utf-8-sig', errors='replace')
    first_line = text.split('\n', 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=';' if ';' in first_line else ',')
    booked, skipped = [], []
    for row in reader:
        if not row or row[0].strip().lower() == 'date':
            continue
        if len(row) < 3:
            skipped.append((', '.join(row), 'too few columns'))
            continue
        try:
            amount = parse_amount(row[2])
        except ValueError:
            skipped.append((row[1], 'no amount'))
            continue
        match = NUMBER_RE.search(row[1])
        if amount <= 0 or match is None:
            skipped.append((row[1], 'no invoice number' if amount > 0 else 'not money in'))
            continue
        # the bank has no ids, so a row is recognised by its contents
        reference = 'bank-' + hashlib.sha1('|'.join(row[:3]).encode()).hexdigest()[:20]
        if Payment.query.filter_by(reference=reference).first():
            skipped.append((row[1], 'imported before'))
            continue
        invoice = Invoice.query.filter_by(number='INV-' + match.group(1), deleted_at=None).first()
        if invoice is None:
            skipped.append((row[1], 'unknown invoice'))
            continue
        try:
            with db.session.begin_nested():
                register_payment(invoice, amount, 'bank', reference=reference, note=row[1][:300],
                                 staff_id=staff_id, received_on=parse_date(row[0]))
        except BillingError as e:
            skipped.append((row[1], str(e)))
        else:
            booked.append((invoice.number, amount, invoice.status))
    db.session.commit()
    return booked, skipped
