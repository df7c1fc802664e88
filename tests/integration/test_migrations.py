"""Our migrations: from nothing and back, beside a host with a history of its own, and in agreement with the models."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Connection, Index, Integer, Table, inspect
from sqlalchemy.orm import DeclarativeBase

from flask_referrals import Referrals
from flask_referrals.adapters import migrations
from flask_referrals.adapters.tables import VERSION_TABLE, copy_into, is_hidden, missing_triggers
from flask_referrals.errors import ConfigurationError
from flask_referrals.models import metadata, triggers
from tests.minihost import MiniHost

ROOT = Path(__file__).parents[2]
OURS = {*metadata.tables, VERSION_TABLE}
# Of Flask-Migrate's own template for a host's env.py.
pytestmark = pytest.mark.filterwarnings("ignore:'get_engine' is deprecated:DeprecationWarning")


class Shop:
    """A host with one table, Flask-SQLAlchemy, and Flask-Migrate's history in a folder of its own."""

    def __init__(
        self, url: str, folder: Path, *, ours: bool = True, migrate_last: bool = False, **options: Any
    ) -> None:
        class Base(DeclarativeBase):
            pass

        self.db = SQLAlchemy(model_class=Base)
        self.folder = str(folder)
        self.table = Table("thing", self.db.metadata, Column("id", Integer, primary_key=True))
        self.app = Flask("shop")
        self.app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=url)
        self.db.init_app(self.app)
        migrate = flask_migrate.Migrate(directory=self.folder, **options)
        if not migrate_last:
            migrate.init_app(self.app, self.db)
        if ours:
            Referrals(MiniHost(), self.app, db=self.db)
        if migrate_last:
            migrate.init_app(self.app, self.db)

    def referrals(self, *arguments: str, code: int = 0) -> str:
        """`flask referrals …`, in this process."""
        result = self.app.test_cli_runner().invoke(args=["referrals", *arguments])
        assert result.exit_code == code, result.output
        return result.output

    def host(self, act: Callable[..., Any], **arguments: Any) -> Any:
        """A command of Flask-Migrate's."""
        with self.app.app_context():
            return act(directory=self.folder, **arguments)

    def operations(self) -> list[str]:
        """`flask db migrate`; the operations of the new revision, which is thrown away."""
        versions = Path(self.folder, "versions")
        before = set(versions.glob("*.py"))
        self.host(flask_migrate.migrate)
        found = []
        for path in set(versions.glob("*.py")) - before:
            found += [line.strip() for line in path.read_text().split("def downgrade")[0].splitlines() if "op." in line]
            path.unlink()
        return found

    def tables(self) -> set[str]:
        """The tables that are in the database."""
        with self.app.app_context():
            return set(inspect(self.db.engine).get_table_names())

    def ask(self, question: Callable[[Connection], Any]) -> Any:
        """The answer of the database, in a transaction that is committed."""
        with self.app.app_context(), self.db.engine.begin() as connection:
            return question(connection)

    def close(self) -> None:
        """Let go of the database."""
        with self.app.app_context():
            self.db.session.remove()
            self.db.engine.dispose()


Opener = Callable[..., Shop]


@pytest.fixture
def open_shop(database_url: str, tmp_path: Path) -> Iterator[Opener]:
    """Make hosts on one empty database with one history, which already has the host's first revision."""
    shops = []

    def open_shop(**options: Any) -> Shop:
        shop = Shop(database_url, tmp_path / "host_migrations", **options)
        shops.append(shop)
        return shop

    first = open_shop(ours=False)
    first.host(flask_migrate.init)
    environment = Path(first.folder, "env.py")  # would switch off the loggers of the tests
    environment.write_text(environment.read_text().replace("fileConfig(config.config_file_name)", ""))
    first.host(flask_migrate.migrate, message="thing")
    yield open_shop
    for shop in shops:
        shop.close()


@pytest.fixture
def shop(open_shop: Opener) -> Shop:
    """A host with our tables not made yet."""
    return open_shop()


