"""What has to come back of payouts: withdrawn before it is sent, recalled after, owed where that cannot be (P6)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, Table, func, insert, select, update

from ..domain import states
from ..models import PayoutItemRow, PayoutRow, ReversalRow, RewardRow
from ..money import Money
from .ports import Recall
from .transfers import KEY_GONE, KEY_KNOWN, LEASE, cancel, change, installation, locked, pause
from .unit import Unit

if TYPE_CHECKING:
    from .rewards import Reward

_ITEM: Table = PayoutItemRow.__table__  # type: ignore[assignment]
_PAYOUT: Table = PayoutRow.__table__  # type: ignore[assignment]
_REVERSAL: Table = ReversalRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]


def withdraw(unit: Unit, reward: Reward, amount: int, reason: str) -> None:
    """Take back that much of an issued cash reward, wherever it is: not yet in a payout, queued, or sent (P6).

    The client's accounts are locked by the caller.
    """
    query = (
        select(_ITEM, _PAYOUT.c.state)
        .join(_PAYOUT, _PAYOUT.c.id == _ITEM.c.payout_id)
        .where(_ITEM.c.reward_id == reward.id, _ITEM.c.taken_minor < _ITEM.c.amount_minor)
        .order_by(_ITEM.c.id.desc())
    )
    for item in unit.connection.execute(query.with_for_update()).all():
        if item.state == "queued":
            cancel(unit, locked(unit, item.payout_id), "undone")
    payable = unit.connection.scalar(select(_REWARD.c.payable_minor).where(_REWARD.c.id == reward.id).with_for_update())
    part = min(int(payable or 0), amount)
    if part:
        less = update(_REWARD).where(_REWARD.c.id == reward.id).values(payable_minor=_REWARD.c.payable_minor - part)
        unit.connection.execute(less)
        amount -= part
    for item in unit.connection.execute(query.with_for_update()).all():
        part = min(item.amount_minor - item.taken_minor, amount)
        if part:
            amount -= part
            _take_back(unit, reward, item, part, reason)


def _take_back(unit: Unit, reward: Reward, item: Any, part: int, reason: str) -> None:
    """Write down what has to come back of a payout; where it was never sent, nothing has."""
    taken = update(_ITEM).where(_ITEM.c.id == item.id).values(taken_minor=item.taken_minor + part)
    unit.connection.execute(taken)
    if item.state == "failed":
        return
    payout = locked(unit, item.payout_id)
    if payout.state in ("sending", "unknown"):
        unit.connection.execute(update(_PAYOUT).where(_PAYOUT.c.id == payout.id).values(withdrawn=1))
    asked = select(func.coalesce(func.sum(_REVERSAL.c.amount_minor), 0)).where(
        _REVERSAL.c.payout_id == payout.id, _REVERSAL.c.state != "cancelled", _REVERSAL.c.reason != "netted"
    )
    room = payout.amount_minor - int(unit.connection.scalar(asked) or 0)
    rows = []
    if (sendable := min(part, max(0, room))) > 0:
        rows.append((sendable, "queued", reason))
    if part > max(0, room):
        rows.append((part - max(0, room), "owed", "netted"))  # it had settled a debt, which stands again
    for minor, state, why in rows:
        row = {
            "org": payout.org,
            "client_id": payout.client_id,
            "payout_id": payout.id,
            "reward_id": reward.id,
            "amount_minor": minor,
            "open_minor": minor if state == "owed" else 0,
            "currency": payout.currency,
            "state": state,
            "reason": why,
            "attempt": 1,
            "tries": 0,
            "next_at": unit.now,
            "made_at": unit.now,
        }
        unit.connection.execute(insert(_REVERSAL).values(row))


def due(unit: Unit, state: str, after: int, limit: int) -> list[int]:
    """Reversals in this state whose time has come, of payouts that are with the gateway."""
    time = _REVERSAL.c.lease_until if state == "sending" else _REVERSAL.c.next_at
    query = (
        select(_REVERSAL.c.id)
        .join(_PAYOUT, _PAYOUT.c.id == _REVERSAL.c.payout_id)
        .where(_REVERSAL.c.state == state, time <= unit.now, _REVERSAL.c.id > after)
        .where(_PAYOUT.c.state.in_(["sent", "paid", "owed"]))
    )
    return list(unit.connection.scalars(query.order_by(_REVERSAL.c.id).limit(limit)))


def _recall(unit: Unit, reversal_id: int) -> tuple[Row[Any], Row[Any]]:
    """The reversal and its payout as they stand, locked."""
    payout_id = unit.connection.scalar(select(_REVERSAL.c.payout_id).where(_REVERSAL.c.id == reversal_id))
    payout = locked(unit, payout_id or 0)
    query = select(_REVERSAL).where(_REVERSAL.c.id == reversal_id)
    return unit.connection.execute(query.with_for_update()).one(), payout


def _step(unit: Unit, reversal: Any, state: str, **values: Any) -> None:
    if state != reversal.state:
        states.step("reversal", reversal.state, state)
    unit.connection.execute(update(_REVERSAL).where(_REVERSAL.c.id == reversal.id).values(state=state, **values))


def _recall_of(unit: Unit, reversal: Any, payout: Any) -> Recall:
    mark = f"{installation(unit)}:rev:{reversal.id}"
    return Recall(
        org=payout.org,
        key=f"{mark}:{reversal.attempt}",
        mark=mark,
        transfer_id=payout.transfer_id or "",
        amount=Money(reversal.amount_minor, reversal.currency),
    )


def claim(unit: Unit, reversal_id: int) -> Recall | None:
    """Take a reversal to be asked for; None where it is somebody else's. What no gateway sent is owed at once."""
    reversal, payout = _recall(unit, reversal_id)
    if reversal.state != "queued" or reversal.next_at > unit.now or payout.state not in ("sent", "paid", "owed"):
        return None
    if payout.transfer_id is None or not unit.sends:
        _owed(unit, reversal, payout, "no_transfer")
        return None
    _step(
        unit, reversal, "sending", tries=reversal.tries + 1, key_at=reversal.key_at or unit.now,
        lease_until=unit.now + LEASE,
    )  # fmt: skip
    return _recall_of(unit, reversal, payout)


