"""What clients choose for themselves: which emails they want, and whether their credit is used by itself (K6)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, select

from ..models import PreferencesRow

_PREFERENCES: Table = PreferencesRow.__table__  # type: ignore[assignment]


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
