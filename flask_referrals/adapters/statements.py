"""UPDATE and DELETE over many rows on the host's session: which rows, for `watch` to look at them (§3.3)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import and_, inspect, or_, select
from sqlalchemy.orm import Mapper, ORMExecuteState, Session

log = logging.getLogger("flask_referrals")
#: Rows that one statement is followed by; more than that is for `flask referrals reconcile`.
MANY = 1000
_BATCH = 100
#: A mapped class, and a primary key of it.
Row = tuple[type, tuple[Any, ...]]


def kinds(execution: ORMExecuteState, watched: tuple[type, ...]) -> list[type]:
    """The watched classes whose rows this statement changes: named by the class, or by its table."""
    mapper = execution.bind_mapper
    if mapper is not None:
        return [mapper.class_] if issubclass(mapper.class_, watched) else []
    table = getattr(execution.statement, "table", None)
    return [one for one in watched if table in inspect(one).tables]


def rows(execution: ORMExecuteState, kind: type) -> list[Row]:
    """The rows that the statement is about to change, at most `MANY`; each set of its parameters has its own."""
    session, given = execution.session, execution.parameters
    many = given if isinstance(given, Sequence) else None
    sets: Sequence[Mapping[str, Any]] = [given or {}] if many is None else many  # type: ignore[list-item]
    wanted = execution.statement._where_criteria  # type: ignore[attr-defined]
    if many is not None and not wanted:  # by primary key, which is among the values
        found = [tuple(values[name] for name in _key_names(kind)) for values in sets[:MANY]]
    else:
        which = select(*_key(kind)).where(*wanted).limit(MANY)
        found = []
        with session.no_autoflush:
            for values in sets[:MANY]:
                found += [tuple(row) for row in session.execute(which, values)]
    if len(found) >= MANY:
        log.error("one statement changed %s rows or more of %s: run `flask referrals reconcile`", MANY, kind.__name__)
    return [(kind, key) for key in dict.fromkeys(found[:MANY])]


def looked_at(session: Session, some: list[Row]) -> Iterator[tuple[Row, Any]]:
    """The records of rows that are about to be deleted; the session keeps none that it did not have."""
    for row in some:
        with session.no_autoflush:
            had = inspect(row[0]).identity_key_from_primary_key(row[1]) in session.identity_map
            record: Any = session.get(*row)
        if record is not None:
            yield row, record
            if not had and record in session:
                session.expunge(record)


def columns(session: Session, some: Iterable[Row]) -> dict[Row, dict[str, Any]]:
    """The columns of these rows as they now stand, by attribute; no record is made of them."""
    found: dict[Row, dict[str, Any]] = {}
    for kind, which in _batches(some):
        mapper: Mapper[Any] = inspect(kind)
        names = [one.key for one in mapper.column_attrs]
        wanted = select(*(getattr(kind, name) for name in names)).where(which)
        with session.no_autoflush:
            for row in session.execute(wanted):
                values = dict(zip(names, row, strict=True))
                found[kind, tuple(values[name] for name in _key_names(kind))] = values
    return found


def read(session: Session, some: Iterable[Row]) -> Iterator[tuple[Row, Any]]:
    """The records of these rows as they now stand, whatever the session knew of them."""
    for kind, which in _batches(some):
        found: Iterable[Any] = session.scalars(select(kind).where(which).execution_options(populate_existing=True))
        for record in found:
            yield (kind, inspect(record).identity), record


def there(session: Session, some: Iterable[Row]) -> set[Row]:
    """Those of these rows that are in the database."""
    found: set[Row] = set()
    for kind, which in _batches(some):
        found |= {(kind, tuple(row)) for row in session.execute(select(*_key(kind)).where(which))}
    return found


def _batches(some: Iterable[Row]) -> Iterator[tuple[type, Any]]:
    for kind, group in groupby(some, key=lambda row: row[0]):
        keys = [key for _, key in group]
        for start in range(0, len(keys), _BATCH):
            yield kind, _is_one_of(kind, keys[start : start + _BATCH])


def _is_one_of(kind: type, keys: list[tuple[Any, ...]]) -> Any:
    columns = _key(kind)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return or_(*(and_(*(column == part for column, part in zip(columns, key, strict=True))) for key in keys))


def _key_names(kind: type) -> list[str]:
    mapper: Mapper[Any] = inspect(kind)
    return [mapper.get_property_by_column(column).key for column in mapper.primary_key]


def _key(kind: type) -> list[Any]:
    return [getattr(kind, name) for name in _key_names(kind)]
