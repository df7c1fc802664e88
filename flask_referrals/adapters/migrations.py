"""Our own Alembic history on the host's engine, beside the host's own and unknown to it (§6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Column, Connection, Index, Table, inspect
from sqlalchemy.engine import Engine

from ..errors import ConfigurationError
from ..models import metadata, triggers
from .tables import VERSION_TABLE, make_triggers, missing_triggers

#: How long an upgrade waits for another one, in seconds.
PATIENCE = 300
_LOCK = "flask_referrals.migrations"
#: What differs, and the table or index that is missing, or None where it is more than that.
Differences = list[tuple[str, Any]]


def migrations_dir() -> Path:
    """Where our revisions are: in the package when it was installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise ConfigurationError("the migrations of flask_referrals are missing from this installation; install it anew")


def options(connection: Connection) -> dict[str, Any]:
    """What Alembic must know about our history, for running it and for comparing."""
    return {
        "target_metadata": metadata,
        "version_table": VERSION_TABLE,
        "include_name": lambda name, kind, parents: kind != "table" or name in metadata.tables,
        "compare_type": True,
        "render_as_batch": connection.dialect.name == "sqlite",
    }


def upgrade(engine: Engine, revision: str = "head") -> list[str]:
    """Bring our tables to `revision`; what was done, line by line. Waits for another upgrade.

    Tables that are there without a version (`create_all()`, an upgrade that was cut off) are completed and stamped;
    ConfigurationError where they are not as our models have them.
    """
    with _locked(engine) as connection:
        told = _adopt(connection) if current(connection) is None and _tables_there(connection) else []
        before = current(connection)
        command.upgrade(_config(connection), revision)
        after = current(connection)
        if after == head():
            _demand_tables(connection)
            lacking = missing_triggers(connection)
            make_triggers(connection)
            told += [f"made the missing triggers {', '.join(lacking)}"] if lacking else []
        if before != after:
            told.append(f"upgraded from {before or 'nothing'} to {after}")
        return told or [f"at {after} already"]


def downgrade(engine: Engine, revision: str) -> list[str]:
    """Take our tables back to `revision`; `base` leaves nothing of ours in the database."""
    with _locked(engine) as connection:
        before = current(connection)
        if before is not None:
            command.downgrade(_config(connection), revision)
        elif revision == "base":
            metadata.drop_all(connection)
        else:
            raise ConfigurationError("nothing is stamped here; `flask referrals db downgrade base` removes all tables")
        after = current(connection)
        if after is None:
            _drop_leavings(connection)
        return [f"downgraded from {before or 'no revision'} to {after or 'nothing'}"]


def stamp(engine: Engine, revision: str = "head") -> list[str]:
    """Write down that the tables are at `revision`, without touching them."""
    with _locked(engine) as connection:
        command.stamp(_config(connection), revision)
        return [f"stamped as {current(connection) or 'nothing'}"]


def current(connection: Connection) -> str | None:
    """The revision that the database is at."""
    return MigrationContext.configure(connection, opts=options(connection)).get_current_revision()


def head() -> str:
    """The newest revision of this version of the package."""
    found = ScriptDirectory(str(migrations_dir())).get_current_head()
    assert found is not None
    return found


def check(connection: Connection) -> list[str]:
    """Everything in which this database differs from our models; nothing, if it is right."""
    at = current(connection)
    told = [f"the database is at {at or 'no revision'}, this version of the package at {head()}"]
    return [*(told if at != head() else []), *(text for text, _ in _differences(connection))]


def _differences(connection: Connection) -> Differences:
    context = MigrationContext.configure(connection, opts=options(connection))
    found: Differences = []
    for change in compare_metadata(context, metadata):
        found += [_told(one) for one in (change if isinstance(change, list) else [change])]
    missing = {thing.name for _, thing in found if isinstance(thing, Table)}
    found = [(text, thing) for text, thing in found if not (isinstance(thing, Index) and _table_of(thing) in missing)]
    found += [(f"table {table} lacks the check {name}", None) for table, name in _missing_checks(connection)]
    if not missing:
        found += [(f"trigger {name} is missing", ()) for name in missing_triggers(connection)]
    return found


def _table_of(index: Index) -> str:
    assert index.table is not None
    return index.table.name