def in_doubt(unit: Unit, reversal_id: int) -> Recall | None:
    """The reversal of which nobody knows whether it was done, to look it up."""
    query = select(_REVERSAL).where(_REVERSAL.c.id == reversal_id)
    reversal = unit.connection.execute(query).one()
    payout = unit.connection.execute(select(_PAYOUT).where(_PAYOUT.c.id == reversal.payout_id)).one()
    return _recall_of(unit, reversal, payout) if reversal.state == "unknown" else None


def done(unit: Unit, reversal_id: int, found: str) -> bool:
    """It came back; False where that was known already."""
    reversal, payout = _recall(unit, reversal_id)
    if reversal.state not in ("sending", "unknown"):
        return False
    _step(unit, reversal, "done", reversal_id=found, done_at=unit.now, lease_until=None, error=None)
    back = payout.reversed_minor + reversal.amount_minor
    state = "reversed" if back == payout.amount_minor else payout.state
    if payout.state == "owed" or (state != "reversed" and back + payout.owed_minor == payout.amount_minor):
        state = "owed"
    change(unit, payout, state, reversed_minor=back)
    unit.record(
        "payout_reversed", payout.org, payout.client_id, amount=Money(reversal.amount_minor, reversal.currency),
        payout_id=payout.id, reversal_id=reversal.id,
    )  # fmt: skip
    return True


def _owed(unit: Unit, reversal: Any, payout: Any, reason: str, error: str = "") -> None:
    """It cannot come back: the amount stands as owed, and the next payouts settle it (P6)."""
    _step(
        unit, reversal, "owed", open_minor=reversal.amount_minor, reason=reason, error=error[:500], lease_until=None,
        done_at=unit.now,
    )  # fmt: skip
    owed = payout.owed_minor + reversal.amount_minor
    whole = payout.reversed_minor + owed == payout.amount_minor and payout.state != "owed"
    change(unit, payout, "owed" if whole else payout.state, owed_minor=owed)
    unit.record(
        "payout_owed", payout.org, payout.client_id, amount=Money(reversal.amount_minor, reversal.currency),
        payout_id=payout.id, reversal_id=reversal.id, reason=reason,
    )  # fmt: skip


def refused(unit: Unit, reversal_id: int, recall: Recall, code: str, error: str) -> None:
    """The gateway cannot take it back."""
    reversal, payout = _recall(unit, reversal_id)
    if reversal.state == "sending" and recall.key.endswith(f":{reversal.attempt}"):
        _owed(unit, reversal, payout, "not_reversible", f"{code}: {error}")


def put_off(unit: Unit, reversal_id: int, recall: Recall, error: str) -> None:
    """Not done and not remembered: the same key again, later."""
    reversal, _ = _recall(unit, reversal_id)
    if reversal.state == "sending" and recall.key.endswith(f":{reversal.attempt}"):
        fresh = reversal.lease_until is not None and reversal.key_at == reversal.lease_until - LEASE
        _step(
            unit, reversal, "queued", error=error[:500], lease_until=None, key_at=None if fresh else reversal.key_at,
            next_at=unit.now + pause(reversal.tries),
        )  # fmt: skip


def doubtful(unit: Unit, reversal_id: int, recall: Recall | None, error: str) -> None:
    """Nobody knows whether it came back."""
    reversal, _ = _recall(unit, reversal_id)
    if reversal.state != "sending" or (recall is not None and not recall.key.endswith(f":{reversal.attempt}")):
        return
    if recall is None and reversal.lease_until is not None and reversal.lease_until > unit.now:
        return
    wait = pause(reversal.tries) if recall is not None else timedelta(0)
    _step(unit, reversal, "unknown", error=error[:500], lease_until=None, next_at=unit.now + wait)


def not_found(unit: Unit, reversal_id: int) -> None:
    """Nothing of it is with the gateway: as `not_found` says."""
    reversal, _ = _recall(unit, reversal_id)
    if reversal.state != "unknown":
        return
    age = unit.now - (reversal.key_at or unit.now)
    if age < KEY_KNOWN:
        _step(unit, reversal, "queued", next_at=unit.now)
    elif age > KEY_GONE:
        _step(unit, reversal, "queued", next_at=unit.now, attempt=reversal.attempt + 1, key_at=None)
    else:
        _step(unit, reversal, "unknown", next_at=(reversal.key_at or unit.now) + KEY_GONE + timedelta(minutes=1))


def settle_by_hand(unit: Unit, org: str, reversal_id: int, note: str) -> bool:
    """Staff have got back what was owed, or let it go; False where nothing is."""
    owner = select(_REVERSAL.c.org).where(_REVERSAL.c.id == reversal_id)
    if unit.connection.scalar(owner) != org:
        return False
    reversal, _ = _recall(unit, reversal_id)
    if reversal.state != "owed":
        return False
    _step(unit, reversal, "settled", open_minor=0, note=note[:200])
    unit.record(
        "debt_settled", org, reversal.client_id, amount=Money(reversal.open_minor, reversal.currency), note=note,
        payout_id=reversal.payout_id, reversal_id=reversal.id,
    )  # fmt: skip
    return True
