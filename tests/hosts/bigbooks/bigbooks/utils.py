"""Small helpers used all over."""
import secrets
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import wraps

from flask import abort
from flask_login import current_user, login_required

CENT = Decimal('0.01')
CODE_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'


def utcnow():
    """Now in UTC without a time zone, which is how all our columns have it."""
    return datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)


def cents(value):
    return Decimal(value).quantize(CENT, rounding=ROUND_HALF_UP)


def parse_amount(text):
    """'1.234,56', '1,234.56' and '1234.5' to a Decimal; ValueError if it isn't an amount."""
    text = str(text).strip().replace(' ', '')
    if ',' in text and '.' in text:
        if text.rfind(',') > text.rfind('.'):
            text = text.replace('.', '').replace(',', '.')
        else:
            text = text.replace(',', '')
    else:
        text = text.replace(',', '.')
    try:
        amount = cents(text)
    except InvalidOperation:
        raise ValueError('not an amount: %r' % text)
    if not amount.is_finite():
        raise ValueError('not an amount: %r' % text)
    return amount


def make_access_code():
    return ''.join(secrets.choice(CODE_ALPHABET) for _ in range(8))


def money_filter(value, currency=None):
    text = '{:,.2f}'.format(value)
    return '%s %s' % (text, currency) if currency else text


def day_filter(value):
    return value.strftime('%d %b %Y') if value else '-'


def admin_required(view):
    """Like login_required, but only for admins."""
    @wraps(view)
    @login_required
    def wrapped(*args, **kwargs):
        if not current_user.is_admin:
            abort(403)
        return view(*args, **kwargs)
    return wrapped
