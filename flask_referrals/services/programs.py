"""Programs and their versions of terms: which are in force, and how a new version is saved (T1 to T6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update

from ..domain.terms import Terms, Version, in_force
from ..models import ProgramRow, TermsRow
from .sql import insert_once

_PROGRAM: Table = ProgramRow.__table__  # type: ignore[assignment]
_TERMS: Table = TermsRow.__table__  # type: ignore[assignment]
_FIELDS = [_TERMS.c[name] for name in ("id", "org", "document", "effective_from", "saved_at", "saved_by")]


@dataclass(frozen=True, slots=True)
class Program:
    """An org's program as it stands: its switch, and every version of its terms, oldest first."""

    org: str
    enabled: bool
    revision: int
    versions: tuple[Version, ...]

    def at(self, time: datetime) -> Version | None:
        """The version in force at that time (T3)."""
        return in_force(self.versions, time)


class Programs:
    """Programs and versions, read once and kept: a version never changes, and a program's revision tells of a save.

    What the running transaction has saved itself is not kept, since it may still be rolled back.
    """

    def __init__(self) -> None:
        self._programs: dict[str, Program] = {}
        self._versions: dict[int, Version] = {}

    def get(self, connection: Connection, org: str) -> Program:
        """The org's program; switched off and without terms where none was ever saved (T1)."""
        row = connection.execute(
            select(_PROGRAM.c.enabled, _PROGRAM.c.revision).where(_PROGRAM.c.org == org)
        ).one_or_none()
        return self.known(connection, org, *((False, 0) if row is None else row))

    def known(self, connection: Connection, org: str, enabled: bool, revision: int) -> Program:
        """The org's program, whose switch and revision were just read."""
        found = self._programs.get(org)
        if found is None or found.revision != revision or _saved_here(connection):
            query = select(*_FIELDS).where(_TERMS.c.org == org).order_by(_TERMS.c.effective_from, _TERMS.c.id)
            versions = tuple(_version(row) for row in connection.execute(query))
            found = Program(org, enabled, revision, versions)
            if not _saved_here(connection):
                self._programs[org] = found
                self._versions.update((version.id, version) for version in versions)
        if found.enabled != enabled:
            found = Program(org, enabled, revision, found.versions)
        return found

    def version(self, connection: Connection, terms_id: int) -> Version:
        """The version with that id."""
        found = self._versions.get(terms_id)
        if found is None or _saved_here(connection):
            row = connection.execute(select(*_FIELDS).where(_TERMS.c.id == terms_id)).one()
            found = _version(row)
            if not _saved_here(connection):
                self._versions[terms_id] = found
        return found


def save_terms(
    connection: Connection, org: str, terms: Terms, *, effective_from: datetime, now: datetime, by: str
) -> int:
    """Write a new version; its id. Nothing that was promised before changes (T5)."""
    values = {"org": org, "effective_from": effective_from, "saved_at": now, "saved_by": by}
    result = connection.execute(insert(_TERMS).values(document=terms.document(), **values))
    _touch(connection, org, {})
    return int(result.inserted_primary_key[0])  # type: ignore[index]


def switch(connection: Connection, org: str, *, on: bool) -> None:
    """Switch the org's program on or off (T1)."""
    _touch(connection, org, {"enabled": on})


def _touch(connection: Connection, org: str, values: dict[str, Any]) -> None:
    """Make sure that the program is there, set what is given, and let every cache know by a new revision."""
    new = {"org": org, "enabled": False, "revision": 0}
    connection.execute(insert_once(connection.dialect.name, _PROGRAM), new).close()
    connection.execute(update(_PROGRAM).where(_PROGRAM.c.org == org).values(revision=_PROGRAM.c.revision + 1, **values))
    connection.info[_SAVED] = connection.get_transaction()


_SAVED = "referrals_saved_terms"


def _saved_here(connection: Connection) -> bool:
    transaction = connection.info.get(_SAVED)
    return transaction is not None and transaction is connection.get_transaction()


def _version(row: Row[Any]) -> Version:
    return Version(
        id=row.id,
        org=row.org,
        terms=Terms.from_document(row.document),
        effective_from=row.effective_from,
        saved_at=row.saved_at,
        saved_by=row.saved_by,
    )
