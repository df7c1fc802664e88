"""What is read of cash: a client's payouts, staff's lists, what is owed (P6, P7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from ..models import AccountRow, PayeeRow, PayoutRow, ReversalRow
from ..money import Money

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_PAYEE: Table = PayeeRow.__table__  # type: ignore[assignment]
_PAYOUT: Table = PayoutRow.__table__  # type: ignore[assignment]
_REVERSAL: Table = ReversalRow.__table__  # type: ignore[assignment]

PAGE = 50
#: The lists that staff see, by the states that are in each.
LISTS: dict[str, tuple[str, ...]] = {
    "waiting": ("queued",),
    "on_their_way": ("sending", "unknown", "sent"),
    "done": ("paid", "reversed", "cancelled", "owed"),
    "failed": ("failed",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutLine:
    """A payout: `state` as in docs/rules.md, `reason` what keeps it or why it failed; times in UTC.

    `back` is what of it came back, `owed` what should have.
    """

    id: int
    client_id: str
    amount: Money
    state: str
    reason: str | None
    made_at: datetime
    sent_at: datetime | None
    paid_at: datetime | None
    back: Money
    owed: Money
    transfer_id: str | None
    error: str | None
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What a client owes, since a payout could not be taken back; `open` is what is left of `amount`."""

    id: int
    client_id: str
    payout_id: int
    amount: Money
    open: Money
    made_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Payee:
    """What staff decided about paying a client, or, without an id, about paying any (P7)."""

    client_id: str
    paused: bool
    tax_year: int | None


def _line(row: Row[Any]) -> PayoutLine:
    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    return PayoutLine(
        id=row.id,
        client_id=row.client_id,
        amount=money(row.amount_minor),
        state=row.state,
        reason=row.reason,
        made_at=row.made_at,
        sent_at=row.sent_at,
        paid_at=row.paid_at,
        back=money(row.reversed_minor),
        owed=money(row.owed_minor),
        transfer_id=row.transfer_id,
        error=row.error,
        tries=row.tries,
    )


def of_client(connection: Connection, org: str, client_id: str, *, newest: int | None = None) -> list[PayoutLine]:
    """The client's payouts, oldest first; with `newest` only so many of the newest, newest first."""
    query = select(_PAYOUT).where(_PAYOUT.c.org == org, _PAYOUT.c.client_id == client_id)
    query = query.order_by(_PAYOUT.c.id) if newest is None else query.order_by(_PAYOUT.c.id.desc()).limit(newest)
    return [_line(row) for row in connection.execute(query)]


def listed(connection: Connection, org: str, which: str, *, before: int = 2**62, page: int = PAGE) -> list[PayoutLine]:
    """One of LISTS, newest first; one more than `page` if there are more."""
    query = select(_PAYOUT).where(_PAYOUT.c.org == org, _PAYOUT.c.state.in_(LISTS[which]), _PAYOUT.c.id < before)
    return [_line(row) for row in connection.execute(query.order_by(_PAYOUT.c.id.desc()).limit(page + 1))]


def knows(connection: Connection, org: str, client_id: str) -> bool:
    """Whether anything was ever booked or counted for this client."""
    query = select(_ACCOUNT.c.id).where(_ACCOUNT.c.org == org, _ACCOUNT.c.client_id == client_id)
    return connection.execute(query.limit(1)).first() is not None


def waiting(connection: Connection, org: str) -> list[PayoutLine]:
    """All that is queued, oldest first."""
    query = select(_PAYOUT).where(_PAYOUT.c.org == org, _PAYOUT.c.state == "queued").order_by(_PAYOUT.c.id)
    return [_line(row) for row in connection.execute(query)]


def counts(connection: Connection, org: str) -> dict[str, int]:
    """How many payouts are in each list, and how many debts are open (`owed`)."""
    query = select(_PAYOUT.c.state, func.count()).where(_PAYOUT.c.org == org).group_by(_PAYOUT.c.state)
    found = {state: int(number) for state, number in connection.execute(query)}
    open_debts = select(func.count()).where(_REVERSAL.c.org == org, _REVERSAL.c.state == "owed")
    totals = {which: sum(found.get(state, 0) for state in states) for which, states in LISTS.items()}
    return totals | {"owed": connection.scalar(open_debts) or 0}


def debts(connection: Connection, org: str, client_id: str | None = None, *, page: int = PAGE) -> list[Debt]:
    """What clients owe, oldest first."""
    query = select(_REVERSAL).where(_REVERSAL.c.org == org, _REVERSAL.c.state == "owed")
    if client_id is not None:
        query = query.where(_REVERSAL.c.client_id == client_id)
    return [
        Debt(
            id=row.id,
            client_id=row.client_id,
            payout_id=row.payout_id,
            amount=Money(row.amount_minor, row.currency),
            open=Money(row.open_minor, row.currency),
            made_at=row.made_at,
            reason=row.reason,
        )
        for row in connection.execute(query.order_by(_REVERSAL.c.id).limit(page))
    ]


def payees(connection: Connection, org: str) -> list[Payee]:
    """All that staff decided for the org's payouts."""
    query = select(_PAYEE).where(_PAYEE.c.org == org).order_by(_PAYEE.c.client_id)
    return [Payee(row.client_id, row.paused, row.tax_year) for row in connection.execute(query)]
