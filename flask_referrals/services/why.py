"""Why a referral and its rewards stand as they do (R9): facts and codes; the sentences are made at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Table, or_, select

from ..domain.contact import short_name
from ..domain.terms import Version
from ..errors import NotFoundError
from ..models import ActivityRow, ReferralRow, RewardRow
from ..money import Money
from .programs import Programs

_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: What staff have said about a referral or a reward; not for the client.
_NOTED = ("reward_approved", "reward_released", "reward_cancelled", "reward_reversed", "rejected", "attributed")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyReward:
    """Why one reward stands as it does. `code` is one of: `issued`, `reduced`, `waits_approval`, `waits_hold`,
    `waits_per_month`, `waits_per_year`, `waits_total`, `waits_budget`, `cancelled_...` and `reversed_...` with the
    reason (`refunded`, `voided`, `dispute`, `rejected`, `refused_by_staff`, or the host's own).

    `amount` is before any clawback, `taken` what was taken back, `expired` what of it has expired. Times are UTC.
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
    hold_until: datetime | None
    expires_at: datetime | None
    voucher: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a referral stands as it does. `code` is one of: `qualified`, `waits_for_payment`, `nothing_paid`,
    `below_minimum`, `other_currency`, `undone`, `expired`, `rejected`; `until` is when it expires, `notes` staff's.
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
    flags: tuple[str, ...]
    notes: tuple[str, ...]


def why(connection: Connection, programs: Programs, org: str, referral_id: int, client_id: str | None = None) -> Why:
    """The reasons; for a `client_id` only of a referral of its own, with its own rewards and short names (G2).

    NotFoundError if the org, or the client, has no such referral.
    """
    query = select(_REFERRAL).where(_REFERRAL.c.org == org, _REFERRAL.c.id == referral_id)
    if client_id is not None:
        query = query.where(or_(_REFERRAL.c.referrer_id == client_id, _REFERRAL.c.referee_id == client_id))
    row = connection.execute(query).one_or_none() if 0 < referral_id < 2**62 else None
    if row is None:
        raise NotFoundError(f"there is no referral {referral_id} here", referral_id=referral_id)
    version = programs.version(connection, row.terms_id)
    lines = connection.execute(
        select(_ACTIVITY.c.kind, _ACTIVITY.c.data)
        .where(_ACTIVITY.c.referral_id == referral_id, _ACTIVITY.c.org == org)
        .where(_ACTIVITY.c.kind.in_([*_NOTED, "not_qualified"]))
        .order_by(_ACTIVITY.c.id)
    ).all()
    found = select(_REWARD).where(_REWARD.c.referral_id == referral_id).order_by(_REWARD.c.id)
    if client_id is not None:
        found = found.where(_REWARD.c.client_id == client_id)
    days = version.terms.qualify_within_days
    name = short_name if client_id is not None else str
    return Why(
        referral_id=row.id,
        org=org,
        referrer_id=row.referrer_id,
        referee_id=row.referee_id,
        referrer_name=name(row.referrer_name),
        referee_name=name(row.referee_name),
        code=_code(row, [line.data for line in lines if line.kind == "not_qualified"]),
        until=None if days is None else row.attributed_at + timedelta(days=days),
        version=version,
        rewards=tuple(_reward(reward, version) for reward in connection.execute(found)),
        flags=() if client_id is not None else tuple(row.flags.split()),
        notes=() if client_id is not None else _notes([line.data for line in lines]),
    )


def _notes(found: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(data["note"] for data in found if data.get("note")))


def _code(row: object, refused: list[dict[str, str]]) -> str:
    state, epoch = row.state, row.epoch  # type: ignore[attr-defined]
    if state != "pending":
        return str(state)
    if refused and refused[-1].get("reason"):
        return refused[-1]["reason"]
    return "undone" if epoch else "waits_for_payment"


def _reward(row: object, version: Version) -> WhyReward:
    reward: RewardRow = row  # type: ignore[assignment]
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
        side=reward.beneficiary,  # type: ignore[arg-type]
        amount=Money(reward.amount_minor, reward.currency),
        taken=Money(reward.taken_minor, reward.currency),
        expired=Money(reward.expired_minor, reward.currency),
        service=reward.service,
        tier=reward.cause == "base" and reward.beneficiary == "referrer" and first is not None and reward.n >= first,
        milestone=int(reward.cause.rpartition(":")[2]) if reward.cause.startswith("milestone:") else None,
        n=reward.n,
        invoice_id=reward.invoice_id,
        hold_until=reward.hold_until,
        expires_at=reward.expires_at,
        voucher=reward.voucher,
    )
