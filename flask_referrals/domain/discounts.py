"""What the referee gets off an invoice, before tax (D2, D4, M3, M4)."""

from __future__ import annotations

from ..money import Money
from .terms import Terms


def why_none(terms: Terms, subtotal: Money) -> str | None:
    """Why an invoice with that subtotal before tax gets no discount, as a code; None where it gets one.

    `none_promised`, `nothing_to_lower`; `other_currency`, where an amount of the terms would have to be compared with
    an invoice in another currency (M4); `below_minimum`, below the smallest first invoice (D4).
    """
    deal = terms.discount
    if deal is None:
        return "none_promised"
    if subtotal.minor <= 0:
        return "nothing_to_lower"
    stated = (deal.amount, deal.cap, terms.discount_min_invoice)
    if any(money is not None and money.currency != subtotal.currency for money in stated):
        return "other_currency"
    if terms.discount_min_invoice is not None and subtotal < terms.discount_min_invoice:
        return "below_minimum"
    return None


def discount_for(terms: Terms, subtotal: Money) -> Money:
    """The discount on an invoice with that subtotal before tax; zero, in the invoice's currency, where there is none.

    min(base, cap, rounded percentage or flat amount), or none for one of the reasons of `why_none`.
    """
    deal = terms.discount
    if deal is None or why_none(terms, subtotal) is not None:
        return Money.zero(subtotal.currency)
    off = deal.amount if deal.percent is None else subtotal.percent(deal.percent)
    return min((money for money in (subtotal, deal.cap, off) if money is not None), key=lambda money: money.minor)
