"""Payouts made: all of a client's cash that is due goes as one, less what it owes (P6, P7)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, insert, or_, select, update

from ..domain import states
from ..models import PayoutItemRow, PayoutRow, ReversalRow, RewardRow
from ..models.ledger import COUNTS
from ..money import Money
from . import rewards, settling
from .ledger import Books, open_books
from .rewards import Reward
from .unit import Unit

_ITEM: Table = PayoutItemRow.__table__  # type: ignore[assignment]
_PAYOUT: Table = PayoutRow.__table__  # type: ignore[assignment]
_REVERSAL: Table = ReversalRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: What a cash reward waits for that only a payout ends.
CASH_WAITS = ("bank_account", "min_payout")


def payees(unit: Unit, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
    """Org and id of clients with cash that could go into a payout, from behind `after` on."""
    org, client_id = after
    due = or_(_REWARD.c.waits_for.in_(CASH_WAITS), _REWARD.c.payable_minor > 0)
    behind = or_(_REWARD.c.org > org, (_REWARD.c.org == org) & (_REWARD.c.client_id > client_id))
    query = select(_REWARD.c.org, _REWARD.c.client_id).where(due, behind).distinct()
    return [(a, b) for a, b in unit.connection.execute(query.order_by(_REWARD.c.org, _REWARD.c.client_id).limit(limit))]


def make(unit: Unit, org: str, client_id: str) -> list[int]:
    """Put all of the client's cash that is ready into one payout for each currency; their ids (P7).

    Without a bank account, or below the smallest payout, it goes on waiting and says for what.
    """
    program = unit.programs.get(unit.connection, org)
    owners = rewards.budget_owners(program)
    books = open_books(unit, org, owners, qualified={client_id: 0})
    found = _ready(unit, books, org, client_id)
    if not found:
        return []
    if unit.banks and not books.accounts[client_id, COUNTS].linked:
        for reward in found:
            _wait(unit, reward, "bank_account")
        return []
    version = program.at(unit.now)
    made = []
    for currency in sorted({reward.currency for reward in found}):
        mine = [reward for reward in found if reward.currency == currency]
        total = sum(_part(reward) for reward in mine)
        least = None if version is None else version.terms.min_payout
        if least is not None and least.currency == currency and total < least.minor:
            for reward in mine:
                _wait(unit, reward, "min_payout")
            continue
        payout_id = _make(unit, books, org, client_id, currency, mine)
        if payout_id is not None:
            made.append(payout_id)
    books.write()
    return made


def _ready(unit: Unit, books: Books, org: str, client_id: str) -> list[Reward]:
    """The client's cash that nothing but its payout keeps, locked."""
    query = (
        select(_REWARD)
        .where(_REWARD.c.org == org, _REWARD.c.client_id == client_id, _REWARD.c.kind == "cash")
        .where(or_(_REWARD.c.waits_for.in_(CASH_WAITS), _REWARD.c.payable_minor > 0))
        .order_by(_REWARD.c.id)
    )
    found = [Reward(row._mapping) for row in unit.connection.execute(query.with_for_update())]
    return [reward for reward in found if reward.state == "issued" or settling.is_free(unit, books, reward)]


def _part(reward: Reward) -> int:
    """What of the reward goes into the next payout, in minor units."""
    return int(reward.payable_minor if reward.state == "issued" else reward.amount.minor)


def _wait(unit: Unit, reward: Reward, waits_for: str) -> None:
    if reward.state == "pending" and reward.waits_for != waits_for:
        unit.connection.execute(update(_REWARD).where(_REWARD.c.id == reward.id).values(waits_for=waits_for))
        reward.values["waits_for"] = waits_for
        rewards.tell_pending(unit, settling.tie_of(unit, reward.referral_id), reward)


def _make(unit: Unit, books: Books, org: str, client_id: str, currency: str, found: list[Reward]) -> int | None:
    """Issue what is pending, and write the payout with its items; what the client owes is kept back of it (P6)."""
    items = []
    for reward in found:
        if reward.state == "pending" and not settling.issue_cash(unit, books, reward):
            continue
        part = _part(reward) if reward.values.get("payable_minor") else reward.amount.minor
        unit.connection.execute(update(_REWARD).where(_REWARD.c.id == reward.id).values(payable_minor=0))
        items.append({"reward_id": reward.id, "amount_minor": part, "taken_minor": 0})
    total = sum(int(item["amount_minor"]) for item in items)
    if not items or not total:
        return None
    netted = _net(unit, org, client_id, currency, total)
    kept = sum(minor for _, minor in netted)
    row = {
        "org": org,
        "client_id": client_id,
        "amount_minor": total - kept,
        "currency": currency,
        "state": "queued" if total > kept else "paid",
        "reason": None if total > kept else "netted",
        "attempt": 1,
        "tries": 0,
        "next_at": unit.now,
        "withdrawn": 0,
        "netted": netted,
        "reversed_minor": 0,
        "owed_minor": 0,
        "made_at": unit.now,
        "paid_at": None if total > kept else unit.now,
    }
    result = unit.connection.execute(insert(_PAYOUT).values(row))
    payout_id = int(result.inserted_primary_key[0])  # type: ignore[index]
    unit.connection.execute(insert(_ITEM), [item | {"payout_id": payout_id} for item in items])
    unit.record(
        "payout_queued", org, client_id, amount=Money(total - kept, currency), payout_id=payout_id,
        rewards=[item["reward_id"] for item in items],
        netted=f"{Money(kept, currency).amount:f}" if kept else None,
    )  # fmt: skip
    return payout_id


def _net(unit: Unit, org: str, client_id: str, currency: str, total: int) -> list[list[int]]:
    """Settle what the client owes out of this payout, oldest debt first: [reversal id, minor units] each."""
    query = (
        select(_REVERSAL)
        .where(_REVERSAL.c.org == org, _REVERSAL.c.client_id == client_id, _REVERSAL.c.state == "owed")
        .where(_REVERSAL.c.currency == currency)
        .order_by(_REVERSAL.c.id)
    )
    netted = []
    for debt in unit.connection.execute(query.with_for_update()).all():
        part = min(debt.open_minor, total)
        if part:
            total -= part
            netted.append([debt.id, part])
            _settle_debt(unit, debt, part)
    return netted


def _settle_debt(unit: Unit, debt: Any, part: int) -> None:
    left = debt.open_minor - part
    state = "owed" if left else states.step("reversal", debt.state, "settled")
    change = update(_REVERSAL).where(_REVERSAL.c.id == debt.id).values(open_minor=left, state=state)
    unit.connection.execute(change)
    amount = Money(part, debt.currency)
    unit.record("debt_settled", debt.org, debt.client_id, amount=amount, payout_id=debt.payout_id, reversal_id=debt.id)
