"""`flask referrals codes backfill`: everybody gets one code, in batches, however often and by however many at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, insert, select
from sqlalchemy.exc import OperationalError

from flask_referrals.models import CodeRow
from tests.minihost import ClientRow, create_app, db

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from flask.cli import ScriptInfo
from tests.minihost import create_app

app = create_app(sys.argv[1])
app.cli(sys.argv[2:], obj=ScriptInfo(create_app=lambda: app))
"""


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """An app with its tables and ours."""
    app = create_app(database_url)
    with app.app_context():
        db.create_all()
        app.extensions["referrals_object"].create_all()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def fill(app: Flask, count: int, org: str = "default") -> None:
    """Make that many clients of an org."""
    with app.app_context(), db.engine.begin() as connection:
        rows = [{"org": org, "name": f"Client {number}"} for number in range(count)]
        connection.execute(insert(ClientRow.__table__), rows)


def backfill(app: Flask, *arguments: str) -> str:
    """The command's output."""
    result = app.test_cli_runner().invoke(args=["referrals", "codes", "backfill", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def counts(app: Flask) -> tuple[int, int, int]:
    """Codes, clients that have one, different codes."""
    with app.app_context():
        row = db.session.execute(
            select(
                func.count(CodeRow.id),
                func.count(func.distinct(CodeRow.client_id)),
                func.count(func.distinct(CodeRow.key)),
            )
        ).one()
        return row[0], row[1], row[2]


def test_everybody_gets_one_code(app: Flask) -> None:
    """Every client has exactly one code afterwards, and a second run makes none."""
    fill(app, 25)
    assert backfill(app, "--batch", "10") == "default: 25 clients seen, 25 codes made\n"
    assert counts(app) == (25, 25, 25)
    fill(app, 3)
    assert backfill(app, "--batch", "10") == "default: 28 clients seen, 3 codes made\n"
    assert backfill(app) == "default: 28 clients seen, 0 codes made\n"
    assert counts(app) == (28, 28, 28)


def test_one_org(app: Flask) -> None:
    """`--org` leaves the clients of other orgs alone."""
    fill(app, 4)
    fill(app, 5, "north")
    assert backfill(app, "--org", "north") == "north: 5 clients seen, 5 codes made\n"
    assert counts(app) == (5, 5, 5)


def test_batches_are_committed_one_by_one(app: Flask) -> None:
    """What was made before an interruption stays, and the next run goes on from there."""
    fill(app, 30)
    host = app.extensions["referrals"].host
    original = host.client_ids

    def interrupted(org: str, after: str | None, limit: int) -> Any:
        if after is not None and int(after) >= 20:
            raise KeyboardInterrupt
        return original(org, after, limit)

    host.client_ids = interrupted
    result = app.test_cli_runner().invoke(args=["referrals", "codes", "backfill", "--batch", "10"])
    assert result.exit_code != 0
    assert counts(app) == (20, 20, 20)
    host.client_ids = original
    assert backfill(app, "--batch", "10") == "default: 30 clients seen, 10 codes made\n"


def test_a_deadlock_is_tried_again(app: Flask) -> None:
    """A batch that loses against another backfill is done anew, and its codes are counted once."""
    fill(app, 20)
    broken: list[str] = []

    with app.app_context():

        @event.listens_for(db.engine, "before_cursor_execute")
        def fail(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if statement.startswith("INSERT") and "referrals_code" in statement and len(broken) < 2:
                broken.append(statement)
                raise OperationalError(statement, {}, Exception("deadlock found"))

    assert backfill(app, "--batch", "10") == "default: 20 clients seen, 20 codes made\n"
    assert len(broken) == 2
    assert counts(app) == (20, 20, 20)


def test_a_person_who_watches_sees_it_move(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the counter is shown after each batch."""
    fill(app, 20)
    monkeypatch.setattr("flask_referrals.cli.codes._is_watched", lambda: True)
    told = backfill(app, "--batch", "10")
    assert told.split("\r")[1:] == [
        "default: 10 clients seen, 10 codes made",
        "default: 20 clients seen, 20 codes made",
        "default: 20 clients seen, 20 codes made\n",
    ]


@pytest.mark.race
def test_twice_at_once(app: Flask, database_url: str) -> None:
    """Two processes that backfill at the same moment make one code for each client, together."""
    fill(app, 1000)
    command = [sys.executable, "-c", RUN, database_url, "referrals", "codes", "backfill", "--batch", "50"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert all(out.startswith("default: 1000 clients seen, ") for out, _ in answers), answers
    assert counts(app) == (1000, 1000, 1000)


@pytest.mark.slow
def test_a_hundred_thousand_clients(app: Flask, backend: str) -> None:
    """100,000 clients get their codes in less than a minute."""
    if backend != "sqlite":
        pytest.skip("once is enough")
    fill(app, 100_000)
    begin = time.monotonic()
    assert backfill(app) == "default: 100000 clients seen, 100000 codes made\n"
    assert time.monotonic() - begin < 60
    assert counts(app) == (100_000, 100_000, 100_000)
