"""What the referee gets off an invoice, before tax (D2, D4, M3, M4)."""

from __future__ import annotations

from ..money import Money
from .terms import Terms


def discount_for(terms: Terms, subtotal: Money) -> Money:
    """The discount on an invoice with that subtotal before tax; zero, in the invoice's currency, where there is none.

    min(base, cap, rounded percentage or flat amount); none below the smallest first invoice (D4), and none where an
    amount of the terms would have to be compared with an invoice in another currency (M4).
    """
    none = Money.zero(subtotal.currency)
    deal = terms.discount
    if deal is None or subtotal.minor <= 0:
        return none
    stated = (deal.amount, deal.cap, terms.discount_min_invoice)
    if any(money is not None and money.currency != subtotal.currency for money in stated):
        return none
    if terms.discount_min_invoice is not None and subtotal < terms.discount_min_invoice:
        return none
    off = deal.amount if deal.percent is None else subtotal.percent(deal.percent)
    return min((money for money in (subtotal, deal.cap, off) if money is not None), key=lambda money: money.minor)
