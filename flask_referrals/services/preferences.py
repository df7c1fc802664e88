"""What clients choose for themselves: which emails they want, and whether their credit is used by itself (K6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select, update

from ..host import Client
from ..models import PreferencesRow, SuppressionRow
from .portal import NEWS
from .sql import insert_once
from .unit import Unit

_PREFERENCES: Table = PreferencesRow.__table__  # type: ignore[assignment]
_SUPPRESSION: Table = SuppressionRow.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Preferences:
    """A client's choices. `auto_apply` None follows the org; `muted` are kinds that go by no email."""

    auto_apply: bool | None = None
    muted: frozenset[str] = frozenset()
    seen_id: int = 0


def find(connection: Connection, org: str, client_id: str) -> Preferences:
    """The client's choices; the defaults, where it never chose."""
    query = select(_PREFERENCES.c.choices, _PREFERENCES.c.seen_id)
    row = connection.execute(
        query.where(_PREFERENCES.c.org == org, _PREFERENCES.c.client_id == client_id)
    ).one_or_none()
    if row is None:
        return Preferences()
    return Preferences(row.choices.get("auto_apply"), frozenset(row.choices.get("muted", ())), row.seen_id)


def save(unit: Unit, client: Client, *, auto_apply: bool | None, muted: Iterable[str]) -> None:
    """Keep the client's choices in place of the old ones; ValueError for a kind that is no news."""
    kinds = sorted(set(muted))
    if strange := set(kinds) - NEWS:
        raise ValueError(f"muted holds kinds of news, not {', '.join(sorted(strange))}")
    _write(unit, client.org, client.id, choices={"auto_apply": auto_apply, "muted": kinds})


def mute_all(unit: Unit, org: str, client_id: str) -> None:
    """No emails at all to this client from now on."""
    auto_apply = find(unit.connection, org, client_id).auto_apply
    _write(unit, org, client_id, choices={"auto_apply": auto_apply, "muted": sorted(NEWS)})


def seen(unit: Unit, client: Client, activity_id: int) -> None:
    """The client has seen its news up to this line; never less than before."""
    newer = _PREFERENCES.c.seen_id < activity_id
    _write(unit, client.org, client.id, newer, seen_id=activity_id)


def _write(unit: Unit, org: str, client_id: str, *conditions: Any, **values: Any) -> None:
    row = {"org": org, "client_id": client_id, "choices": {}, "seen_id": 0} | values
    mine = (_PREFERENCES.c.org == org, _PREFERENCES.c.client_id == client_id)
    if unit.connection.execute(insert_once(unit.dialect, _PREFERENCES), row).first() is None:
        unit.connection.execute(update(_PREFERENCES).where(*mine, *conditions).values(values))


def suppress(unit: Unit, org: str, email_key: str) -> None:
    """This address, given as its hash, wants no invitations from the org; once said, it stays."""
    row = {"org": org, "email_key": email_key, "made_at": unit.now}
    unit.connection.execute(insert_once(unit.dialect, _SUPPRESSION), row)


def is_suppressed(connection: Connection, org: str, email_key: str) -> bool:
    """Whether this address wants no invitations from the org."""
    query = select(_SUPPRESSION.c.org).where(_SUPPRESSION.c.org == org, _SUPPRESSION.c.email_key == email_key)
    return connection.execute(query).first() is not None
