"""When a referral has earned its rewards, and which (R1 to R4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..money import Money
from .terms import Terms

Beneficiary = Literal["referrer", "referee"]


@dataclass(frozen=True, slots=True)
class PlannedReward:
    """A reward that a qualification calls for: who gets it, what, and for which cause (R4: one each)."""

    beneficiary: Beneficiary
    kind: str
    amount: Money
    cause: str = "base"


def why_not(terms: Terms, stays_paid: Money) -> str | None:
    """Why an invoice of which that much stays paid, in money or credit, qualifies no referral; None if it does (R1).

    `nothing_paid`, `below_minimum`, or `other_currency`, where the smallest amount cannot be compared (M4).
    """
    if stays_paid.minor <= 0:
        return "nothing_paid"
    if terms.min_paid is None:
        return None
    if terms.min_paid.currency != stays_paid.currency:
        return "other_currency"
    return "below_minimum" if stays_paid < terms.min_paid else None


def qualifies(terms: Terms, stays_paid: Money) -> bool:
    """Whether an invoice of which that much stays paid, in money or credit, qualifies a referral (R1, M4)."""
    return why_not(terms, stays_paid) is None


def plan(terms: Terms) -> list[PlannedReward]:
    """The rewards that a referral under these terms has earned once it qualifies."""
    rewards = [PlannedReward("referrer", "credit", terms.referrer_reward)]
    if terms.referee_reward is not None:
        rewards.append(PlannedReward("referee", "credit", terms.referee_reward))
    return rewards
