"""The states of things and the steps between them (docs/rules.md, States). No other step exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..errors import StateError

Steps = Mapping[str, frozenset[str]]

REFERRAL: Final[Steps] = {
    "pending": frozenset({"qualified", "expired", "rejected"}),
    "qualified": frozenset({"pending", "rejected"}),
    "expired": frozenset({"rejected"}),
    "rejected": frozenset(),
}
REWARD: Final[Steps] = {
    "pending": frozenset({"issued", "cancelled"}),
    "issued": frozenset({"reversed"}),
    "cancelled": frozenset(),
    "reversed": frozenset(),
}
HOLD: Final[Steps] = {
    "held": frozenset({"captured", "released"}),
    "captured": frozenset({"released"}),
    "released": frozenset(),
}
PAYOUT: Final[Steps] = {
    "queued": frozenset({"sending", "cancelled"}),
    "sending": frozenset({"sent", "queued", "unknown", "failed"}),
    "unknown": frozenset({"sent", "queued"}),
    "sent": frozenset({"paid", "reversed", "owed"}),
    "paid": frozenset({"reversed", "owed"}),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "reversed": frozenset(),
    "owed": frozenset(),
}
REVERSAL: Final[Steps] = {
    "queued": frozenset({"sending", "cancelled", "owed"}),
    "sending": frozenset({"done", "queued", "unknown", "owed"}),
    "unknown": frozenset({"done", "queued"}),
    "done": frozenset(),
    "owed": frozenset({"settled"}),
    "settled": frozenset(),
    "cancelled": frozenset(),
}
VOUCHER: Final[Steps] = {
    "open": frozenset({"used", "cancelled"}),
    "used": frozenset({"open", "cancelled"}),
    "cancelled": frozenset(),
}

_STEPS: Final[Mapping[str, Steps]] = {
    "referral": REFERRAL,
    "reward": REWARD,
    "credit on an invoice": HOLD,
    "voucher": VOUCHER,
    "payout": PAYOUT,
    "reversal": REVERSAL,
}


def step(thing: str, old: str, new: str) -> str:
    """`new`, if `thing` may go there from `old`; StateError, which names both states, if not."""
    if new not in _STEPS[thing].get(old, ()):
        raise StateError(thing, old, new)
    return new
