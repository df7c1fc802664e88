"""An example invoice worked out by the very functions that work out the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ..domain.discounts import discount_for
from ..domain.rewards import plan, qualifies
from ..domain.terms import Terms
from ..money import MAX_MINOR, Money, digits

TAX_PERCENT = Decimal(10)


@dataclass(frozen=True, slots=True)
class Example:
    """A new client's first invoice, paid in full, and what both sides get for it."""

    subtotal: Money
    discount: Money
    taxable: Money
    tax: Money
    total: Money
    qualifies: bool
    referrer_gets: Money | None
    referee_gets: Money | None
    service: str | None


def example_invoice(terms: Terms) -> Example:
    """An invoice of 200 and 10% tax, or a larger one where the terms speak of larger ones."""
    subtotal = _subtotal(terms)
    discount = discount_for(terms, subtotal)
    taxable = subtotal - discount
    tax = taxable.percent(TAX_PERCENT)
    total = taxable + tax
    earns = terms.qualifies_on == "registration" or qualifies(terms, total)
    found = plan(terms, 1, taxable) if earns else []
    earned = {reward.beneficiary: reward.amount for reward in found if reward.cause == "base" and not reward.service}
    return Example(
        subtotal=subtotal,
        discount=discount,
        taxable=taxable,
        tax=tax,
        total=total,
        qualifies=bool(found),
        referrer_gets=earned.get("referrer"),
        referee_gets=earned.get("referee"),
        service=next((reward.service for reward in found if reward.service), None),
    )


def _subtotal(terms: Terms) -> Money:
    """200.00, or 20,000 in a currency without decimals; ten times as much until it reaches what the terms ask for."""
    places = digits(terms.currency)
    minor = 200 * 10**places if places else 20_000
    asked = max((money.minor for money in (terms.discount_min_invoice, terms.min_paid) if money), default=0)
    while minor < asked and minor * 20 < MAX_MINOR:
        minor *= 10
    return Money(minor, terms.currency)
