"""Payouts on their way: claimed, sent once, looked up where nobody knows, freed where they failed (P2 to P4, P7).

Every step takes the client's accounts first, as all that changes rewards does, then the rewards, then the payout.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Table, func, or_, select, update

from ..domain import states
from ..models import BankRow, InstallationRow, PayeeRow, PayoutItemRow, PayoutRow, ReversalRow, RewardRow
from ..money import Money
from .ledger import open_books
from .ports import Order
from .sql import insert_once
from .unit import Unit

_BANK: Table = BankRow.__table__  # type: ignore[assignment]
_INSTALLATION: Table = InstallationRow.__table__  # type: ignore[assignment]
_ITEM: Table = PayoutItemRow.__table__  # type: ignore[assignment]
_PAYEE: Table = PayeeRow.__table__  # type: ignore[assignment]
_PAYOUT: Table = PayoutRow.__table__  # type: ignore[assignment]
_REVERSAL: Table = ReversalRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: The pauses after the first, second, ... try that did not go through; the last one from then on (P4).
PAUSES = (1, 5, 15, 60, 240, 720)
#: For so long whoever has claimed a payout may be about to send it.
LEASE = timedelta(minutes=10)
#: While a key is younger than the first, Stripe knows it; past the second it has forgotten; between, nothing is sent.
KEY_KNOWN, KEY_GONE = timedelta(hours=23), timedelta(hours=25)
#: Reasons for failures that a bank account which is in order again puts right.
ACCOUNT_REASONS = ("account_closed", "account_restricted")


def installation(unit: Unit) -> str:
    """This database's own name, made on first need."""
    found = unit.connection.scalar(select(_INSTALLATION.c.name))
    if found is None:
        row = {"id": 1, "name": uuid.uuid4().hex[:12]}
        unit.connection.execute(insert_once(unit.dialect, _INSTALLATION), row).close()
        found = unit.connection.scalar(select(_INSTALLATION.c.name).with_for_update())
    return str(found)


def pause(tries: int) -> timedelta:
    """How long to wait after that many tries."""
    return timedelta(minutes=PAUSES[min(max(tries, 1), len(PAUSES)) - 1])


def due(unit: Unit, state: str, after: int, limit: int) -> list[int]:
    """Payouts in this state whose time has come; `sending` ones whose lease is over."""
    time = _PAYOUT.c.lease_until if state == "sending" else _PAYOUT.c.next_at
    query = select(_PAYOUT.c.id).where(_PAYOUT.c.state == state, time <= unit.now, _PAYOUT.c.id > after)
    return list(unit.connection.scalars(query.order_by(_PAYOUT.c.id).limit(limit)))


def locked(unit: Unit, payout_id: int) -> Row[Any]:
    """The payout as it stands, with its client's accounts, what rewards hang on, locked before it."""
    seen = unit.connection.execute(select(_PAYOUT.c.org, _PAYOUT.c.client_id).where(_PAYOUT.c.id == payout_id)).one()
    open_books(unit, seen.org, [], qualified={seen.client_id: 0})
    return unit.connection.execute(select(_PAYOUT).where(_PAYOUT.c.id == payout_id).with_for_update()).one()


def change(unit: Unit, payout: Any, state: str, **values: Any) -> None:
    """Take a payout's step."""
    if state != payout.state:
        states.step("payout", payout.state, state)
    unit.connection.execute(update(_PAYOUT).where(_PAYOUT.c.id == payout.id).values(state=state, **values))


def claim(unit: Unit, payout_id: int, *, by_staff: bool = False) -> Order | None:
    """Take a queued payout to be sent; None where something keeps it, which it then says (P7)."""
    payout = locked(unit, payout_id)
    if payout.state != "queued" or (payout.next_at > unit.now and not by_staff):
        return None
    if payout.withdrawn:
        cancel(unit, payout, "undone")
        return None
    destination = payout.destination if payout.key_at is not None else _destination(unit, payout)
    reason = _kept(unit, payout, destination)
    if reason is not None and not (by_staff and reason == "by_hand"):
        if reason != payout.reason:
            change(unit, payout, "queued", reason=reason)
        return None
    change(
        unit,
        payout,
        "sending",
        reason=None,
        tries=payout.tries + 1,
        key_at=payout.key_at or unit.now,
        lease_until=unit.now + LEASE,
        destination=destination,
    )
    return _order(unit, payout, destination or "")


