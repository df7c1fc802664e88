"""Reading what people type into the forms."""
import math
from datetime import date

from .models import BillItem

LIMIT = 10_000_000
ROW_FIELDS = ("text", "qty", "price", "tax")


def read_float(value):
    """A float, also with a decimal comma. ValueError if it is not a sensible number."""
    number = float(value.strip().replace(",", "."))
    if not math.isfinite(number) or abs(number) > LIMIT:
        raise ValueError("not a sensible number")
    return number


def read_amount(value):
    """A positive amount of money in whole cents, or None."""
    try:
        amount = round(read_float(value), 2)
    except ValueError:
        return None
    return amount if amount > 0 else None


def read_date(value):
    """A date from a date input, today if left empty, None if it is nonsense."""
    value = value.strip()
    if not value:
        return date.today()
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def read_email(value):
    email = value.strip().lower()
    return email if "@" in email[1:-1] and " " not in email and len(email) <= 200 else None


def read_item(row):
    """Make a BillItem of a row of strings. Returns (item, error), one of them is None."""
    text = row["text"].strip()
    if not text:
        return None, "An item needs a text."
    if len(text) > 300:
        return None, "The text of an item is too long (300 characters at most)."
    try:
        qty = read_float(row["qty"] or "1")
        price = read_float(row["price"])
        tax = read_float(row["tax"] or "0")
    except ValueError:
        return None, "%s: quantity, price and tax must be numbers." % text
    if qty <= 0:
        return None, "%s: the quantity must be more than zero." % text
    if not 0 <= tax <= 100:
        return None, "%s: the tax must be between 0 and 100 percent." % text
    return BillItem(text=text, qty=qty, price=price, tax=tax), None


def read_rows(form):
    """The item rows of the bill form. Returns (rows as typed, items, errors); empty rows are dropped."""
    columns = [form.getlist(field) for field in ROW_FIELDS]
    rows = [dict(zip(ROW_FIELDS, values)) for values in zip(*columns)]
    rows = [row for row in rows if row["text"].strip() or row["price"].strip()]
    items, errors = [], []
    for row in rows:
        item, error = read_item(row)
        if error:
            errors.append(error)
        else:
            items.append(item)
    if not rows:
        errors.append("Add at least one item.")
    return rows, items, errors
