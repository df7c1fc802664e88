"""Credit with an expiry, lot by lot: which is spent, which comes back, which is left (K3, K4, K5). All minor units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

#: Which lots credit is made of, earliest expiry first: (lot, minor units) each.
Parts = list[tuple[int, int]]


@dataclass(slots=True)
class Lot:
    """What of one expiring piece of credit is neither spent nor held on an invoice."""

    id: int
    expires_at: datetime
    remaining: int


def spend(lots: Iterable[Lot], amount: int, now: datetime) -> Parts:
    """The parts that spending `amount` takes: earliest expiry first, then the older; the rest has no expiry (K3)."""
    parts: Parts = []
    for lot in sorted(lots, key=lambda lot: (lot.expires_at, lot.id)):
        part = min(lot.remaining, amount) if lot.expires_at > now else 0
        if part > 0:
            parts.append((lot.id, part))
            amount -= part
    return parts


def give_back(parts: Sequence[tuple[int, int]], total: int, back: int) -> tuple[Parts, Parts]:
    """Split what makes up `total` into what stays and what comes back: what was spent last comes back first.

    Returns the parts that stay and the parts that come back; what had no expiry comes back before any of them.
    """
    back = max(0, back - (total - sum(part for _, part in parts)))
    stay: Parts = []
    returned: Parts = []
    for lot_id, part in reversed(parts):
        gone = min(part, back)
        back -= gone
        if gone:
            returned.insert(0, (lot_id, gone))
        if part > gone:
            stay.insert(0, (lot_id, part - gone))
    return stay, returned


def left_of_new(amount: int, balance_after: int) -> int:
    """What is left of a new lot of `amount` where a balance below zero was filled first (K5)."""
    return max(0, min(amount, balance_after))
