"""What the org owes its clients in credit, per currency, at the end of any day; from the ledger alone (K1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, func, select

from ..models import AccountRow, LedgerRow, RewardRow
from ..money import Money

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Liability:
    """One currency: `owed` is the sum of what clients have, of `clients` in number; `overdrawn` what others owe (K5).

    `held` is the part of `owed` on open invoices, `soon` and `later` what expires within 30 and 90 days; these three,
    and the open vouchers, are known for the present only.
    """

    currency: str
    owed: Money
    clients: int
    overdrawn: Money
    held: Money
    soon: Money
    later: Money


_LAST = _LEDGER.alias("last")
_BEFORE = (
    select(func.max(_LAST.c.seq))
    .where(_LAST.c.account_id == _ACCOUNT.c.id, _LAST.c.at < bindparam("end"))
    .correlate(_ACCOUNT)
    .scalar_subquery()
)
_BALANCES = (
    select(
        _ACCOUNT.c.currency,
        func.sum(case((_LEDGER.c.balance > 0, _LEDGER.c.balance), else_=0)).label("owed"),
        func.sum(case((_LEDGER.c.balance > 0, 1), else_=0)).label("clients"),
        func.sum(case((_LEDGER.c.balance < 0, _LEDGER.c.balance), else_=0)).label("overdrawn"),
        func.sum(_ACCOUNT.c.held).label("held"),
    )
    .select_from(_ACCOUNT.join(_LEDGER, and_(_LEDGER.c.account_id == _ACCOUNT.c.id, _LEDGER.c.seq == _BEFORE)))
    .where(_ACCOUNT.c.org == bindparam("org"), _ACCOUNT.c.currency != "")
    .group_by(_ACCOUNT.c.currency)
    .order_by(_ACCOUNT.c.currency)
)


def _expiring(days: str) -> ColumnElement[int]:
    return case((_REWARD.c.lapses_at < bindparam(days), _REWARD.c.remaining_minor), else_=0)


_LOTS = (
    select(
        _REWARD.c.currency,
        func.sum(_expiring("soon")).label("soon"),
        func.sum(_expiring("later")).label("later"),
    )
    .where(_REWARD.c.org == bindparam("org"), _REWARD.c.lapses_at.is_not(None))
    .group_by(_REWARD.c.currency)
)


def liability(connection: Connection, org: str, end: datetime, now: datetime) -> list[Liability]:
    """Each currency with credit before the moment `end` (UTC), in two statements however many accounts there are."""
    lots = {
        row.currency: row
        for row in connection.execute(
            _LOTS, {"org": org, "soon": now + timedelta(days=30), "later": now + timedelta(days=90)}
        )
    }
    found = []
    for row in connection.execute(_BALANCES, {"org": org, "end": end}):
        lot = lots.get(row.currency)

        def money(minor: int | None, currency: str = row.currency) -> Money:
            return Money(int(minor or 0), currency)

        found.append(
            Liability(
                currency=row.currency,
                owed=money(row.owed),
                clients=int(row.clients),
                overdrawn=money(row.overdrawn),
                held=money(row.held),
                soon=money(lot.soon if lot else 0),
                later=money(lot.later if lot else 0),
            )
        )
    return found


def open_vouchers(connection: Connection, org: str) -> dict[str, int]:
    """How many vouchers of each service can still be used."""
    query = (
        select(_REWARD.c.service, func.count().label("number"))
        .where(_REWARD.c.org == org, _REWARD.c.voucher == "open")
        .group_by(_REWARD.c.service)
        .order_by(_REWARD.c.service)
    )
    return {row.service: row.number for row in connection.execute(query)}
