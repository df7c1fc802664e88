"""`flask referrals doctor` finds what is wrong and says what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import flask_migrate
import pytest
from flask import Flask

from flask_referrals import Host
from flask_referrals.services import retries
from tests.minihost import ClientRow, MiniHost, create_app, db

Doctor = Callable[[], tuple[int, str]]


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """An app that is well, with one client."""
    app = create_app(database_url)
    flask_migrate.Migrate(app, db)
    assert app.test_cli_runner().invoke(args=["referrals", "db", "upgrade"]).exit_code == 0
    with app.app_context():
        db.create_all()
        db.session.add(ClientRow(name="Jane Smith"))
        db.session.commit()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def doctor(app: Flask) -> Doctor:
    """The command; exit code and output."""

    def doctor() -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=["referrals", "doctor"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return doctor


def test_a_host_that_is_well(doctor: Doctor) -> None:
    """Every line is ok, and the exit code is 0."""
    code, told = doctor()
    assert code == 0, told
    assert {line[:4].strip() for line in told.splitlines()} == {"ok"}
    assert "org default: client 1 is found" in told


class _NoDiscount(MiniHost):
    apply_discount = Host.apply_discount


class _NoCredit(MiniHost):
    apply_credit = Host.apply_credit


class _NoOrgs(MiniHost):
    def orgs(self) -> Sequence[str]:
        return ()


class _Numbers(MiniHost):
    def client_ids(self, org: str, after: str | None, limit: int) -> Any:
        return [int(one) for one in super().client_ids(org, after, limit)]


class _Endless(MiniHost):
    def client_ids(self, org: str, after: str | None, limit: int) -> Any:
        return super().client_ids(org, None, limit)


class _Forgetful(MiniHost):
    def find_client(self, org: str, client_id: str) -> Any:
        return None


class _Raw(MiniHost):
    def client(self, record: Any) -> Any:
        return record


class _Raising(MiniHost):
    def find_client(self, org: str, client_id: str) -> Any:
        raise LookupError("no such luck")


HOSTS: dict[type[Host], tuple[int, str]] = {
    _NoDiscount: (0, "warn  _NoDiscount.apply_discount is not written"),
    _NoCredit: (1, "fail  _NoCredit.apply_credit is not written yet"),
    _NoOrgs: (1, "fail  _NoOrgs.orgs() is empty"),
    _Numbers: (1, "fail  _Numbers.client_ids gives 1, which is no text"),
    _Endless: (1, "fail  _Endless.client_ids gives '1' again after '1'"),
    _Forgetful: (1, "fail  _Forgetful.find_client does not know '1'"),
    _Raw: (1, "fail  _Raw.client gives <ClientRow 1>"),
    _Raising: (1, "raised LookupError: no such luck"),
}


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_a_host_that_answers_wrongly(app: Flask, doctor: Doctor, host: type[Host]) -> None:
    """Each answer of the host's that cannot be right is named, with what to write."""
    app.extensions["referrals"].host = host()
    code, told = doctor()
    assert (code, HOSTS[host][1] in told) == (HOSTS[host][0], True), told
    assert "      -> " in told


def test_no_tables(app: Flask, doctor: Doctor) -> None:
    """Tables that are not there are told with the command that makes them."""
    app.test_cli_runner().invoke(args=["referrals", "db", "downgrade", "base"])
    code, told = doctor()
    assert code == 1
    assert "fail  our tables are not in the database\n      -> run `flask referrals db upgrade`" in told


def test_tables_without_a_version(app: Flask, doctor: Doctor) -> None:
    """Tables of `create_all()` work, and are warned about once."""
    app.test_cli_runner().invoke(args=["referrals", "db", "stamp", "base"])
    code, told = doctor()
    assert code == 0
    assert "warn  our tables have no version" in told


def test_a_missing_trigger(app: Flask, doctor: Doctor) -> None:
    """A trigger that is gone is a failure, named."""
    with app.app_context(), db.engine.begin() as connection:
        on = " ON referrals_ledger" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER referrals_ledger_carry{on}")
    code, told = doctor()
    assert code == 1
    assert "append-only are missing or off: referrals_ledger_carry" in told


def test_what_waits(app: Flask, doctor: Doctor) -> None:
    """Facts that failed and announcements that are overdue are warned about."""
    state = app.extensions["referrals"]
    state.settings = type(state.settings)(delivery="worker")
    with app.app_context():
        app.extensions["referrals_object"].code(MiniHost().client(db.session.get(ClientRow, 1)))
        retries.keep(db.session.connection(), "default", "invoice_paid", "9", {}, "KeyError: 'x'\nmore", state.now())
        db.session.commit()
    state.now.now += timedelta(hours=2)
    code, told = doctor()
    assert code == 0
    assert "warn  1 facts could not be acted on yet, such as: KeyError: 'x'\n" in told
    assert "warn  1 announcements have waited for more than an hour" in told


def test_autogenerate_that_would_touch_us(app: Flask, doctor: Doctor) -> None:
    """A filter that somebody took away from Flask-Migrate is a failure."""
    with app.app_context():
        app.extensions["migrate"].configure_args.clear()
    code, told = doctor()
    assert code == 1
    assert "fail  your `flask db migrate` would touch our tables" in told


def test_no_secret(app: Flask, doctor: Doctor) -> None:
    """An app without a secret key can sign no link."""
    app.secret_key = None
    code, told = doctor()
    assert code == 1
    assert "-> set SECRET_KEY" in told


def test_a_prefix_that_is_taken(app: Flask, doctor: Doctor) -> None:
    """A rule of the host's under one of our prefixes is named."""
    app.add_url_rule("/portal/referrals/old", "old", lambda: "")
    code, told = doctor()
    assert code == 0
    assert "warn  /portal/referrals/old (old) of the app lies under REFERRALS_PORTAL_PREFIX" in told


def test_sqlite_without_patience(app: Flask, doctor: Doctor, backend: str) -> None:
    """Pragmas that SQLite needs are told with the line to write."""
    if backend != "sqlite":
        pytest.skip("SQLite's pragmas")
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    code, told = doctor()
    assert code == 0
    assert 'connection.execute("PRAGMA busy_timeout=20000")' in told


def test_a_database_that_is_away(app: Flask, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the database the rest is still looked at, and the reason is one line."""
    with app.app_context():
        engine = type(db.engine)

    def refuse(*anything: Any, **more: Any) -> Any:
        raise OSError("connection refused\nand much more")

    monkeypatch.setattr(engine, "connect", refuse)
    code, told = doctor()
    assert code == 1
    assert "fail  the database does not answer: OSError: connection refused\n" in told
