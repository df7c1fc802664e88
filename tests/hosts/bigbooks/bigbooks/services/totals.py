"""Sums of an invoice."""
from decimal import Decimal

from bigbooks.utils import cents


def recalculate(invoice):
    """Work out every line and store the sums on the invoice. Does not commit and leaves the status alone."""
    subtotal = discount = tax = Decimal('0.00')
    for line in invoice.lines:
        gross = cents(line.qty * line.unit_price)
        line.line_total = gross - (line.discount or 0)
        subtotal += gross
        discount += line.discount or 0
        tax += cents(line.line_total * line.tax_rate / 100)
    invoice.subtotal = subtotal
    invoice.discount_total = discount
    invoice.tax_total = tax
    invoice.total = subtotal - discount + tax
    return invoice.total
