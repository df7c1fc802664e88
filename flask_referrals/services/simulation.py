"""What terms would bring and cost: for one invoice, and for the past invoices that earned rewards (nothing changes)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, Table, and_, func, select

from ..domain.discounts import discount_for, why_none
from ..domain.rewards import PlannedReward, plan, why_not
from ..domain.terms import Terms
from ..models import ReferralRow, RewardRow
from ..money import Money

_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
#: So many of the newest referrals are replayed.
MOST = 500


@dataclass(frozen=True, slots=True)
class Outlook:
    """What one invoice would bring; `no_discount` and `no_reward` are the codes of why not, where there is none."""

    subtotal: Money
    discount: Money
    no_discount: str | None
    no_reward: str | None
    rewards: tuple[PlannedReward, ...]


def one_invoice(terms: Terms, subtotal: Money, n: int) -> Outlook:
    """A new client's first invoice of that much before tax, without tax, paid in full, of its referrer's `n`-th."""
    discount = discount_for(terms, subtotal)
    paid = subtotal - discount
    at_once = terms.qualifies_on == "registration"
    reason = None if at_once else why_not(terms, paid)
    rewards = plan(terms, n, None if at_once else paid) if reason is None else []
    return Outlook(subtotal, discount, why_none(terms, subtotal), reason, tuple(rewards))


@dataclass(slots=True)
class Sum:
    """Amounts by currency, in minor units, and how many."""

    number: int = 0
    amounts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, money: Money) -> None:
        """Count one more."""
        self.number += 1
        self.amounts[money.currency] += money.minor

    def moneys(self) -> list[Money]:
        """The amounts, each with its currency."""
        return [Money(amount, currency) for currency, amount in sorted(self.amounts.items())]


@dataclass(slots=True)
class Replay:
    """What past referrals would have cost under other terms, beside what they did."""

    referrals: int = 0
    missing: int = 0
    discounts: Sum = field(default_factory=Sum)
    rewards: Sum = field(default_factory=Sum)
    services: int = 0
    real_discounts: Sum = field(default_factory=Sum)
    real_rewards: Sum = field(default_factory=Sum)


@dataclass(frozen=True, slots=True)
class Past:
    """A referral that stands qualified, its invoice, and what it has cost."""

    invoice_id: str
    n: int
    discount: Money | None
    rewards: tuple[Money, ...]


def past(connection: Connection, org: str) -> list[Past]:
    """The newest referrals that stand qualified by an invoice, oldest first, in one statement."""
    newest = (
        select(_REFERRAL)
        .where(
            _REFERRAL.c.org == org,
            _REFERRAL.c.state == "qualified",
            _REFERRAL.c.qualified_invoice_id.is_not(None),
        )
        .order_by(_REFERRAL.c.id.desc())
        .limit(MOST)
        .subquery("newest")
    )
    columns = ("id", "qualified_invoice_id", "discount_minor", "discount_currency", "qualified_at")
    query = (
        select(
            *(newest.c[name] for name in columns),
            func.max(_REWARD.c.n).label("n"),
            _REWARD.c.currency,
            func.sum(_REWARD.c.amount_minor - _REWARD.c.taken_minor).label("amount"),
        )
        .select_from(newest.outerjoin(_REWARD, and_(_REWARD.c.referral_id == newest.c.id, _REWARD.c.state == "issued")))
        .group_by(*(newest.c[name] for name in columns), _REWARD.c.currency)
        .order_by(newest.c.qualified_at, newest.c.id)
    )
    found: dict[int, Past] = {}
    for row in connection.execute(query):
        known = found.get(row.id)
        amount = () if row.currency is None else (Money(int(row.amount), row.currency),)
        discount = Money(row.discount_minor, row.discount_currency) if row.discount_minor else None
        number = max(row.n or 1, known.n if known else 1)
        found[row.id] = Past(row.qualified_invoice_id, number, discount, (known.rewards if known else ()) + amount)
    return list(found.values())


def replay(terms: Terms, referrals: Iterable[tuple[Past, Money | None]]) -> Replay:
    """What they would have cost under `terms`; each comes with its invoice's sum before tax and our discount, or None
    where the host has that invoice no more."""
    result = Replay()
    for one, subtotal in referrals:
        if subtotal is None:
            result.missing += 1
            continue
        result.referrals += 1
        if one.discount is not None:
            result.real_discounts.add(one.discount)
        for amount in one.rewards:
            result.real_rewards.add(amount)
        outlook = one_invoice(terms, subtotal, one.n)
        if outlook.discount:
            result.discounts.add(outlook.discount)
        for reward in outlook.rewards:
            if reward.service is not None:
                result.services += 1
            if reward.amount:
                result.rewards.add(reward.amount)
    return result