def _destination(unit: Unit, payout: Any) -> str | None:
    """The account that the client has linked, if it is ready."""
    query = select(_BANK.c.account_id).where(
        _BANK.c.org == payout.org, _BANK.c.client_id == payout.client_id, _BANK.c.live == 1, _BANK.c.state == "ready"
    )
    found: str | None = unit.connection.scalar(query.with_for_update())
    return found


def _kept(unit: Unit, payout: Any, destination: str | None) -> str | None:
    """What keeps a payout from being sent: staff's pause, the year's tax details, or no account (P7)."""
    query = select(_PAYEE).where(_PAYEE.c.org == payout.org, _PAYEE.c.client_id.in_(["", payout.client_id]))
    said = list(unit.connection.execute(query))
    if any(row.paused for row in said):
        return "paused"
    version = unit.programs.get(unit.connection, payout.org).at(unit.now)
    limit = None if version is None else version.terms.yearly_limit
    if limit is not None and limit.currency == payout.currency and payout.key_at is None:
        zone = unit.host.timezone(payout.org)
        year = unit.now.astimezone(zone).year
        cleared = any(row.client_id == payout.client_id and (row.tax_year or 0) >= year for row in said)
        if (
            not cleared
            and paid_in(unit, payout, datetime(year, 1, 1, tzinfo=zone)) + payout.amount_minor >= limit.minor
        ):
            return "tax_details"
    if unit.banks and destination is None:
        return "bank_account"
    return None if unit.sends else "by_hand"


def paid_in(unit: Unit, payout: Any, since: datetime) -> int:
    """What went to the client in the payout's currency since then, in minor units, less what came back."""
    mine = (_PAYOUT.c.org == payout.org) & (_PAYOUT.c.client_id == payout.client_id)
    query = select(func.coalesce(func.sum(_PAYOUT.c.amount_minor - _PAYOUT.c.reversed_minor), 0)).where(
        mine, _PAYOUT.c.currency == payout.currency, _PAYOUT.c.sent_at >= since
    )
    return int(unit.connection.scalar(query) or 0)


def _order(unit: Unit, payout: Any, destination: str) -> Order:
    name = installation(unit)
    group = f"{name}:{payout.id}"
    return Order(
        org=payout.org,
        payout_id=payout.id,
        key=f"{group}:{payout.attempt}",
        group=group,
        destination=destination,
        amount=Money(payout.amount_minor, payout.currency),
        metadata={"referrals_payout": group, "org": payout.org},
    )


def order_of(unit: Unit, payout_id: int) -> Order | None:
    """The order of a payout of which nobody knows whether it was sent, to look it up; None once somebody does."""
    payout = unit.connection.execute(select(_PAYOUT).where(_PAYOUT.c.id == payout_id)).one()
    return _order(unit, payout, payout.destination) if payout.state == "unknown" else None


def sent(unit: Unit, payout_id: int, transfer_id: str | None) -> bool:
    """The gateway has it; False where that was known already."""
    payout = locked(unit, payout_id)
    if payout.state not in ("sending", "unknown"):
        return False
    change(unit, payout, "sent", transfer_id=transfer_id, sent_at=unit.now, reason=None, lease_until=None, error=None)
    amount = Money(payout.amount_minor, payout.currency)
    unit.record(
        "payout_sent", payout.org, payout.client_id, amount=amount, payout_id=payout.id, transfer_id=transfer_id
    )
    return True


