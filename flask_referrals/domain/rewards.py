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


def qualifies(terms: Terms, stays_paid: Money) -> bool:
    """Whether an invoice of which that much stays paid, in money or credit, qualifies a referral (R1, M4)."""
    if stays_paid.minor <= 0:
        return False
    if terms.min_paid is None:
        return True
    return terms.min_paid.currency == stays_paid.currency and stays_paid >= terms.min_paid


def plan(terms: Terms) -> list[PlannedReward]:
    """The rewards that a referral under these terms has earned once it qualifies."""
    rewards = [PlannedReward("referrer", "credit", terms.referrer_reward)]
    if terms.referee_reward is not None:
        rewards.append(PlannedReward("referee", "credit", terms.referee_reward))
    return rewards
