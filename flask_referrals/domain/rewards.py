"""When a referral has earned its rewards, and which (R1 to R4, U2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..money import Money
from .terms import Kind, Promise, Terms

Beneficiary = Literal["referrer", "referee"]


@dataclass(frozen=True, slots=True)
class PlannedReward:
    """A reward that a qualification calls for: who gets it, what, and for which cause (R4: one each).

    `service` names a free service, of which `amount` is the stated value, or zero. `shrinks` says that a partial refund
    takes its part (U2). `tier` is where the tier that set it begins, `milestone` the number that brought it. `choices`
    are the kinds among which the referrer may choose, the default first (R6).
    """

    beneficiary: Beneficiary
    kind: str
    amount: Money
    cause: str = "base"
    service: str | None = None
    shrinks: bool = False
    tier: int | None = None
    milestone: int | None = None
    choices: tuple[Kind, ...] = ("credit",)


def why_not(terms: Terms, stays_paid: Money) -> str | None:
    """Why an invoice of which that much stays paid, in money or credit, qualifies no referral; None if it does (R1).

    `nothing_paid`, `below_minimum`, or `other_currency`, where the smallest amount or a cap cannot be compared (M4).
    """
    if stays_paid.minor <= 0:
        return "nothing_paid"
    if stays_paid.currency != terms.currency and (terms.min_paid is not None or _has_cap(terms)):
        return "other_currency"
    return "below_minimum" if terms.min_paid is not None and stays_paid < terms.min_paid else None


def _has_cap(terms: Terms) -> bool:
    promises = [terms.referrer_reward, *(tier.promise for tier in terms.tiers)]
    return any(promise is not None and promise.cap is not None for promise in promises)


def qualifies(terms: Terms, stays_paid: Money) -> bool:
    """Whether an invoice of which that much stays paid, in money or credit, qualifies a referral (R1, M4)."""
    return why_not(terms, stays_paid) is None


def plan(terms: Terms, n: int, basis: Money | None) -> list[PlannedReward]:
    """The rewards of a referral that is the `n`-th of its referrer's to stand qualified (R2, R3).

    `basis` is what the qualifying invoice charges before tax, after discounts; None at registration.
    """
    rewards = []
    tier = max((tier for tier in terms.tiers if tier.start <= n), key=lambda tier: tier.start, default=None)
    promise = terms.referrer_reward if tier is None else tier.promise
    if promise is not None:
        reward = _planned(terms, promise, basis, None if tier is None else tier.start)
        if reward is not None:
            rewards.append(reward)
    for milestone in terms.milestones:
        if milestone.at == n:
            cause = f"milestone:{n}"
            extra = PlannedReward("referrer", terms.kinds[0], milestone.amount, cause, milestone=n, choices=terms.kinds)
            rewards.append(extra)
    if terms.referee_reward is not None:
        rewards.append(PlannedReward("referee", "credit", terms.referee_reward))
    return rewards


def _planned(terms: Terms, promise: Promise, basis: Money | None, tier: int | None) -> PlannedReward | None:
    """The reward of a promise; None for a percentage that comes to nothing."""
    if promise.service is not None:
        value = promise.service.value or Money.zero(terms.currency)
        return PlannedReward("referrer", "service", value, service=promise.service.name, tier=tier)
    if promise.percent is None:
        if promise.amount is None:
            return None
        return PlannedReward("referrer", terms.kinds[0], promise.amount, tier=tier, choices=terms.kinds)
    if basis is None or basis.minor <= 0:
        return None
    amount = basis.percent(promise.percent)
    if promise.cap is not None and amount > promise.cap:
        amount = promise.cap
    if not amount:
        return None
    return PlannedReward("referrer", terms.kinds[0], amount, shrinks=True, tier=tier, choices=terms.kinds)


def kind_now(choices: Sequence[str], chosen: str | None, *, linked: bool) -> str:
    """As what a reward of money is given, by what the client chose and the kinds that were promised (R6).

    Where only cash was promised, a client without a linked bank account may take it as credit instead.
    """
    if chosen in choices:
        return str(chosen)
    if chosen == "credit" and not linked:
        return "credit"
    return choices[0]


def taken_back(amount: int, stays: int, paid: int) -> int:
    """How much of a percentage reward goes once only `stays` of `paid` stays paid, all in minor units (U2).

    The reward keeps reward x stays / paid, rounded half up, so that several refunds come to what one of their sum does.
    """
    if stays >= paid:
        return 0
    kept = (2 * amount * max(0, stays) + paid) // (2 * paid)
    return amount - kept