def _told(change: tuple[Any, ...]) -> tuple[str, Any]:
    verb, *about = change
    thing = about[-1]
    if verb == "add_table":
        return f"table {thing.name} is missing", thing
    if verb == "add_index":
        return f"table {thing.table.name} lacks the index {thing.name}", thing
    if verb.startswith("modify_"):
        _, table, column, _, old, new = about
        return f"column {table}.{column}: {verb.removeprefix('modify_')} is {old!r}, should be {new!r}", None
    table = about[1] if isinstance(thing, Column) else thing.table.name if hasattr(thing, "table") else thing.name
    kind = verb.split("_", 1)[1].replace("fk", "foreign key")
    does = "lacks the" if verb.startswith("add_") else "has an unknown"
    return f"table {table} {does} {kind} {getattr(thing, 'name', thing)}", None


def _missing_checks(connection: Connection) -> Iterator[tuple[str, str]]:
    """Alembic does not compare CHECK constraints."""
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        wanted = {str(one.name) for one in table.constraints if isinstance(one, CheckConstraint)}
        if wanted and table.name in there:
            found = {str(one["name"]) for one in inspector.get_check_constraints(table.name)}
            yield from ((table.name, name) for name in sorted(wanted - found))


def _demand_tables(connection: Connection) -> None:
    missing = sorted(set(metadata.tables) - set(inspect(connection).get_table_names()))
    if missing:
        raise ConfigurationError(
            f"the database says that it is at {head()}, but lacks {', '.join(missing)}."
            " Run `flask referrals db stamp base`, then `flask referrals db upgrade`"
        )


def _tables_there(connection: Connection) -> bool:
    return not set(metadata.tables).isdisjoint(inspect(connection).get_table_names())


def _adopt(connection: Connection) -> list[str]:
    """Complete and stamp tables that `create_all()` made, or an upgrade that was cut off where DDL cannot roll back."""
    differences = _differences(connection)
    wrong = [text for text, thing in differences if thing is None]
    if wrong:
        raise ConfigurationError(
            "our tables are here without a version, and not as this version of flask_referrals makes them: "
            + "; ".join(wrong)
            + ". If another version made them: `flask referrals db stamp REVISION` with the revision they are at, then"
            " upgrade; if nothing in them matters: `flask referrals db downgrade base`, then upgrade"
        )
    metadata.create_all(connection)
    for _, thing in differences:
        if isinstance(thing, Index):
            thing.create(connection)
    make_triggers(connection)
    command.stamp(_config(connection), "head")
    told = [f"{text}: made it" for text, _ in differences]
    return ["found tables without a version", *told, f"stamped them as {head()}"]


def _drop_leavings(connection: Connection) -> None:
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {VERSION_TABLE}")
    if connection.dialect.name == "postgresql":
        for name in triggers.FUNCTIONS:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}()")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """A transaction in which nobody else migrates this database; committed at the end."""
    lock = {"sqlite": _lock_sqlite, "postgresql": _lock_postgresql}.get(engine.dialect.name, _lock_mariadb)
    with engine.connect() as connection, lock(connection):
        try:
            yield connection
            connection.commit()
        except BaseException:
            connection.rollback()
            raise


@contextmanager
def _lock_postgresql(connection: Connection) -> Iterator[None]:
    # READ COMMITTED: what the upgrade that we waited for has made must be seen.
    connection.execution_options(isolation_level="READ COMMITTED")
    key = int.from_bytes(hashlib.sha256(_LOCK.encode()).digest()[:8], signed=True)
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")
    yield


@contextmanager
def _lock_mariadb(connection: Connection) -> Iterator[None]:
    name = f"CONCAT('referrals.', SHA1(CONCAT('{_LOCK}', DATABASE())))"
    if connection.exec_driver_sql(f"SELECT GET_LOCK({name}, {PATIENCE})").scalar() != 1:
        raise ConfigurationError(f"another upgrade of these tables has been running for {PATIENCE} seconds")
    connection.commit()  # what follows sees what the other one has made
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SELECT RELEASE_LOCK({name})")
        connection.commit()


@contextmanager
def _lock_sqlite(connection: Connection) -> Iterator[None]:
    # Foreign keys are off while tables may be made anew; a pragma is heard outside of transactions only.
    _end(connection)
    before = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("busy_timeout", "foreign_keys")}
    _end(connection)
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    _end(connection)
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        _end(connection)
        for name, value in before.items():
            connection.exec_driver_sql(f"PRAGMA {name} = {value}")


def _end(connection: Connection) -> None:
    """End the driver's transaction, which the host may have it begin by itself."""
    raw = connection.connection.dbapi_connection
    if raw is not None and raw.in_transaction:
        connection.exec_driver_sql("COMMIT")