def paid(unit: Unit, payout_id: int) -> bool:
    """The bank has it; False where it is not on its way."""
    payout = locked(unit, payout_id)
    if payout.state != "sent":
        return False
    change(unit, payout, "paid", paid_at=unit.now, reason=None)
    unit.record(
        "payout_paid", payout.org, payout.client_id, amount=Money(payout.amount_minor, payout.currency),
        payout_id=payout.id,
    )  # fmt: skip
    return True


def doubtful(unit: Unit, payout_id: int, attempt_of: Order | None, error: str) -> None:
    """Nobody knows whether it was sent: it is asked about before anything else (P3)."""
    payout = locked(unit, payout_id)
    if payout.state != "sending" or (attempt_of is not None and not attempt_of.key.endswith(f":{payout.attempt}")):
        return
    if attempt_of is None and payout.lease_until is not None and payout.lease_until > unit.now:
        return
    wait = pause(payout.tries) if attempt_of is not None else timedelta(0)
    change(unit, payout, "unknown", error=error[:500], lease_until=None, next_at=unit.now + wait)


def put_off(unit: Unit, payout_id: int, order: Order, error: str) -> None:
    """Not done and not remembered: the same key again, later. A key that only this try has used is not used yet."""
    payout = locked(unit, payout_id)
    if payout.state == "sending" and order.key.endswith(f":{payout.attempt}"):
        fresh = payout.lease_until is not None and payout.key_at == payout.lease_until - LEASE
        change(
            unit, payout, "queued", error=error[:500], reason="busy", lease_until=None,
            key_at=None if fresh else payout.key_at, next_at=unit.now + pause(payout.tries),
        )  # fmt: skip


def refused(unit: Unit, payout_id: int, order: Order, kind: str, code: str, error: str) -> None:
    """Certainly not done: a new attempt for want of funds, else it has failed, for a reason that people read (P4)."""
    payout = locked(unit, payout_id)
    if payout.state != "sending" or not order.key.endswith(f":{payout.attempt}"):
        return
    anew = {"attempt": payout.attempt + 1, "key_at": None, "lease_until": None, "error": f"{code}: {error}"[:500]}
    if kind == "funds":
        change(unit, payout, "queued", reason="low_balance", next_at=unit.now + pause(payout.tries), **anew)
        return
    reason = {"closed": "account_closed", "account": "account_restricted"}.get(kind, "refused")
    change(unit, payout, "failed", reason=reason, **anew)
    _failed(unit, payout, reason)


def _failed(unit: Unit, payout: Any, reason: str) -> None:
    unit.record(
        "payout_failed", payout.org, payout.client_id, amount=Money(payout.amount_minor, payout.currency),
        payout_id=payout.id, reason=reason,
    )  # fmt: skip


def not_found(unit: Unit, payout_id: int) -> None:
    """Nothing of an unknown payout is with the gateway: the same key while it is known there, a new one once it is not.

    Between the two nothing is sent (P3).
    """
    payout = locked(unit, payout_id)
    if payout.state != "unknown":
        return
    age = unit.now - (payout.key_at or unit.now)
    if age < KEY_KNOWN:
        change(unit, payout, "queued", next_at=unit.now)
    elif age > KEY_GONE:
        change(unit, payout, "queued", next_at=unit.now, attempt=payout.attempt + 1, key_at=None)
    else:
        change(unit, payout, "unknown", next_at=(payout.key_at or unit.now) + KEY_GONE + timedelta(minutes=1))


def look_again(unit: Unit, payout_id: int, error: str) -> None:
    """The gateway could not say: ask again later."""
    payout = locked(unit, payout_id)
    if payout.state == "unknown":
        values = {"tries": payout.tries + 1, "error": error[:500], "next_at": unit.now + pause(payout.tries + 1)}
        change(unit, payout, "unknown", **values)


def bounced(unit: Unit, payout_id: int) -> bool:
    """The bank has sent it back: it stays with the gateway, in the client's account there (STRIPE.md, bank payouts)."""
    payout = locked(unit, payout_id)
    if payout.state not in ("sent", "paid") or payout.reason == "bank_refused":
        return False
    change(unit, payout, payout.state, reason="bank_refused")
    _failed(unit, payout, "bank_refused")
    return True


