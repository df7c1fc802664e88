"""The codes of clients: made on first need, looked up, counted, made in bulk (C1, C2, C5)."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from ..domain import codes
from ..errors import ConfigurationError
from ..models import CodeRow
from .sql import insert_once, made
from .unit import Unit

_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_FIELDS = [_CODE.c[name] for name in ("id", "org", "client_id", "text", "active", "visits")]
_CURRENT = select(*_FIELDS).where(
    _CODE.c.org == bindparam("org"), _CODE.c.client_id == bindparam("client_id"), _CODE.c.current == 1
)
_BY_KEY = select(*_FIELDS).where(_CODE.c.org == bindparam("org"), _CODE.c.key == bindparam("key"))


@dataclass(frozen=True, slots=True)
class Code:
    """A client's code: `text` as it is shared, whether it works, and how often its link was opened."""

    id: int
    org: str
    client_id: str
    text: str
    active: bool
    visits: int


def find_current(connection: Connection, org: str, client_id: str, *, locking: bool = False) -> Code | None:
    """The client's current code, or None if it has none yet; `locking` reads past an older snapshot."""
    query = _CURRENT.with_for_update(read=True) if locking else _CURRENT
    row = connection.execute(query, {"org": org, "client_id": client_id}).one_or_none()
    return None if row is None else Code(**row._mapping)


def find_by_text(connection: Connection, org: str, text: str, *, locking: bool = False) -> Code | None:
    """The org's code that was typed as `text`, however sloppily (C2); `locking` reads past an older snapshot."""
    query = _BY_KEY.with_for_update(read=True) if locking else _BY_KEY
    row = connection.execute(query, {"org": org, "key": codes.canonical(text)}).one_or_none()
    return None if row is None else Code(**row._mapping)


def current_code(unit: Unit, org: str, client_id: str) -> Code:
    """The client's current code, made now if it has none (C1)."""
    found = find_current(unit.connection, org, client_id)
    while found is None:
        if _make(unit.connection, org, client_id, unit.now):
            unit.record("code_created", org, client_id)
        found = find_current(unit.connection, org, client_id, locking=True)
    return found


def _make(connection: Connection, org: str, client_id: str, now: datetime) -> bool:
    return made(connection, _CODE, _new_row(org, client_id, now)) is not None


def _new_row(org: str, client_id: str, now: datetime) -> dict[str, Any]:
    text = codes.generate(secrets.choice)
    return {
        "org": org,
        "client_id": client_id,
        "key": codes.canonical(text),
        "text": text,
        "current": 1,
        "active": True,
        "visits": 0,
        "made_at": now,
    }


def count_visit(unit: Unit, code: Code) -> None:
    """Count a visit on the code's link; nothing about the visitor is kept (C5)."""
    unit.connection.execute(update(_CODE).where(_CODE.c.id == code.id).values(visits=_CODE.c.visits + 1))
    unit.record("link_visited", code.org, code.client_id)


def backfill(unit: Unit, org: str, *, batch: int = 1000) -> Iterator[tuple[int, int]]:
    """Give every client of the org a code that has none, batch by batch; yields (clients seen, codes made) of each.

    Safe to repeat and to run twice at once. The caller commits after each batch.
    """
    after: str | None = None
    while ids := list(unit.host.client_ids(org, after, batch)):
        if ids[-1] == after:
            raise ConfigurationError("Host.client_ids must return the ids that follow `after`, not the same ones again")
        after = ids[-1]
        missing = without = set(ids) - _with_code(unit.connection, org, ids)
        while missing:  # again only where a random code was taken already
            rows = [_new_row(org, client_id, unit.now) for client_id in sorted(missing)]
            unit.connection.execute(insert_once(unit.dialect, _CODE), rows).close()
            missing = missing - _with_code(unit.connection, org, missing, locking=True)
        yield len(ids), len(without)


def _with_code(connection: Connection, org: str, client_ids: Collection[str], *, locking: bool = False) -> set[str]:
    query = select(_CODE.c.client_id).where(
        _CODE.c.org == org, _CODE.c.current == 1, _CODE.c.client_id.in_(sorted(client_ids))
    )
    return set(connection.execute(query.with_for_update(read=True) if locking else query).scalars())
