"""Insert-or-nothing and insert-or-add for the three databases: guards that never raise in the host's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

Row = dict[str, Any]


@cache
def insert_once(dialect: str, table: Table) -> ReturningInsert[Any]:
    """Insert a row and return its primary key, or nothing where a unique key is taken already."""
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    return mysql.insert(table).prefix_with("IGNORE").returning(*table.primary_key)


@cache
def insert_or_add(
    dialect: str, table: Table, unique: tuple[str, ...], added: tuple[str, ...], back: tuple[str, ...]
) -> ReturningInsert[Any]:
    """Insert rows, or add the `added` columns to the rows that are there; locks them and returns the columns `back`."""
    columns: Sequence[Column[Any]] = [table.c[name] for name in back]
    if dialect in ("postgresql", "sqlite"):
        make = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = make(table)
        new = {name: table.c[name] + statement.excluded[name] for name in added}
        return statement.on_conflict_do_update(index_elements=list(unique), set_=new).returning(*columns)
    insert = mysql.insert(table)
    return insert.on_duplicate_key_update({name: table.c[name] + insert.inserted[name] for name in added}).returning(
        *columns
    )


def sole(rows: list[Row]) -> Row | list[Row]:
    """The rows as SQLAlchemy runs them fastest: one by itself needs no batch."""
    return rows[0] if len(rows) == 1 else rows


def made(connection: Connection, table: Table, row: Row) -> int | None:
    """The id of the row now inserted, or None where a unique key is taken already."""
    found: int | None = connection.execute(insert_once(connection.dialect.name, table), row).scalar()
    return found
