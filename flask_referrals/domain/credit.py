"""How much account credit may be put on an invoice (K2, K5)."""

from __future__ import annotations

from ..errors import MoneyError
from ..money import Money


class CreditRefused(Exception):
    """Credit that cannot be put on an invoice; `reason` is the refusal's code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def credit_to_hold(available: Money, due: Money, asked: Money | None) -> Money:
    """How much to hold of the `available` credit on an invoice with `due` left to pay; `asked` None for all there is.

    Raises CreditRefused: `no_credit` where there is nothing to spend, `not_enough_credit` for more than there is,
    `more_than_due` for more than is left to pay. MoneyError for a request of nothing or less.
    """
    if asked is not None and asked.minor <= 0:
        raise MoneyError("say how much credit to use, above zero", amount=asked)
    if available.minor <= 0:
        raise CreditRefused("no_credit")
    if asked is None:
        if due.minor <= 0:
            raise CreditRefused("more_than_due")
        return min(available, due, key=lambda money: money.minor)
    if asked > available:
        raise CreditRefused("not_enough_credit")
    if asked > due:
        raise CreditRefused("more_than_due")
    return asked