def leftovers(connection: Connection) -> list[str]:
    """Whatever of ours is in the database: tables, triggers, functions."""
    found = [name for name in inspect(connection).get_table_names() if name.startswith("referrals")]
    if connection.dialect.name == "sqlite":
        found += connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name LIKE 'referrals%'").scalars()
    elif connection.dialect.name == "postgresql":
        found += connection.exec_driver_sql("SELECT proname FROM pg_proc WHERE proname LIKE 'referrals%%'").scalars()
        found += connection.exec_driver_sql("SELECT relname FROM pg_class WHERE relname LIKE '%%referrals%%'").scalars()
    else:
        query = "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
        found += connection.exec_driver_sql(query).scalars()
    return found


def shape(connection: Connection) -> dict[str, Any]:
    """Everything about our tables and triggers that the database tells."""
    inspector = inspect(connection)

    def plain(entries: Any) -> list[str]:
        return sorted(repr(sorted((key, str(value)) for key, value in entry.items())) for entry in entries)

    found: dict[str, Any] = {
        name: {
            "columns": plain(inspector.get_columns(name)),
            "primary key": plain([inspector.get_pk_constraint(name)]),
            "unique": plain(inspector.get_unique_constraints(name)),
            "foreign keys": plain(inspector.get_foreign_keys(name)),
            "checks": plain(inspector.get_check_constraints(name)),
            "indexes": plain(inspector.get_indexes(name)),
        }
        for name in metadata.tables
    }
    query = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname, pg_get_triggerdef(t.oid) || pg_get_functiondef(tgfoid) FROM pg_trigger t"
        " WHERE NOT tgisinternal",
    }.get(
        connection.dialect.name,
        "SELECT trigger_name, concat(event_manipulation, action_timing, event_object_table, action_statement)"
        " FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    )
    found["triggers"] = sorted(map(tuple, connection.exec_driver_sql(query)))
    return found


def test_from_nothing_and_back(shop: Shop) -> None:
    """An upgrade makes every table and trigger, again does nothing, and `downgrade base` leaves nothing behind."""
    assert shop.referrals("db", "current") == "no revision\n"
    assert "upgraded from nothing to 0005" in shop.referrals("db", "upgrade")
    assert shop.tables() >= OURS
    assert shop.ask(missing_triggers) == []
    assert shop.referrals("db", "upgrade") == "at 0005 already\n"
    assert shop.referrals("db", "current") == "0005 (head)\n"
    assert shop.referrals("db", "check") == "our tables are right, at 0005\n"
    shop.referrals("db", "downgrade", "base")
    assert shop.ask(leftovers) == []
    shop.referrals("db", "upgrade")
    assert shop.referrals("db", "check") == "our tables are right, at 0005\n"


def test_revisions_and_models_make_the_same(shop: Shop) -> None:
    """Tables, columns, types, every named constraint and index, and the text of the triggers are equal either way."""
    shop.referrals("db", "upgrade")
    migrated = shop.ask(shape)
    shop.referrals("db", "downgrade", "base")
    with shop.app.app_context():
        migrations_free = Referrals(MiniHost(), db=shop.db)
        migrations_free.create_all()
    made = shop.ask(shape)
    for name in made:
        assert migrated[name] == made[name], name
    assert len(made["triggers"]) == len(triggers.names(shop.ask(lambda connection: connection.dialect.name)))


def test_every_constraint_is_named() -> None:
    """No constraint or index of ours is left to a database's own naming."""
    for table in metadata.tables.values():
        things: list[Any] = [*table.constraints, *table.indexes]
        for thing in things:
            assert thing.name, f"{thing!r} of {table.name}"
            assert thing.name.split("_", 1)[1].startswith("referrals_")


@pytest.mark.parametrize("migrate_last", [False, True], ids=["migrate first", "migrate last"])
def test_the_hosts_autogenerate_never_sees_us(open_shop: Opener, migrate_last: bool) -> None:
    """The host's `flask db migrate` finds nothing before and after our upgrade, and then only its own new column."""
    shop = open_shop(migrate_last=migrate_last)
    shop.host(flask_migrate.upgrade)
    assert shop.tables() == {"thing", "alembic_version"}
    assert shop.operations() == []
    shop.referrals("db", "upgrade")
    assert shop.operations() == []
    shop.table.append_column(Column("colour", Integer))
    batch, only = shop.operations()
    assert "batch_alter_table('thing'" in batch
    assert "add_column(sa.Column('colour'" in only
    shop.host(flask_migrate.migrate, message="colour")
    shop.host(flask_migrate.upgrade)
    assert shop.operations() == []
    assert shop.referrals("db", "check")


def test_the_hosts_downgrade_leaves_ours(shop: Shop) -> None:
    """The host goes down to nothing and up again, and our tables and version stay."""
    shop.host(flask_migrate.upgrade)
    shop.referrals("db", "upgrade")
    shop.host(flask_migrate.downgrade, revision="base")
    assert shop.tables() == OURS | {"alembic_version"}
    assert shop.referrals("db", "current") == "0005 (head)\n"
    shop.host(flask_migrate.upgrade)
    assert shop.referrals("db", "check")


def test_our_downgrade_leaves_the_hosts(shop: Shop) -> None:
    """Ours go down to nothing and up again, and the host's tables, version and autogenerate stay as they were."""
    shop.host(flask_migrate.upgrade)
    shop.referrals("db", "upgrade")
    shop.referrals("db", "downgrade", "-1")
    shop.referrals("db", "downgrade", "base")
    assert shop.tables() == {"thing", "alembic_version"}
    assert shop.ask(leftovers) == []
    assert shop.operations() == []
    shop.referrals("db", "upgrade")
    assert shop.operations() == []


def test_removal(open_shop: Opener) -> None:
    """After `downgrade base` a host without the extension has a history that works and nothing to migrate."""
    shop = open_shop()
    shop.host(flask_migrate.upgrade)
    shop.referrals("db", "upgrade")
    shop.referrals("db", "downgrade", "base")
    bare = open_shop(ours=False)
    assert bare.operations() == []
    bare.host(flask_migrate.downgrade, revision="base")
    bare.host(flask_migrate.upgrade)
    assert bare.tables() == {"thing", "alembic_version"}


def test_the_hosts_own_filters_still_count(open_shop: Opener) -> None:
    """A host that hides a table of its own from autogenerate goes on doing so."""
    asked: list[str] = []

    def include_object(thing: Any, name: str, kind: str, reflected: bool, compare_to: Any) -> bool:
        asked.append(name)
        return name != "hidden"

    def include_name(name: str | None, kind: str, parents: Any) -> bool:
        return name != "unknown"

    shop = open_shop(include_object=include_object, include_name=include_name)
    shop.host(flask_migrate.upgrade)
    shop.referrals("db", "upgrade")
    shop.ask(lambda connection: connection.exec_driver_sql("CREATE TABLE unknown (id INTEGER)"))
    Table("hidden", shop.db.metadata, Column("id", Integer, primary_key=True))
    assert shop.operations() == []
    assert "thing" in asked
    assert not any(name.startswith("referrals_") for name in asked if name)


def test_a_host_that_loads_us_twice(open_shop: Opener) -> None:
    """Copying our tables into a metadata that has them already, and filtering twice, changes nothing."""
    shop = open_shop()
    shop.host(flask_migrate.upgrade)
    copy_into(shop.db.metadata)
    with shop.app.app_context():
        assert is_hidden(shop.app)
    assert shop.operations() == []


def test_tables_of_create_all_are_recognised(shop: Shop) -> None:
    """The host's `db.create_all()` makes our tables and their triggers; our upgrade looks them over and stamps."""
    with shop.app.app_context():
        shop.db.create_all()
    assert shop.ask(missing_triggers) == []
    told = shop.referrals("db", "upgrade")
    assert "found tables without a version" in told
    assert "stamped them as 0005" in told
    assert shop.referrals("db", "check") == "our tables are right, at 0005\n"
    assert shop.referrals("db", "upgrade") == "at 0005 already\n"


def test_an_upgrade_that_was_cut_off_is_completed(shop: Shop) -> None:
    """Where DDL cannot be rolled back, some tables and indexes may be there: the next upgrade makes the rest."""

    def half(connection: Connection) -> None:
        for name in ("referrals_account", "referrals_activity"):
            metadata.tables[name].create(connection)
        index: Index = next(iter(sorted(metadata.tables["referrals_activity"].indexes, key=lambda one: str(one.name))))
        index.drop(connection)

    shop.ask(half)
    told = shop.referrals("db", "upgrade")
    assert "table referrals_activity lacks the index ix_referrals_activity_client: made it" in told
    assert shop.referrals("db", "check") == "our tables are right, at 0005\n"


def test_foreign_tables_are_not_stamped(shop: Shop) -> None:
    """Tables that are there without a version and differ from ours stop the upgrade, which says how, and stay."""
    with shop.app.app_context():
        Referrals(MiniHost(), db=shop.db).create_all()
    shop.ask(lambda connection: connection.exec_driver_sql("ALTER TABLE referrals_program ADD COLUMN extra INTEGER"))
    told = shop.referrals("db", "upgrade", code=1)
    assert "table referrals_program has an unknown column extra" in told
    assert shop.referrals("db", "current") == "no revision\n"
    assert "referrals_program" in shop.tables()


DAMAGE = {
    "a dropped index": ("lacks the index ix_referrals_hold_account", "referrals_hold", "ix_referrals_hold_account"),
    "a dropped column": ("lacks the column visits", "referrals_code", "visits"),
    "a dropped table": ("table referrals_block is missing", "referrals_block", None),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_check_names_what_differs(shop: Shop, damage: str) -> None:
    """`check` exits with 1 and names the table and what it lacks."""
    expected, table, thing = DAMAGE[damage]
    shop.referrals("db", "upgrade")

    def spoil(connection: Connection) -> None:
        if thing is None:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        elif thing.startswith("ix_"):
            if connection.dialect.name == "mysql":
                connection.exec_driver_sql("SET foreign_key_checks = 0")
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP FOREIGN KEY fk_{table}_account")
            connection.exec_driver_sql(
                f"DROP INDEX {thing}{f' ON {table}' if connection.dialect.name == 'mysql' else ''}"
            )
        else:
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {thing}")

    shop.ask(spoil)
    assert expected in shop.referrals("db", "check", code=1)


def test_a_dropped_trigger_is_found_and_made_anew(shop: Shop) -> None:
    """`check` names a missing trigger, and an upgrade at head makes it."""
    shop.referrals("db", "upgrade")

    def drop(connection: Connection) -> None:
        on = " ON referrals_terms" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER referrals_terms_no_update{on}")

    shop.ask(drop)
    assert shop.referrals("db", "check", code=1) == "trigger referrals_terms_no_update is missing\n"
    assert shop.referrals("db", "upgrade") == "made the missing triggers referrals_terms_no_update\n"
    assert shop.referrals("db", "check")


def test_a_dropped_check_constraint_is_found(shop: Shop, backend: str) -> None:
    """Alembic does not compare CHECK constraints; `check` does."""
    if backend == "sqlite":
        pytest.skip("SQLite cannot drop a constraint")
    shop.referrals("db", "upgrade")
    shop.ask(lambda one: one.exec_driver_sql("ALTER TABLE referrals_hold DROP CONSTRAINT ck_referrals_hold_amount"))
    assert "referrals_hold lacks the check ck_referrals_hold_amount" in shop.referrals("db", "check", code=1)


def test_a_stamp_without_tables(shop: Shop) -> None:
    """A stamp is believed, but an upgrade says what to do when the tables that it speaks of are not there."""
    assert shop.referrals("db", "stamp") == "stamped as 0005\n"
    assert "flask referrals db stamp base" in shop.referrals("db", "upgrade", code=1)
    shop.referrals("db", "stamp", "base")
    shop.referrals("db", "upgrade")
    assert shop.referrals("db", "check")


def test_tables_without_a_version_can_be_removed(shop: Shop) -> None:
    """`downgrade base` is the way to uninstall for hosts that used `create_all()` too."""
    with shop.app.app_context():
        Referrals(MiniHost(), db=shop.db).create_all()
    assert "nothing is stamped" in shop.referrals("db", "downgrade", "0001", code=1)
    shop.referrals("db", "downgrade", "base")
    assert shop.ask(leftovers) == []


def test_an_unknown_revision_is_an_error(shop: Shop) -> None:
    """A revision that does not exist is answered in a line, not with a traceback."""
    told = shop.referrals("db", "upgrade", "nonsense", code=1)
    assert told.startswith("Error: ")
    assert "nonsense" in told


UPGRADE = """
    import sys
    from pathlib import Path
    from tests.integration.test_migrations import Shop
    shop = Shop(sys.argv[1], Path(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    print(shop.referrals("db", "upgrade"))
    shop.close()
"""


@pytest.mark.race
def test_upgrades_at_once_wait_for_each_other(shop: Shop, database_url: str, tmp_path: Path) -> None:
    """Of four processes that upgrade at the same moment one does it, and the others find it done."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", dedent(UPGRADE), database_url, str(tmp_path)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, answers
    assert sorted(out.strip() for out, _ in answers) == ["at 0005 already"] * 3 + ["upgraded from nothing to 0005"]
    assert shop.referrals("db", "check")


SECOND = '''
"""A batch operation on the two tables with the trickiest triggers."""
import importlib.util
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0099", "0005", None, None


def load(name):
    spec = importlib.util.spec_from_file_location("earlier", Path(__file__).with_name(name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


first, second = load("0001_the_loop.py"), load("0002_every_reward.py")


def upgrade():
    dialect = op.get_bind().dialect.name
    for name in second.TRIGGERS.values():  # they write to the account
        op.execute(f"DROP TRIGGER IF EXISTS {name}" + (" ON referrals_reward" if dialect == "postgresql" else ""))
    for table in ("account", "ledger"):
        for name in ("no_update", "no_delete", "no_truncate", "carry"):
            on = f" ON referrals_{table}" if dialect == "postgresql" else ""
            op.execute(f"DROP TRIGGER IF EXISTS referrals_{table}_{name}{on}")
    for table in ("account", "ledger"):
        with op.batch_alter_table(f"referrals_{table}") as batch:
            batch.add_column(sa.Column("extra", sa.Integer()))
            batch.create_check_constraint(f"ck_referrals_{table}_extra", "extra > 0")
    for statement in {"sqlite": first.sqlite, "postgresql": first.postgresql}.get(dialect, first.mariadb)():
        if "ON referrals_ledger" in statement:
            op.execute(statement)
    for statement in second.triggers(dialect):
        op.execute(statement)


def downgrade():
    pass
'''


def test_a_later_revision_may_make_tables_anew(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch operation keeps rows, constraint names and triggers, on SQLite with foreign keys too."""
    folder = tmp_path / "migrations % later"
    shutil.copytree(migrations.migrations_dir(), folder)
    shop.referrals("db", "upgrade")
    insert = (
        "INSERT INTO referrals_account (org, client_id, currency, balance, held, seq, head, referred, qualified)"
        " VALUES ('default', '1', 'USD', 0, 0, 0, '', 0, 0)"
    )
    shop.ask(lambda connection: connection.exec_driver_sql(insert))
    entry = (
        "INSERT INTO referrals_ledger (account_id, seq, amount, balance, reason, {key}, actor, at, hash)"
        " VALUES (1, 1, 5, 5, 'x', 'x', 'x', '2026-01-01 00:00:00', 'h')"
    )

    def fill(connection: Connection) -> None:
        key = connection.dialect.identifier_preparer.quote("key")
        connection.exec_driver_sql(entry.format(key=key))

    shop.ask(fill)
    before = shop.ask(shape)
    (folder / "versions" / "0099_later.py").write_text(SECOND)
    monkeypatch.setattr(migrations, "migrations_dir", lambda: folder)
    assert "upgraded from 0005 to 0099" in shop.referrals("db", "upgrade")
    after = shop.ask(shape)
    assert after["triggers"] == before["triggers"]
    for table in ("referrals_account", "referrals_ledger"):
        for kind in ("unique", "foreign keys", "indexes", "primary key"):
            assert after[table][kind] == before[table][kind], (table, kind)
    rows = shop.ask(lambda one: one.exec_driver_sql("SELECT balance, seq, head FROM referrals_account").all())
    assert [tuple(row) for row in rows] == [(5, 1, "h")]


def test_sqlite_gets_its_pragmas_back(shop: Shop, backend: str) -> None:
    """The connection that an upgrade used goes back to the host's pool as it was."""
    if backend != "sqlite":
        pytest.skip("SQLite's pragmas")

    def pragmas(connection: Connection) -> list[Any]:
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("foreign_keys", "busy_timeout")]

    shop.ask(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout = 1234"))
    before = shop.ask(pragmas)
    shop.referrals("db", "upgrade")
    assert shop.ask(pragmas) == before == [0, 1234]


def test_migrations_must_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation without its migrations says so."""
    monkeypatch.setattr(migrations, "__file__", str(tmp_path / "package" / "adapters" / "migrations.py"))
    with pytest.raises(ConfigurationError, match="install it anew"):
        migrations.migrations_dir()
