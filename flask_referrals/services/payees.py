"""What staff decide about payouts: pauses, tax details, payments by hand (P7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, select, update

from ..models import PayeeRow, PayoutRow
from . import transfers
from .sql import insert_once
from .unit import Unit

_PAYEE: Table = PayeeRow.__table__  # type: ignore[assignment]
_PAYOUT: Table = PayoutRow.__table__  # type: ignore[assignment]


def pause(unit: Unit, org: str, client_id: str, *, on: bool) -> None:
    """Pause payouts to the client, or with "" all of the org's; what is queued waits, and nothing is lost (P7)."""
    _write(unit, org, client_id, paused=on)
    unit.record("payouts_paused" if on else "payouts_resumed", org, client_id, announces=False)
    _due_again(unit, org, client_id)


def clear_tax(unit: Unit, org: str, client_id: str, year: int) -> None:
    """The client's tax details for that year are there (P7)."""
    _write(unit, org, client_id, tax_year=year)
    unit.record("tax_details", org, client_id, announces=False, year=year)
    _due_again(unit, org, client_id)


def _write(unit: Unit, org: str, client_id: str, **values: Any) -> None:
    row = {"org": org, "client_id": client_id, "paused": False, "tax_year": None} | values
    if unit.connection.execute(insert_once(unit.dialect, _PAYEE), row).first() is None:
        mine = (_PAYEE.c.org == org) & (_PAYEE.c.client_id == client_id)
        unit.connection.execute(update(_PAYEE).where(mine).values(**values))


def _due_again(unit: Unit, org: str, client_id: str) -> None:
    """What was kept for a decision is looked at in the next run."""
    kept = update(_PAYOUT).where(
        _PAYOUT.c.org == org, _PAYOUT.c.state == "queued", _PAYOUT.c.reason.in_(["paused", "tax_details"])
    )
    if client_id:
        kept = kept.where(_PAYOUT.c.client_id == client_id)
    unit.connection.execute(kept.values(next_at=unit.now))


def mark_paid(unit: Unit, org: str, payout_ids: Sequence[int]) -> list[int]:
    """Staff have paid these queued payouts by a bank run of their own; those that are kept or gone are left alone."""
    done = []
    for payout_id in sorted(set(payout_ids)):
        query = select(_PAYOUT.c.org, _PAYOUT.c.state).where(_PAYOUT.c.id == payout_id)
        seen = unit.connection.execute(query).one_or_none()
        if seen is None or seen.org != org or seen.state != "queued":
            continue
        if transfers.claim(unit, payout_id, by_staff=True) is not None:
            transfers.sent(unit, payout_id, None)
            transfers.paid(unit, payout_id)
            done.append(payout_id)
    return done
