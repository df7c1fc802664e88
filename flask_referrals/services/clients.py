"""What staff read of one client: its codes, whether it is blocked, its log, newest first (G1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, case, exists, or_, select

from ..models import AccountRow, ActivityRow, BlockRow, CodeRow, ReferralRow
from ..money import Money
from .staff import NO_BOUND

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_BLOCK: Table = BlockRow.__table__  # type: ignore[assignment]
_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]

PAGE = 20
#: Nobody has more codes than one can look at; the newest are shown.
CODES = 50


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A code of the client's; `current` is the one that is shown to it (C1, C4)."""

    id: int
    text: str
    current: bool
    active: bool
    visits: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """Since when a referrer's codes are refused, and who said so."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the client's log. `mine` says that it is about this client, not only about the other side.

    `other_name` is the other side's full name, "" where there is none: staff may read it.
    """

    id: int
    kind: str
    at: datetime
    actor: str
    mine: bool
    as_referrer: bool
    other_name: str
    amount: Money | None
    referral_id: int | None
    invoice_id: str | None
    data: Mapping[str, Any]


def is_known(connection: Connection, org: str, client_id: str) -> bool:
    """Whether there is anything of this client on our books."""
    found = [
        exists().where(table.c.org == org, table.c.client_id == client_id) for table in (_ACCOUNT, _ACTIVITY, _CODE)
    ]
    return bool(connection.execute(select(or_(*found))).scalar())


def codes_of(connection: Connection, org: str, client_id: str) -> list[OwnCode]:
    """The client's codes: the current one, then the others, newest first."""
    query = select(_CODE).where(_CODE.c.org == org, _CODE.c.client_id == client_id)
    rows = connection.execute(query.order_by(_CODE.c.id.desc()).limit(CODES))
    found = [OwnCode(row.id, row.text, row.current == 1, row.active, row.visits, row.made_at) for row in rows]
    return sorted(found, key=lambda code: not code.current)


def block_of(connection: Connection, org: str, client_id: str) -> Block | None:
    """The block on the client as a referrer, or None."""
    query = select(_BLOCK.c.blocked_at, _BLOCK.c.blocked_by)
    row = connection.execute(query.where(_BLOCK.c.org == org, _BLOCK.c.client_id == client_id)).one_or_none()
    return None if row is None else Block(row.blocked_at, row.blocked_by)


_LINES = select(
    *(
        _ACTIVITY.c[name]
        for name in (
            "id", "kind", "at", "actor", "announces", "other_id", "client_id", "amount_minor", "currency",
            "referral_id", "invoice_id", "data",
        )
    ),
    _REFERRAL.c.referrer_id,
    case(
        (_REFERRAL.c.referrer_id == _ACTIVITY.c.client_id, _REFERRAL.c.referee_name), else_=_REFERRAL.c.referrer_name
    ).label("other_name"),
).select_from(_ACTIVITY.outerjoin(_REFERRAL, _REFERRAL.c.id == _ACTIVITY.c.referral_id))  # fmt: skip


def log_of(
    connection: Connection, org: str, client_id: str, *, before: int | None = None, page: int = PAGE
) -> list[Line]:
    """The client's log, newest first, from below the id `before` on; one more than `page` if there are more."""
    query = _LINES.where(_ACTIVITY.c.org == org, _ACTIVITY.c.client_id == client_id)
    query = query.where(_ACTIVITY.c.id < (before or NO_BOUND))
    rows = connection.execute(query.order_by(_ACTIVITY.c.id.desc()).limit(page + 1))
    return [
        Line(
            id=row.id,
            kind=row.kind,
            at=row.at,
            actor=row.actor,
            mine=row.announces or row.other_id is None,
            as_referrer=row.referrer_id == row.client_id,
            other_name=row.other_name or "",
            amount=None if row.amount_minor is None else Money(row.amount_minor, row.currency),
            referral_id=row.referral_id,
            invoice_id=row.invoice_id,
            data=row.data,
        )
        for row in rows
    ]
