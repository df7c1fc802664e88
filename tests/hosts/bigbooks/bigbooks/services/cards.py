"""Card payments. Stands in for the acquirer until the contract is signed."""
import secrets


class CardDeclined(Exception):
    pass


def charge(card_number, amount, currency):
    """Charge a card and return the transaction id. Numbers ending in 0002 are declined."""
    digits = card_number.replace(' ', '')
    if digits.endswith('0002'):
        raise CardDeclined('The card was declined')
    return 'card_' + secrets.token_hex(8)
