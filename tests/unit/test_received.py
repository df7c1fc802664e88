"""What came in for an invoice, told from its payments (R1, U1, U2, K4)."""

from __future__ import annotations

import pytest

from flask_referrals import Money
from flask_referrals.domain.received import received

MONEY, CREDIT = False, True


@pytest.mark.parametrize(
    ("payments", "paid", "credit", "settled"),
    [
        ([], 0, 0, False),
        ([(60, MONEY)], 60, 0, False),
        ([(60, MONEY), (40, MONEY)], 100, 0, True),
        ([(20, CREDIT), (90, MONEY)], 90, 20, True),  # more than the total
        ([(100, MONEY), (-30, MONEY)], 70, 0, True),  # a refund of a part
        ([(100, MONEY), (-100, MONEY)], 0, 0, False),
        ([(100, MONEY), (-100, MONEY), (90, MONEY)], 90, 0, False),  # what was refunded does not count twice
        ([(100, MONEY), (-100, MONEY), (100, MONEY), (-1, MONEY)], 99, 0, True),
        ([(20, CREDIT), (80, MONEY), (-80, MONEY)], 0, 20, True),  # money first
        ([(20, CREDIT), (80, MONEY), (-90, MONEY)], 0, 10, True),  # then credit
        ([(20, CREDIT), (80, MONEY), (-100, MONEY)], 0, 0, False),
    ],
)
def test_received(payments: list[tuple[int, bool]], paid: int, credit: int, settled: bool) -> None:
    """Settled from when they cover the total of 100 until nothing of them stays."""
    told = received(usd(100), [(usd(minor), kind) for minor, kind in payments])
    assert (told.paid, told.credit, told.settled) == (usd(paid), usd(credit), settled)


def test_an_invoice_of_nothing_is_not_settled() -> None:
    """R1: one that is made empty has its lines still to come."""
    assert not received(usd(0), [(usd(0), MONEY)]).settled


def usd(minor: int) -> Money:
    """Dollars, from cents."""
    return Money(minor, "USD")
