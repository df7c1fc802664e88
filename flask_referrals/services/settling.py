"""Pending rewards: issued once nothing keeps them waiting any more, by maintenance or by staff (R5, R8, L1)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, func, select, update

from ..domain.rewards import kind_now
from ..domain.terms import Kind, Version
from ..domain.waiting import cash_waits, first_wait
from ..models import AccountRow, ReferralRow, RewardRow
from ..models.ledger import COUNTS
from . import rewards
from .ledger import Owner, open_books
from .programs import Program
from .rewards import Reward
from .ties import ReferralTie
from .unit import Unit

_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_TIE = [_REFERRAL.c[name] for name in ReferralTie.__dataclass_fields__]


def tie_of(unit: Unit, referral_id: int, *, lock: bool = False) -> ReferralTie:
    """The referral as it stands."""
    query = select(*_TIE).where(_REFERRAL.c.id == referral_id)
    return ReferralTie(*unit.connection.execute(query.with_for_update() if lock else query).one())


def settle(unit: Unit, reward_id: int, *, past_limits: bool = False, queued: bool = False) -> str | None:
    """Issue a pending reward, or say anew what it waits for; answers that, or None once it is issued.

    `past_limits` is for staff who let it through; `queued` for the oldest of a queue, which no one else goes before.
    """
    seen = unit.connection.execute(select(_REWARD).where(_REWARD.c.id == reward_id)).one()
    referral = tie_of(unit, seen.referral_id)
    program = unit.programs.get(unit.connection, seen.org)
    version = unit.programs.version(unit.connection, seen.terms_id)
    owners: list[Owner] = rewards.budget_owners(program)
    if seen.kind == "credit":
        owners.append((seen.client_id, seen.currency))
    counted = {seen.client_id: 0} if seen.beneficiary == "referrer" else {}
    books = open_books(unit, seen.org, owners, qualified=counted)
    query = select(_REWARD).where(_REWARD.c.id == reward_id).with_for_update()
    reward = Reward(unit.connection.execute(query).one()._mapping)
    if reward.state != "pending":
        return None
    kind = _kind(unit, books, reward)
    if kind == "credit" and kind != reward.kind and (reward.client_id, reward.currency) not in books.accounts:
        books = open_books(unit, seen.org, [*owners, (seen.client_id, seen.currency)], qualified=counted)
    if kind != reward.kind:
        _change(unit, reward, {"kind": kind})
    waits, limit = _waits(unit, books, referral, reward, program, version, past_limits, queued)
    if waits is None and kind == "cash":
        waits = cash_waits(linked=_linked(unit, books, reward.client_id))
    if waits is not None:
        if (waits, limit) != (reward.waits_for, reward.reason):
            _change(unit, reward, {"waits_for": waits, "reason": limit})
            rewards.tell_pending(unit, referral, reward)
        return waits
    month = rewards.month_of(unit, reward.org)
    amount = reward.amount.minor
    after = amount + (books.spendable(reward.client_id, reward.currency) if reward.kind == "credit" else 0)
    _change(unit, reward, rewards.issued(unit, version.terms, reward.kind, amount, after, month))
    rewards.book(unit, books, referral, reward)
    books.write()
    return None


def _waits(
    unit: Unit,
    books: Any,
    referral: ReferralTie,
    reward: Reward,
    program: Program,
    version: Version,
    past_limits: bool,
    queued: bool,
) -> tuple[str | None, str | None]:
    """What the reward waits for now, and which limit."""
    terms = (program.at(unit.now) or version).terms
    waits = first_wait(
        terms.approval,
        flagged=bool(referral.flags),
        approved=reward.approved_by is not None,
        hold_until=reward.hold_until,
        now=unit.now,
    )
    if waits is not None or past_limits:
        return waits, None
    month = rewards.month_of(unit, reward.org)
    room = rewards.room_for(books, terms, reward.client_id if reward.beneficiary == "referrer" else "", month)
    if queued or reward.waits_for == "limit":
        room.waiting = room.budget_waiting = 0
    limit = room.take(reward.beneficiary, reward.amount)
    return ("limit", limit) if limit else (None, None)


def _linked(unit: Unit, books: Any, client_id: str) -> bool:
    return not unit.banks or bool(books.accounts[client_id, COUNTS].linked)


def _kind(unit: Unit, books: Any, reward: Reward) -> str:
    """As what it is given now: what the client chose counts at the time of issue (R6)."""
    if not reward.choices:
        return str(reward.kind)
    chosen = books.accounts[reward.client_id, COUNTS].chosen
    return kind_now(reward.choices.split(","), chosen, linked=_linked(unit, books, reward.client_id))


def is_free(unit: Unit, books: Any, reward: Reward) -> bool:
    """Whether a pending cash reward waits for its payout alone; else it says what keeps it (R8, R5, L1)."""
    referral = tie_of(unit, reward.referral_id)
    program = unit.programs.get(unit.connection, reward.org)
    version = unit.programs.version(unit.connection, reward.terms_id)
    waits, limit = _waits(unit, books, referral, reward, program, version, False, False)
    if waits is None:
        return True
    _change(unit, reward, {"waits_for": waits, "reason": limit})
    rewards.tell_pending(unit, referral, reward)
    return False


def issue_cash(unit: Unit, books: Any, reward: Reward) -> bool:
    """Issue a pending cash reward that goes into a payout now; False where a limit turned out to keep it."""
    account = books.accounts[reward.client_id, COUNTS]
    if not is_free(unit, books, reward):
        return False
    version = unit.programs.version(unit.connection, reward.terms_id)
    month = rewards.month_of(unit, reward.org)
    _change(unit, reward, rewards.issued(unit, version.terms, "cash", reward.amount.minor, 0, month))
    if account.month != month:
        account.in_year = account.in_year if account.month[:4] == month[:4] else 0
        account.month, account.in_month = month, 0
    account.issued, account.in_month, account.in_year = account.issued + 1, account.in_month + 1, account.in_year + 1
    for (client_id, currency), budget in books.accounts.items():
        if not client_id and currency == reward.currency:
            budget.issued += reward.amount.minor
    rewards.book(unit, books, tie_of(unit, reward.referral_id), reward)
    return True


def chosen(connection: Connection, org: str, client_id: str) -> str | None:
    """As what the client wants its rewards of money; None where it never said (R6)."""
    mine = (_ACCOUNT.c.org == org) & (_ACCOUNT.c.client_id == client_id) & (_ACCOUNT.c.currency == COUNTS)
    found: str | None = connection.scalar(select(_ACCOUNT.c.chosen).where(mine))
    return found


def choose(unit: Unit, org: str, client_id: str, kind: Kind) -> int:
    """The client wants its rewards of money as this from now on, those that are not issued yet too (R6); how many."""
    open_books(unit, org, [], qualified={client_id: 0})
    mine = (_ACCOUNT.c.org == org) & (_ACCOUNT.c.client_id == client_id) & (_ACCOUNT.c.currency == COUNTS)
    unit.connection.execute(update(_ACCOUNT).where(mine).values(chosen=kind))
    unit.record("reward_chosen", org, client_id, announces=False, choice=kind)
    query = select(_REWARD.c.id).where(
        _REWARD.c.org == org, _REWARD.c.client_id == client_id, _REWARD.c.state == "pending",
        _REWARD.c.choices.is_not(None),
    )  # fmt: skip
    found = list(unit.connection.scalars(query.order_by(_REWARD.c.id).with_for_update()))
    for reward_id in found:
        settle(unit, reward_id)
    return len(found)


def _change(unit: Unit, reward: Reward, values: dict[str, Any]) -> None:
    unit.connection.execute(update(_REWARD).where(_REWARD.c.id == reward.id).values(**values))
    reward.values.update(values)


# -- what is due -----------------------------------------------------------------------------------------------------


def held_over(unit: Unit, after: int, limit: int) -> list[int]:
    """Rewards whose hold is over, oldest first."""
    query = select(_REWARD.c.id).where(_REWARD.c.waits_for == "hold", _REWARD.c.hold_until <= unit.now)
    return list(unit.connection.scalars(query.where(_REWARD.c.id > after).order_by(_REWARD.c.id).limit(limit)))


def needing_no_approval(unit: Unit, after: int, limit: int) -> list[int]:
    """Rewards that wait for an approval that the terms in force do not ask for (any more)."""
    orgs = unit.connection.scalars(select(_REWARD.c.org).where(_REWARD.c.waits_for == "approval").distinct()).all()
    found: list[int] = []
    for org in orgs:
        version = unit.programs.get(unit.connection, org).at(unit.now)
        if version is None or version.terms.approval == "all":
            continue
        query = select(_REWARD.c.id).where(_REWARD.c.waits_for == "approval", _REWARD.c.org == org)
        if version.terms.approval == "flagged":
            query = query.join(_REFERRAL, _REFERRAL.c.id == _REWARD.c.referral_id).where(_REFERRAL.c.flags == "")
        found += unit.connection.scalars(query.where(_REWARD.c.id > after).order_by(_REWARD.c.id).limit(limit))
    return sorted(found)[:limit]


def queues(unit: Unit) -> list[tuple[str, str]]:
    """Who has rewards that wait for a limit, whoever has waited longest first."""
    query = (
        select(_REWARD.c.org, _REWARD.c.client_id)
        .where(_REWARD.c.waits_for == "limit")
        .group_by(_REWARD.c.org, _REWARD.c.client_id)
        .order_by(func.min(_REWARD.c.id))
    )
    return [(org, client_id) for org, client_id in unit.connection.execute(query)]


def settle_next(unit: Unit, org: str, client_id: str) -> str | None:
    """Settle the oldest reward of the client's that waits for a limit: `issued`, what it waits for, None for none."""
    query = (
        select(_REWARD.c.id)
        .where(_REWARD.c.org == org, _REWARD.c.client_id == client_id, _REWARD.c.waits_for == "limit")
        .order_by(_REWARD.c.id)
        .limit(1)
    )
    reward_id = unit.connection.scalar(query)
    if reward_id is None:
        return None
    return settle(unit, reward_id, queued=True) or "issued"
