"""Pretend card processor. Takes every card except the one that is always declined."""
import re
from uuid import uuid4

DECLINED_CARD = '4000000000000002'


class CardError(Exception):
    pass


def charge(number, expiry, cvc, cents):
    """"Charge" the card; returns the reference of the charge, or raises CardError."""
    number = re.sub(r'[\s-]', '', number or '')
    if not re.fullmatch(r'[0-9]{13,19}', number):
        raise CardError('The card number is not valid.')
    if not re.fullmatch(r'(0[1-9]|1[0-2])/[0-9]{2}', (expiry or '').strip()):
        raise CardError('The expiry date must look like 09/31.')
    if not re.fullmatch(r'[0-9]{3,4}', (cvc or '').strip()):
        raise CardError('The CVC must have three or four digits.')
    if number == DECLINED_CARD:
        raise CardError('The card was declined.')
    return 'card-%s-%s' % (number[-4:], uuid4().hex[:8])
