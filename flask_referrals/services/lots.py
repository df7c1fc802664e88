"""Credit with an expiry, kept lot by lot on the rewards that brought it (K3). The account is locked by the caller.

What is left of a lot is what can be spent of it: a hold on an invoice takes its part out and remembers it, a release
puts it back with the expiry it had (K4). All lots of an account together never exceed what it can spend.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, and_, bindparam, case, select, update

from ..domain.lots import Lot, Parts, left_of_new, spend
from ..domain.terms import Terms
from ..models import RewardRow
from ..money import Money
from .ledger import Books
from .unit import ConflictError, Unit

_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
_FIELDS = [
    _REWARD.c[name] for name in ("id", "client_id", "currency", "expires_at", "remaining_minor", "expired_minor")
]
_OPEN = (
    select(*_FIELDS)
    .where(_REWARD.c.org == bindparam("org"), _REWARD.c.client_id == bindparam("client_id"))
    .where(_REWARD.c.currency == bindparam("currency"), _REWARD.c.lapses_at.is_not(None))
    .with_for_update()
)
_BY_ID = select(*_FIELDS).where(_REWARD.c.id.in_(bindparam("ids", expanding=True))).with_for_update()


def new_lot(unit: Unit, terms: Terms, amount: int, spendable_after: int) -> dict[str, Any]:
    """The columns of a reward that becomes credit now: its expiry, and what is left once a debt is filled (K5)."""
    if terms.credit_expires_days is None:
        return {"expires_at": None, "lapses_at": None, "remaining_minor": 0}
    expires_at = unit.now + timedelta(days=terms.credit_expires_days)
    left = left_of_new(amount, spendable_after)
    return {"expires_at": expires_at, "lapses_at": expires_at if left else None, "remaining_minor": left}


def take(unit: Unit, parts: Sequence[tuple[int, int]]) -> None:
    """Take these parts out of their lots; ConflictError where one has less by now."""
    if not parts:
        return
    amounts = case(dict(parts), value=_REWARD.c.id)
    changed = unit.connection.execute(
        update(_REWARD)
        .where(_REWARD.c.id.in_([lot_id for lot_id, _ in parts]), _REWARD.c.remaining_minor >= amounts)
        # In this order: MariaDB sees what was set before.
        .ordered_values(
            (_REWARD.c.lapses_at, case((_REWARD.c.remaining_minor > amounts, _REWARD.c.lapses_at))),
            (_REWARD.c.remaining_minor, _REWARD.c.remaining_minor - amounts),
        )
    )
    if changed.rowcount != len(parts):
        raise ConflictError("a lot of credit was spent beside us")


def put_back(unit: Unit, books: Books, parts: Parts, invoice_id: str) -> None:
    """Put these parts back into their lots; what is past its expiry leaves at once (K4).

    What a balance below zero needs is filled first, from the latest expiry on (K5).
    """
    if not parts:
        return
    found = {row.id: row for row in unit.connection.execute(_BY_ID, {"ids": [lot_id for lot_id, _ in parts]})}
    first = found[parts[0][0]]
    others = _sum(open_lots(unit, books.org, first.client_id, first.currency))
    room = max(0, books.spendable(first.client_id, first.currency) - others)
    for lot_id, part in parts:
        row, kept = found[lot_id], min(part, room)
        room -= kept
        if kept and row.expires_at > unit.now:
            values = {"remaining_minor": row.remaining_minor + kept, "lapses_at": row.expires_at}
            unit.connection.execute(update(_REWARD).where(_REWARD.c.id == lot_id).values(**values))
        elif kept:
            expire(unit, books, row, kept, held=True, invoice_id=invoice_id)


def expire(
    unit: Unit, books: Books, row: Any, amount: int, *, held: bool = False, invoice_id: str | None = None
) -> None:
    """Let so much of a lot leave by an entry of its own (K3); `held` says that it was not in the lot any more."""
    expired = row.expired_minor + amount
    money = Money(amount, row.currency)
    books.post(row.client_id, -money, "expiry", f"reward:{row.id}:expire:{expired}", invoice_id=invoice_id)
    values: dict[str, Any] = {"expired_minor": expired}
    if not held:
        values |= {"remaining_minor": 0, "lapses_at": None}
    unit.connection.execute(update(_REWARD).where(_REWARD.c.id == row.id).values(**values))
    unit.record("credit_expired", books.org, row.client_id, amount=money, invoice_id=invoice_id, reward_id=row.id)


def expire_lapsed(unit: Unit, books: Books, client_id: str, currency: str) -> int:
    """Let every lot of the account that is past its expiry leave; how many did."""
    count = 0
    for row in _open_rows(unit, books.org, client_id, currency):
        if row.expires_at <= unit.now:
            amount = min(row.remaining_minor, max(0, books.spendable(client_id, currency)))
            if amount:
                expire(unit, books, row, amount)
                count += 1
            else:
                empty = {"remaining_minor": 0, "lapses_at": None}
                unit.connection.execute(update(_REWARD).where(_REWARD.c.id == row.id).values(**empty))
    return count


def open_lots(unit: Unit, org: str, client_id: str, currency: str) -> list[Lot]:
    """The account's lots of which something can be spent, locked."""
    rows = _open_rows(unit, org, client_id, currency)
    return [Lot(row.id, row.expires_at, row.remaining_minor) for row in rows]


def _open_rows(unit: Unit, org: str, client_id: str, currency: str) -> list[Any]:
    return list(unit.connection.execute(_OPEN, {"org": org, "client_id": client_id, "currency": currency}))


def debit(unit: Unit, books: Books, client_id: str, currency: str, amount: int, own: int | None = None) -> None:
    """Take a debit that was just posted out of the lots: its `own` lot first, then as spending does (K3, K5).

    A debit goes through however little there is; the lots are brought down to what can be spent after it.
    """
    lots = open_lots(unit, books.org, client_id, currency)
    mine = [lot for lot in lots if lot.id == own]
    parts: Parts = [(lot.id, min(lot.remaining, amount)) for lot in mine if min(lot.remaining, amount) > 0]
    rest = amount - _parts(parts)
    parts += spend([lot for lot in lots if lot.id != own], rest, unit.now)
    excess = _sum(lots) - _parts(parts) - max(0, books.spendable(client_id, currency))
    if excess > 0:
        taken = dict(parts)
        left = [Lot(lot.id, lot.expires_at, lot.remaining - taken.get(lot.id, 0)) for lot in lots]
        for lot_id, part in spend(left, excess, unit.now):
            taken[lot_id] = taken.get(lot_id, 0) + part
        parts = list(taken.items())
    take(unit, parts)


def _sum(lots: Iterable[Lot]) -> int:
    return sum(lot.remaining for lot in lots)


def _parts(parts: Parts) -> int:
    return sum(part for _, part in parts)


#: The lots of a client's accounts, for a statement that reads them beside the accounts.
IS_OPEN = and_(_REWARD.c.lapses_at.is_not(None), _REWARD.c.remaining_minor > 0)