def in_bank_payout(unit: Unit, destination: str, currency: str, until: datetime, *, landed: bool) -> list[int]:
    """The payouts that a bank payout made at `until` holds: all that went to that account before it and had not landed.

    Of one that failed after it had landed, those that landed since.
    """
    among = _PAYOUT.c.state == "sent"
    if not landed:
        among = or_(among, (_PAYOUT.c.state == "paid") & (_PAYOUT.c.paid_at >= until - timedelta(seconds=1)))
    query = select(_PAYOUT.c.id).where(_PAYOUT.c.destination == destination, _PAYOUT.c.currency == currency, among)
    return list(unit.connection.scalars(query.where(_PAYOUT.c.sent_at <= until).order_by(_PAYOUT.c.id)))


def found(unit: Unit, payout_id: int, transfer_id: str, destination: str) -> None:
    """The gateway tells of a transfer of ours: it closes its payout, if that is still open and went there."""
    query = select(_PAYOUT.c.destination).where(_PAYOUT.c.id == payout_id)
    if unit.connection.scalar(query) == destination:
        sent(unit, payout_id, transfer_id)


def cancel(unit: Unit, payout: Any, reason: str) -> None:
    """Cancel a queued payout: what is in it and still due goes into the next one, and settled debts stand again."""
    change(unit, payout, "cancelled", reason=reason)
    free(unit, payout)
    for reversal_id, part in payout.netted:
        debt = unit.connection.execute(select(_REVERSAL).where(_REVERSAL.c.id == reversal_id).with_for_update()).one()
        values = {"open_minor": debt.open_minor + part, "state": "owed"}
        unit.connection.execute(update(_REVERSAL).where(_REVERSAL.c.id == reversal_id).values(**values))
    waiting = update(_REVERSAL).where(_REVERSAL.c.payout_id == payout.id, _REVERSAL.c.state == "queued")
    unit.connection.execute(waiting.values(state="cancelled"))
    unit.record(
        "payout_cancelled", payout.org, payout.client_id, amount=Money(payout.amount_minor, payout.currency),
        payout_id=payout.id, reason=reason,
    )  # fmt: skip


def free(unit: Unit, payout: Any) -> int:
    """Let what is in a payout that will not be sent go into another one; how many rewards."""
    items = unit.connection.execute(select(_ITEM).where(_ITEM.c.payout_id == payout.id).with_for_update()).all()
    count = 0
    for item in items:
        left = item.amount_minor - item.taken_minor
        if left:
            mine = (_REWARD.c.id == item.reward_id) & (_REWARD.c.state == "issued")
            more = update(_REWARD).where(mine).values(payable_minor=_REWARD.c.payable_minor + left)
            count += unit.connection.execute(more).rowcount
            unit.connection.execute(update(_ITEM).where(_ITEM.c.id == item.id).values(taken_minor=item.amount_minor))
    return count


def send_anew(unit: Unit, org: str, payout_id: int) -> bool:
    """Let what is in a failed payout go into another one (P7); False for one that has not failed."""
    payout = locked(unit, payout_id)
    if payout.org != org or payout.state != "failed":
        return False
    if count := free(unit, payout):
        unit.record("payout_freed", org, payout.client_id, announces=False, payout_id=payout.id)
    return bool(count)


def failed_of(unit: Unit, org: str, client_id: str, reasons: Sequence[str] = ACCOUNT_REASONS) -> list[int]:
    """The client's failed payouts with one of these reasons that still hold something."""
    query = (
        select(_PAYOUT.c.id)
        .join(_ITEM, _ITEM.c.payout_id == _PAYOUT.c.id)
        .where(_PAYOUT.c.org == org, _PAYOUT.c.client_id == client_id, _PAYOUT.c.state == "failed")
        .where(_PAYOUT.c.reason.in_(reasons), _ITEM.c.taken_minor < _ITEM.c.amount_minor)
        .distinct()
    )
    return list(unit.connection.scalars(query))
