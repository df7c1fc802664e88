"""The rewards that wait: for staff to approve them, for a hold to end, for a limit to leave room (R5, R8, L1).

Read only; `services.decisions` decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select

from ..models import ReferralRow, RewardRow
from ..money import Money
from .staff import MANY, NO_BOUND

_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: What staff look at, in this order.
WAITS = ("approval", "limit", "hold")
PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A pending reward. `side` is whose it is; `flags` are the reasons for a closer look (L2); times in UTC."""

    id: int
    referral_id: int
    side: str
    cause: str
    amount: Money
    service: str | None
    waits_for: str
    made_at: datetime
    hold_until: datetime | None
    invoice_id: str | None
    referrer_id: str
    referrer_name: str
    referee_id: str
    referee_name: str
    flags: tuple[str, ...]


_WAITING = (
    select(
        *(
            _REWARD.c[name]
            for name in (
                "id", "referral_id", "beneficiary", "cause", "amount_minor", "currency", "service", "waits_for",
                "made_at", "hold_until", "invoice_id",
            )
        ),
        *(_REFERRAL.c[name] for name in ("referrer_id", "referrer_name", "referee_id", "referee_name", "flags")),
    )
    .select_from(_REWARD.join(_REFERRAL, _REFERRAL.c.id == _REWARD.c.referral_id))
    .where(_REWARD.c.state == "pending")
    .order_by(_REWARD.c.id)
)  # fmt: skip


def counts(connection: Connection, org: str) -> dict[str, int]:
    """How many rewards wait for each of WAITS, none counted above MANY, in one statement."""
    found = []
    for wait in WAITS:
        some = select(_REWARD.c.id).where(_REWARD.c.org == org, _REWARD.c.waits_for == wait).limit(MANY)
        found.append(select(func.count()).select_from(some.subquery()).scalar_subquery().label(wait))
    row = connection.execute(select(*found)).one()
    return {wait: row._mapping[wait] for wait in WAITS}


def waiting(connection: Connection, org: str, wait: str, *, after: int = 0, page: int = PAGE) -> list[Waiting]:
    """What waits for `wait`, oldest first, from above the id `after` on; one more than `page` if there are more."""
    query = _WAITING.where(_REWARD.c.org == org, _REWARD.c.waits_for == wait, _REWARD.c.id > after)
    return [_waiting(row) for row in connection.execute(query.limit(page + 1))]


def of_referral(connection: Connection, org: str, referral_id: int) -> list[Waiting]:
    """What waits of one referral, oldest first."""
    if not 0 < referral_id < NO_BOUND:
        return []
    query = _WAITING.where(_REWARD.c.org == org, _REWARD.c.referral_id == referral_id)
    return [_waiting(row) for row in connection.execute(query)]


def _waiting(row: Any) -> Waiting:
    return Waiting(
        id=row.id,
        referral_id=row.referral_id,
        side=row.beneficiary,
        cause=row.cause,
        amount=Money(row.amount_minor, row.currency),
        service=row.service,
        waits_for=row.waits_for,
        made_at=row.made_at,
        hold_until=row.hold_until,
        invoice_id=row.invoice_id,
        referrer_id=row.referrer_id,
        referrer_name=row.referrer_name,
        referee_id=row.referee_id,
        referee_name=row.referee_name,
        flags=tuple(row.flags.split()),
    )
