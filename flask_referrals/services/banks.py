"""The accounts that clients link for cash: made once, and how they stand with the gateway (P1, R6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Table, or_, select, update

from ..models import AccountRow, BankRow, PayoutRow, RewardRow
from ..models.ledger import COUNTS
from . import rewards, settling, transfers
from .ledger import open_books
from .ports import AccountStatus
from .rewards import Reward
from .sql import made
from .unit import Unit

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_BANK: Table = BankRow.__table__  # type: ignore[assignment]
_PAYOUT: Table = PayoutRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: An account that is not ready is asked for again after so long, a ready one after so much longer.
SOON, LATER = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """A client's linked account: its state is `new`, `onboarding`, `ready`, `restricted` or `closed`."""

    id: int
    org: str
    client_id: str
    account_id: str | None
    state: str
    needs: tuple[str, ...]


def _bank(row: Row[Any]) -> Bank:
    return Bank(
        id=row.id, org=row.org, client_id=row.client_id, account_id=row.account_id, state=row.state,
        needs=tuple(row.needs),
    )  # fmt: skip


def find(unit: Unit, org: str, client_id: str) -> Bank | None:
    """The account that the client has linked, or began to."""
    query = select(_BANK).where(_BANK.c.org == org, _BANK.c.client_id == client_id, _BANK.c.live == 1)
    row = unit.connection.execute(query).one_or_none()
    return None if row is None else _bank(row)


def of_account(unit: Unit, account_id: str) -> Bank | None:
    """Whose account with the gateway this is; None for one that is not ours, or not linked any more."""
    query = select(_BANK).where(_BANK.c.account_id == account_id, _BANK.c.live == 1)
    row = unit.connection.execute(query).one_or_none()
    return None if row is None else _bank(row)


def begin(unit: Unit, org: str, client_id: str) -> Bank:
    """The client's account row, made now if there is none: one, however often the button is pressed at once."""
    found = find(unit, org, client_id)
    if found is None or found.state == "closed":
        if found is not None:
            unlink(unit, org, client_id, "closed")
        row = {
            "org": org, "client_id": client_id, "live": 1, "state": "new", "needs": [], "made_at": unit.now,
            "seen_at": unit.now,
        }  # fmt: skip
        made(unit.connection, _BANK, row)
        query = select(_BANK).where(_BANK.c.org == org, _BANK.c.client_id == client_id, _BANK.c.live == 1)
        found = _bank(unit.connection.execute(query.with_for_update()).one())
    return found


def key_of(unit: Unit, bank: Bank) -> str:
    """The key by which the gateway makes this account once."""
    return f"{transfers.installation(unit)}:acct:{bank.id}"


def opened(unit: Unit, bank: Bank, account_id: str) -> None:
    """The gateway has made the account."""
    mine = (_BANK.c.id == bank.id) & _BANK.c.account_id.is_(None)
    unit.connection.execute(update(_BANK).where(mine).values(account_id=account_id, state="onboarding"))


def observe(unit: Unit, account_id: str, status: AccountStatus) -> None:
    """What the gateway says of an account now, in answer to a question: rewards and payouts follow (R6, P4)."""
    seen = of_account(unit, account_id)
    if seen is None:
        return
    open_books(unit, seen.org, [], qualified={seen.client_id: 0})
    row = unit.connection.execute(select(_BANK).where(_BANK.c.id == seen.id).with_for_update()).one()
    if not row.live:
        return
    values = {"state": status.state, "needs": list(status.needs)[:50], "seen_at": unit.now}
    unit.connection.execute(update(_BANK).where(_BANK.c.id == row.id).values(**values))
    if status.state == "ready":
        _ready(unit, seen, was_ready=row.state == "ready")
    elif row.state == "ready":
        _not_ready(unit, seen, status.state)


def _ready(unit: Unit, bank: Bank, *, was_ready: bool) -> None:
    if not was_ready:
        unit.record("bank_linked", bank.org, bank.client_id, account=bank.account_id)
    _mark(unit, bank, linked=True)
    for payout_id in transfers.failed_of(unit, bank.org, bank.client_id):
        transfers.send_anew(unit, bank.org, payout_id)
    waiting = update(_PAYOUT).where(
        _PAYOUT.c.org == bank.org, _PAYOUT.c.client_id == bank.client_id, _PAYOUT.c.state == "queued",
        _PAYOUT.c.reason == "bank_account",
    )  # fmt: skip
    unit.connection.execute(waiting.values(next_at=unit.now, reason=None))


def _not_ready(unit: Unit, bank: Bank, state: str) -> None:
    unit.record("bank_trouble", bank.org, bank.client_id, state=state)
    _mark(unit, bank, linked=False)


def _mark(unit: Unit, bank: Bank, *, linked: bool) -> None:
    """Carry it to the client's counts, where payments look, and to what waits."""
    mine = (_ACCOUNT.c.org == bank.org) & (_ACCOUNT.c.client_id == bank.client_id) & (_ACCOUNT.c.currency == COUNTS)
    unit.connection.execute(update(_ACCOUNT).where(mine).values(linked=int(linked)))
    old, new = ("bank_account", "min_payout") if linked else ("min_payout", "bank_account")
    query = select(_REWARD).where(
        _REWARD.c.org == bank.org, _REWARD.c.client_id == bank.client_id, _REWARD.c.waits_for == old
    )
    for row in unit.connection.execute(query.order_by(_REWARD.c.id).with_for_update()).all():
        unit.connection.execute(update(_REWARD).where(_REWARD.c.id == row.id).values(waits_for=new))
        if not linked:
            reward = Reward(row._mapping)
            reward.values["waits_for"] = new
            rewards.tell_pending(unit, settling.tie_of(unit, row.referral_id), reward)


def unlink(unit: Unit, org: str, client_id: str, why: str = "client") -> bool:
    """Let go of the account: what is not sent yet waits for another one. False where none was linked."""
    bank = find(unit, org, client_id)
    if bank is None:
        return False
    open_books(unit, org, [], qualified={client_id: 0})
    gone = update(_BANK).where(_BANK.c.id == bank.id, _BANK.c.live == 1)
    if unit.connection.execute(gone.values(live=None)).rowcount != 1:
        return False
    unit.record("bank_unlinked", org, client_id, account=bank.account_id, reason=why)
    _mark(unit, bank, linked=False)
    return True


def to_ask(unit: Unit, after: int, limit: int) -> list[tuple[int, str, str]]:
    """Accounts that the gateway is to be asked about again: id, org, account."""
    soon, later = unit.now - SOON, unit.now - LATER
    when = or_(
        _BANK.c.state.in_(["onboarding", "restricted"]) & (_BANK.c.seen_at <= soon),
        (_BANK.c.state == "ready") & (_BANK.c.seen_at <= later),
    )
    query = select(_BANK.c.id, _BANK.c.org, _BANK.c.account_id).where(
        when, _BANK.c.live == 1, _BANK.c.account_id.is_not(None), _BANK.c.id > after
    )
    rows = unit.connection.execute(query.order_by(_BANK.c.id).limit(limit))
    return [(row.id, row.org, row.account_id) for row in rows]


def lost(unit: Unit, account_id: str, state: str) -> None:
    """A refusal has shown that the account takes no transfers."""
    observe(unit, account_id, AccountStatus(state="closed" if state == "closed" else "restricted"))


def seen(unit: Unit, bank_id: int, at: datetime) -> None:
    """The gateway could not be asked: not at once again."""
    unit.connection.execute(update(_BANK).where(_BANK.c.id == bank_id).values(seen_at=at))
