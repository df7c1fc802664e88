"""What becomes due by time alone: expiries, holds, limits that turn, credit that lapses, notices, the budget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, func, insert, select, update

from ..models import AccountRow, RewardRow
from ..models.ledger import ORG_ITSELF
from ..money import Money
from . import lots
from .ledger import lock_books
from .unit import Unit

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
#: So many days before credit expires its client is told.
NOTICES = (30, 7, 1)
#: At so many per cent of the budget staff are told (L1).
WARNINGS = (100, 80)


def lapsed_accounts(unit: Unit, limit: int) -> list[tuple[str, str, str]]:
    """Org, client and currency of accounts with credit that is past its expiry."""
    query = (
        select(_REWARD.c.org, _REWARD.c.client_id, _REWARD.c.currency)
        .where(_REWARD.c.lapses_at <= unit.now)
        .order_by(_REWARD.c.lapses_at)
        .limit(limit)
    )
    return list(dict.fromkeys((row.org, row.client_id, row.currency) for row in unit.connection.execute(query)))


def expire_credit(unit: Unit, org: str, client_id: str, currency: str) -> int:
    """Let the account's lapsed credit leave by entries of their own (K3); how many lots."""
    books = lock_books(unit, org, [(client_id, currency)])
    count = lots.expire_lapsed(unit, books, client_id, currency)
    books.write()
    return count


def give_notices(unit: Unit, limit: int) -> int:
    """Tell clients of credit that expires soon, once for each of NOTICES, the nearest only; how many were told."""
    told = 0
    for days in sorted(NOTICES):
        query = (
            select(_REWARD)
            .where(_REWARD.c.lapses_at > unit.now, _REWARD.c.lapses_at <= unit.now + timedelta(days=days))
            .where(func.coalesce(_REWARD.c.noticed, 36500) > days)
            .order_by(_REWARD.c.lapses_at)
            .limit(limit)
        )
        for row in unit.connection.execute(query).all():
            told += _notice(unit, row, days)
    return told


def _notice(unit: Unit, row: Any, days: int) -> bool:
    statement = update(_REWARD).where(_REWARD.c.id == row.id, func.coalesce(_REWARD.c.noticed, 36500) > days)
    if unit.connection.execute(statement.values(noticed=days)).rowcount != 1:
        return False
    if row.issued_at is not None and row.issued_at > row.expires_at - timedelta(days=days):
        return False  # it was given for less than that
    unit.record(
        "credit_expiring", row.org, row.client_id, amount=Money(row.remaining_minor, row.currency),
        referral_id=row.referral_id, reward_id=row.id, days=days, expires_at=row.expires_at.isoformat(),
    )  # fmt: skip
    return True


# -- the budget ------------------------------------------------------------------------------------------------------


def open_budget(unit: Unit, org: str, budget: Money) -> None:
    """Begin to keep account of what the org's rewards in the budget's currency come to (L1)."""
    mine = (_ACCOUNT.c.org == org) & (_ACCOUNT.c.client_id == ORG_ITSELF) & (_ACCOUNT.c.currency == budget.currency)
    if unit.connection.scalar(select(_ACCOUNT.c.id).where(mine).with_for_update()) is None:
        row = {"org": org, "client_id": ORG_ITSELF, "currency": budget.currency, "head": ""}
        zeros = dict.fromkeys(("balance", "held", "seq", "referred", "qualified"), 0)
        unit.connection.execute(insert(_ACCOUNT), row | zeros)
    kept = func.coalesce(func.sum(_REWARD.c.amount_minor - _REWARD.c.taken_minor), 0)
    total = select(kept).where(_REWARD.c.org == org, _REWARD.c.currency == budget.currency, _REWARD.c.state == "issued")
    unit.connection.execute(update(_ACCOUNT).where(mine).values(issued=total.scalar_subquery()))


def budgets(unit: Unit) -> Sequence[Any]:
    """The orgs' rows that say what of their budgets is used."""
    query = select(_ACCOUNT.c.id, _ACCOUNT.c.org, _ACCOUNT.c.currency, _ACCOUNT.c.issued, _ACCOUNT.c.head)
    return unit.connection.execute(query.where(_ACCOUNT.c.client_id == ORG_ITSELF)).all()


def warn(unit: Unit, row: Any) -> bool:
    """Tell staff, on the org's own log, once the budget is used to 80 and to 100 per cent (L1)."""
    version = unit.programs.get(unit.connection, row.org).at(unit.now)
    budget = None if version is None else version.terms.limits.budget
    if version is None or budget is None or budget.currency != row.currency:
        return False
    reached = next((percent for percent in WARNINGS if row.issued * 100 >= budget.minor * percent), None)
    mark = "" if reached is None else f"{budget.minor}:{reached}"
    if reached is None or row.head in (mark, f"{budget.minor}:100"):
        return False
    statement = update(_ACCOUNT).where(_ACCOUNT.c.id == row.id, _ACCOUNT.c.head == row.head).values(head=mark)
    if unit.connection.execute(statement).rowcount != 1:
        return False
    unit.record(
        "budget_warning", row.org, "", announces=False, amount=Money(row.issued, row.currency),
        terms_id=version.id, percent=reached, budget=f"{budget.amount:f}",
    )  # fmt: skip
    return True
