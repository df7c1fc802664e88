"""What came in for an invoice and stays, told from its payments one by one (R1, U1, U2, K4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..money import Money


@dataclass(frozen=True, slots=True)
class Received:
    """Money and account credit that stay, and whether the invoice is settled."""

    paid: Money
    credit: Money
    settled: bool


def received(total: Money, payments: Iterable[tuple[Money, bool]]) -> Received:
    """From amounts as they came, oldest first, refunds below zero; each with whether it is account credit.

    Settled from when they cover the total until nothing of them stays, so that a partial refund leaves it so (U2); what
    is raised above them is not settled. A refund gives back money first, then credit (K4).
    """
    paid = credit = nothing = Money.zero(total.currency)
    settled = False
    for amount, is_credit in payments:
        paid, credit = (paid, credit + amount) if is_credit else (paid + amount, credit)
        settled = paid + credit >= total or (settled and paid + credit > nothing)
    if paid < nothing:
        paid, credit = nothing, Money(max(0, (paid + credit).minor), total.currency)
    return Received(paid, credit, settled and total > nothing)
