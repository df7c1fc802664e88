"""Why a referral and its rewards stand as they do (R9): facts and codes; the sentences are made at the edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, Table, or_, select

from ..domain.contact import short_name
from ..domain.terms import Terms, Version
from ..errors import NotFoundError
from ..models import AccountRow, ActivityRow, ReferralRow, RewardRow
from ..models.ledger import COUNTS, ORG_ITSELF
from ..money import Money
from .portal import PAGE
from .programs import Programs

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: What a person may have decided about a referral or a reward, beside the two that say how the referral fared.
_DECIDED = ("attributed", "rejected", "reward_approved", "reward_cancelled", "reward_released", "reward_reversed")
_READ = (*_DECIDED, "not_qualified", "qualified")
#: Who acts where no person does.
_NOBODY = frozenset({"host", "visitor", "maintenance", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody of the staff did about a referral or a reward: the `kind` of the log's line, and the reason."""

    kind: str
    by: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyReward:
    """Why one reward stands as it does. `code` is one of: `issued`, `reduced`, `waits_approval`, `waits_hold`,
    `waits_bank_account`, `waits_min_payout`, `waits_per_month`, `waits_per_year`, `waits_total`, `waits_budget`,
    `cancelled_...` and `reversed_...` with the reason (`refunded`, `voided`, `dispute`, `rejected`, `refused_by_staff`,
    or the host's own).

    `amount` is before any clawback, `taken` what was taken back, `expired` what of it has expired. Times are UTC.
    For staff: `decisions` about it, `used` of the limit that it waits for (rewards, or minor units of the budget), and
    `most`, None where the limit is gone; and `owed`, by how much the client's balance is below zero (K5).
    """

    id: int
    code: str
    side: Literal["referrer", "referee"]
    amount: Money
    taken: Money
    expired: Money
    service: str | None
    tier: bool
    milestone: int | None
    n: int
    invoice_id: str | None
    made_at: datetime
    hold_until: datetime | None
    issued_at: datetime | None
    closed_at: datetime | None
    expires_at: datetime | None
    voucher: str | None
    voucher_invoice_id: str | None
    decisions: tuple[Decision, ...] = ()
    used: int = 0
    most: int | None = None
    owed: Money | None = None

    @property
    def reversed(self) -> Money:
        """What was taken back when it was undone: what had not gone already (K5)."""
        left = max(0, self.amount.minor - self.taken.minor - self.expired.minor)
        return Money(left, self.amount.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a referral stands as it does. `code` is one of: `qualified`, `waits_for_payment`, `nothing_paid`,
    `below_minimum`, `other_currency`, `undone`, `expired`, `rejected`; `until` is when it expires.

    For staff: `paid` and `invoice_id` of the payment that decided it, the `n` that it counts as, its `flags`, and what
    was decided about the referral itself.
    """

    referral_id: int
    org: str
    referrer_id: str
    referee_id: str
    referrer_name: str
    referee_name: str
    code: str
    until: datetime | None
    version: Version
    rewards: tuple[WhyReward, ...]
    paid: Money | None = None
    invoice_id: str | None = None
    n: int | None = None
    flags: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnReward:
    """A reward of a client's own: of which referral, and the other side's name as this client may see it (G2)."""

    referral_id: int
    name: str
    reward: WhyReward


def why(
    connection: Connection,
    programs: Programs,
    org: str,
    referral_id: int,
    client_id: str | None = None,
    *,
    now: datetime | None = None,
) -> Why:
    """The reasons; for a `client_id` only of a referral of its own, with its own rewards and short names (G2).

    Without one it is for staff, and `now`, in the org's time zone, tells what is left of the limits. NotFoundError if
    the org, or the client, has no such referral.
    """
    query = select(_REFERRAL).where(_REFERRAL.c.org == org, _REFERRAL.c.id == referral_id)
    if client_id is not None:
        query = query.where(or_(_REFERRAL.c.referrer_id == client_id, _REFERRAL.c.referee_id == client_id))
    row = connection.execute(query).one_or_none() if 0 < referral_id < 2**62 else None
    if row is None:
        raise NotFoundError(f"there is no referral {referral_id} here", referral_id=referral_id)
    version = programs.version(connection, row.terms_id)
    lines = connection.execute(
        select(_ACTIVITY)
        .where(_ACTIVITY.c.referral_id == referral_id, _ACTIVITY.c.org == org, _ACTIVITY.c.kind.in_(_READ))
        .where(or_(_ACTIVITY.c.announces, _ACTIVITY.c.other_id.is_(None)))
        .order_by(_ACTIVITY.c.id)
    ).all()
    found = select(_REWARD).where(_REWARD.c.referral_id == referral_id).order_by(_REWARD.c.id)
    if client_id is not None:
        found = found.where(_REWARD.c.client_id == client_id)
    rewards = connection.execute(found).all()
    for_staff: dict[str, Any] = {}
    more: dict[int, dict[str, Any]] = {}
    if client_id is None:
        for_staff = _for_staff(row, lines)
        figures = None if now is None or not rewards else _Figures(connection, programs, row, now)
        for reward in rewards:
            facts = {} if figures is None else figures.of(reward)
            more[reward.id] = facts | {"decisions": _decisions(lines, reward.id)}
    days = version.terms.qualify_within_days
    name = short_name if client_id is not None else str
    return Why(
        referral_id=row.id,
        org=org,
        referrer_id=row.referrer_id,
        referee_id=row.referee_id,
        referrer_name=name(row.referrer_name),
        referee_name=name(row.referee_name),
        code=_code(row, lines),
        until=None if days is None else row.attributed_at + timedelta(days=days),
        version=version,
        rewards=tuple(_reward(reward, version, more.get(reward.id, {})) for reward in rewards),
        **for_staff,
    )


def rewards_of(
    connection: Connection,
    programs: Programs,
    org: str,
    client_id: str,
    *,
    before: int | None = None,
    page: int = PAGE,
) -> list[OwnReward]:
    """The client's rewards with their reasons, newest first, from below the id `before` on; one more if there are."""
    query = (
        select(_REWARD, _REFERRAL.c.referrer_name, _REFERRAL.c.referee_name)
        .join(_REFERRAL, _REFERRAL.c.id == _REWARD.c.referral_id)
        .where(_REWARD.c.org == org, _REWARD.c.client_id == client_id)
        .order_by(_REWARD.c.id.desc())
        .limit(page + 1)
    )
    if before is not None:
        query = query.where(_REWARD.c.id < before)
    return [
        OwnReward(
            row.referral_id,
            short_name(row.referee_name if row.beneficiary == "referrer" else row.referrer_name),
            _reward(row, programs.version(connection, row.terms_id), {}),
        )
        for row in connection.execute(query).all()
    ]


def _last(lines: Sequence[Row[Any]], *kinds: str) -> Row[Any] | None:
    return next((line for line in reversed(lines) if line.kind in kinds), None)


def _code(row: Row[Any], lines: Sequence[Row[Any]]) -> str:
    if row.state != "pending":
        return str(row.state)
    last = _last(lines, "not_qualified", "qualified")
    if last is not None and last.kind == "not_qualified" and last.data.get("reason"):
        return str(last.data["reason"])
    return "undone" if row.epoch else "waits_for_payment"


def _for_staff(row: Row[Any], lines: Sequence[Row[Any]]) -> dict[str, Any]:
    """What only staff may know of the referral."""
    last = _last(lines, "qualified", "not_qualified")
    found: dict[str, Any] = {"flags": tuple(row.flags.split()), "decisions": _decisions(lines, None)}
    if last is not None:
        found |= {"invoice_id": last.invoice_id, "n": last.data.get("n")}
        found["paid"] = None if last.amount_minor is None else Money(last.amount_minor, last.currency)
    return found


def _decisions(lines: Sequence[Row[Any]], reward_id: int | None) -> tuple[Decision, ...]:
    """What persons decided about that reward, or about the referral itself."""
    return tuple(
        Decision(kind=line.kind, by=line.actor, note=str(line.data.get("note") or ""), at=line.at)
        for line in lines
        if line.kind in _DECIDED and line.data.get("reward_id") == reward_id and line.actor not in _NOBODY
    )


class _Figures:
    """What of the limits in force is used, and which balances are below zero; one statement."""

    def __init__(self, connection: Connection, programs: Programs, row: Row[Any], now: datetime) -> None:
        version = programs.get(connection, row.org).at(now)
        self.terms: Terms | None = None if version is None else version.terms
        self.month = f"{now:%Y-%m}"
        owners = [row.referrer_id, row.referee_id, ORG_ITSELF]
        query = select(_ACCOUNT).where(_ACCOUNT.c.org == row.org, _ACCOUNT.c.client_id.in_(owners))
        self.accounts = {(one.client_id, one.currency): one for one in connection.execute(query)}

    def of(self, reward: Row[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        account = self.accounts.get((reward.client_id, reward.currency))
        if account is not None and account.balance < 0:
            found["owed"] = Money(-account.balance, reward.currency)
        if reward.waits_for == "limit" and self.terms is not None:
            found |= self._limit(reward, self.terms)
        return found

    def _limit(self, reward: Row[Any], terms: Terms) -> dict[str, Any]:
        limits = terms.limits
        if reward.reason == "budget":
            used = self.accounts.get((ORG_ITSELF, reward.currency))
            most = None if limits.budget is None else limits.budget.minor
            return {"used": 0 if used is None else used.issued, "most": most}
        counts = self.accounts.get((reward.client_id, COUNTS))
        if counts is None:
            return {}
        used_by = {
            "per_month": counts.in_month if counts.month == self.month else 0,
            "per_year": counts.in_year if counts.month[:4] == self.month[:4] else 0,
            "total": counts.issued,
        }
        return {"used": used_by.get(reward.reason, 0), "most": getattr(limits, reward.reason or "", None)}


def _reward(reward: Row[Any], version: Version, more: dict[str, Any]) -> WhyReward:
    code = reward.state
    if reward.state == "pending":
        code = f"waits_{reward.reason if reward.waits_for == 'limit' else reward.waits_for}"
    elif reward.state in ("cancelled", "reversed"):
        code = f"{reward.state}_{reward.reason}"
    elif reward.taken_minor:
        code = "reduced"
    first = min((tier.start for tier in version.terms.tiers), default=None)
    return WhyReward(
        id=reward.id,
        code=code,
        side=reward.beneficiary,
        amount=Money(reward.amount_minor, reward.currency),
        taken=Money(reward.taken_minor, reward.currency),
        expired=Money(reward.expired_minor, reward.currency),
        service=reward.service,
        tier=reward.cause == "base" and reward.beneficiary == "referrer" and first is not None and reward.n >= first,
        milestone=int(reward.cause.rpartition(":")[2]) if reward.cause.startswith("milestone:") else None,
        n=reward.n,
        invoice_id=reward.invoice_id,
        made_at=reward.made_at,
        hold_until=reward.hold_until,
        issued_at=reward.issued_at,
        closed_at=reward.closed_at,
        expires_at=reward.expires_at,
        voucher=reward.voucher,
        voucher_invoice_id=reward.voucher_invoice_id,
        **more,
    )
