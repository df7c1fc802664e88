"""A client's data: exported as a whole, or erased as far as the books do not need it (G3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, or_, select, update

from ..models import (
    AccountRow,
    ActivityRow,
    BankRow,
    CodeRow,
    HoldRow,
    InvitationRow,
    LedgerRow,
    PayoutRow,
    PreferencesRow,
    ReferralRow,
    ReversalRow,
    RewardRow,
)
from . import banks
from .unit import Unit

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_BANK: Table = BankRow.__table__  # type: ignore[assignment]
_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_HOLD: Table = HoldRow.__table__  # type: ignore[assignment]
_INVITATION: Table = InvitationRow.__table__  # type: ignore[assignment]
_LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
_PAYOUT: Table = PayoutRow.__table__  # type: ignore[assignment]
_PREFERENCES: Table = PreferencesRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REVERSAL: Table = ReversalRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: What stands in the place of a name that was erased.
ERASED = "(erased)"
#: The other side's, or our own working: no part of what is handed out.
_LEFT_OUT = frozenset(
    {
        "org",
        "hash",
        "head",
        "email_key",
        "announces",
        "waits",
        "claimed_until",
        "delivered_at",
        "mail_at",
        "mail_tries",
        "unrolled",
    }
)


def export(connection: Connection, org: str, client_id: str) -> dict[str, list[dict[str, Any]]]:
    """All that we keep about the client, by kind, as plain data; of others no more than their ids (G2)."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, table in (
        ("codes", _CODE), ("accounts", _ACCOUNT), ("rewards", _REWARD), ("credit on invoices", _HOLD),
        ("activity", _ACTIVITY), ("invitations", _INVITATION), ("preferences", _PREFERENCES),
        ("bank accounts", _BANK), ("payouts", _PAYOUT), ("reversals", _REVERSAL),
    ):  # fmt: skip
        query = select(table).where(table.c.org == org, table.c.client_id == client_id)
        found[name] = [_plain(row._mapping) for row in connection.execute(query.order_by(*table.primary_key))]
    mine = or_(_REFERRAL.c.referrer_id == client_id, _REFERRAL.c.referee_id == client_id)
    rows = connection.execute(select(_REFERRAL).where(_REFERRAL.c.org == org, mine).order_by(_REFERRAL.c.id))
    found["referrals"] = [_referral(_plain(row._mapping), client_id) for row in rows]
    entries = (
        select(_LEDGER)
        .join(_ACCOUNT, _ACCOUNT.c.id == _LEDGER.c.account_id)
        .where(_ACCOUNT.c.org == org, _ACCOUNT.c.client_id == client_id)
        .order_by(_LEDGER.c.id)
    )
    found["ledger"] = [_plain(row._mapping) for row in connection.execute(entries)]
    return found


def _referral(row: dict[str, Any], client_id: str) -> dict[str, Any]:
    """Without the other side's name, and without what staff suspect."""
    other = "referee_name" if row["referrer_id"] == client_id else "referrer_name"
    return {name: value for name, value in row.items() if name not in (other, "flags")}


def _plain(row: Any) -> dict[str, Any]:
    values = {name: value for name, value in row.items() if name not in _LEFT_OUT}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def erase(unit: Unit, org: str, client_id: str) -> None:
    """Erase names, addresses, choices, and switch the client's codes off; amounts and ids stay for the books (G3).

    Its account for payouts is let go of; what the gateway knows of it is the gateway's to erase.
    """
    for side in ("referrer", "referee"):
        mine = (_REFERRAL.c.org == org) & (_REFERRAL.c[f"{side}_id"] == client_id)
        values: dict[str, Any] = {f"{side}_name": ERASED}
        if side == "referee":
            values["email_key"] = None
        unit.connection.execute(update(_REFERRAL).where(mine).values(**values))
    unit.connection.execute(delete(_INVITATION).where(_INVITATION.c.org == org, _INVITATION.c.client_id == client_id))
    unit.connection.execute(
        delete(_PREFERENCES).where(_PREFERENCES.c.org == org, _PREFERENCES.c.client_id == client_id)
    )
    unit.connection.execute(
        update(_CODE).where(_CODE.c.org == org, _CODE.c.client_id == client_id).values(active=False)
    )
    banks.unlink(unit, org, client_id, "erased")
    unit.record("client_erased", org, client_id, announces=False)
