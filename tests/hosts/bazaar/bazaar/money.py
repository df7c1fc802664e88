from decimal import Decimal, InvalidOperation

MAX_CENTS = 100_000_000


def format_money(cents, currency=''):
    """1234567, 'EUR' -> '12,345.67 EUR'"""
    sign = '-' if cents < 0 else ''
    whole, rest = divmod(abs(cents), 100)
    return ('%s%s.%02d %s' % (sign, format(whole, ','), rest, currency)).strip()


def format_rate(rate):
    """Decimal('7.00') -> '7%', Decimal('5.50') -> '5.5%'"""
    text = '%.2f' % rate
    return text.rstrip('0').rstrip('.') + '%'


def parse_cents(text):
    """'12.50' or '12,5' -> 1250. ValueError if that isn't an amount."""
    try:
        amount = Decimal((text or '').strip().replace(',', '.')) * 100
    except InvalidOperation:
        raise ValueError('This is not an amount: "%s"' % text)
    if not amount.is_finite() or amount != amount.to_integral_value() or abs(amount) > MAX_CENTS:
        raise ValueError('This is not an amount: "%s"' % text)
    return int(amount)


def parse_rate(text):
    """'19' or '5,5' -> Decimal percent, two digits after the point."""
    try:
        rate = Decimal((text or '').strip().replace(',', '.'))
    except InvalidOperation:
        raise ValueError('This is not a tax rate: "%s"' % text)
    if not rate.is_finite() or not 0 <= rate <= 100:
        raise ValueError('This is not a tax rate: "%s"' % text)
    return rate.quantize(Decimal('0.01'))
