"""Our tables in the host's database: beside its own history, unseen by its autogenerate, or without any (§6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, appcontext_pushed
from sqlalchemy import Column, Connection, MetaData, String, Table, event, inspect
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from ..models import metadata, triggers

VERSION_TABLE = "referrals_alembic_version"
PREFIX = "referrals_"


def copy_into(target: MetaData) -> None:
    """Let the host's metadata know our tables, the version table included, so that its autogenerate drops none."""
    for table in metadata.sorted_tables:
        if table.key not in target.tables:
            table.to_metadata(target)
    if VERSION_TABLE not in target.tables:
        Table(VERSION_TABLE, target, Column("version_num", String(32), primary_key=True))
    if not event.contains(target, "after_create", _after_create):
        event.listen(target, "after_create", _after_create)


def _after_create(target: MetaData, connection: Connection, **extra: Any) -> None:
    """The host's own `create_all` has made our tables with its own: their triggers belong to them."""
    there = inspect(connection).get_table_names()
    if all(table in there for table in triggers.APPEND_ONLY):
        make_triggers(connection)


def hide_from_migrate(app: Flask) -> None:
    """Filter our tables out of what Flask-Migrate compares, whether it is set up before us or after."""
    _hide(app)
    appcontext_pushed.connect(_hide, app)


def _hide(app: Flask, **extra: Any) -> None:
    migrate = app.extensions.get("migrate")
    arguments: dict[str, Any] | None = getattr(migrate, "configure_args", None)
    if arguments is None:
        return
    appcontext_pushed.disconnect(_hide, app)
    for hook in ("include_name", "include_object"):
        hosts_own = arguments.get(hook)
        if not getattr(hosts_own, "hides_referrals", False):
            arguments[hook] = _without_ours(hosts_own, named=hook == "include_name")


def _without_ours(hosts_own: Callable[..., Any] | None, *, named: bool) -> Callable[..., bool]:
    """The host's filter, narrowed: Alembic asks by name what to read from the database, by object what to compare."""

    def include(first: Any, second: Any, *others: Any) -> bool:
        name, kind = (first, second) if named else (second, others[0])
        if kind == "table" and name is not None and name.startswith(PREFIX):
            return False
        return True if hosts_own is None else bool(hosts_own(first, second, *others))

    include.hides_referrals = True  # type: ignore[attr-defined]
    return include


def is_hidden(app: Flask) -> bool | None:
    """Whether the host's Flask-Migrate leaves our tables alone; None for a host without it."""
    migrate = app.extensions.get("migrate")
    if migrate is None:
        return None
    arguments = getattr(migrate, "configure_args", {})
    return all(getattr(arguments.get(hook), "hides_referrals", False) for hook in ("include_name", "include_object"))


def engine_of(session: Session) -> Engine:
    """The engine that our tables are reached by."""
    bind = session.get_bind()
    return bind if isinstance(bind, Engine) else bind.engine


def create_all(engine: Engine) -> None:
    """Make the tables and triggers that are missing; all of the triggers anew where one of them is."""
    with engine.begin() as connection:
        metadata.create_all(connection)
        make_triggers(connection)


def make_triggers(connection: Connection) -> None:
    """Make the triggers, unless all of them are there."""
    if missing_triggers(connection):
        dialect = connection.dialect.name
        for statement in triggers.drop(dialect) + triggers.create(dialect):
            connection.exec_driver_sql(statement)


def missing_triggers(connection: Connection) -> list[str]:
    """The names of our triggers that this database lacks, or has switched off."""
    there = set(connection.exec_driver_sql(_TRIGGERS_THERE[connection.dialect.name]).scalars())
    return [name for name in triggers.names(connection.dialect.name) if name not in there]


_TRIGGERS_THERE = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE NOT tgisinternal AND tgenabled <> 'D' AND n.nspname = current_schema()",
    "mysql": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
}
_TRIGGERS_THERE["mariadb"] = _TRIGGERS_THERE["mysql"]
