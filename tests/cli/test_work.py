"""`flask referrals work`: once, or in a loop that ends with the work in hand done."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from flask_referrals.testing import recorded_events
from tests.minihost import ClientRow, MiniHost, create_app, db

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from flask.cli import ScriptInfo
from tests.minihost import create_app

app = create_app(sys.argv[1], REFERRALS_DELIVERY="worker")
app.cli(sys.argv[2:], obj=ScriptInfo(create_app=lambda: app))
"""


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """An app whose announcements wait for the worker."""
    app = create_app(database_url, REFERRALS_DELIVERY="worker")
    with app.app_context():
        db.create_all()
        app.extensions["referrals_object"].create_all()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def make_codes(app: Flask, *names: str) -> None:
    """Make clients with codes, each a line that waits to be announced."""
    with app.app_context():
        for name in names:
            row = ClientRow(name=name)
            db.session.add(row)
            db.session.flush()
            app.extensions["referrals_object"].code(MiniHost().client(row))
        db.session.commit()


def test_it_says_what_it_did(app: Flask) -> None:
    """One line says how much was repaired and delivered, and a second run finds nothing."""
    make_codes(app, "Jane", "Kiera", "Omar")
    runner = app.test_cli_runner()
    with recorded_events():
        assert runner.invoke(args=["referrals", "work"]).output == "repaired 0, delivered 3\n"
        assert runner.invoke(args=["referrals", "work"]).output == "repaired 0, delivered 0\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_goes_on_until_it_is_told_to_stop(app: Flask, database_url: str, number: signal.Signals) -> None:
    """New work is found in later rounds, and a signal ends the loop at once with exit code 0."""
    make_codes(app, "Jane")
    command = [sys.executable, "-u", "-c", RUN, database_url, "referrals", "work", "--loop", "0.05"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "repaired 0, delivered 1\n"
        make_codes(app, "Kiera", "Omar")
        assert process.stdout.readline() == "repaired 0, delivered 2\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_senseless_pause_is_refused(app: Flask, seconds: str) -> None:
    """The pause is a number above 0."""
    result = app.test_cli_runner().invoke(args=["referrals", "work", "--loop", seconds])
    assert result.exit_code == 2
    assert "--loop" in result.output


def test_a_person_sees_how_far_it_is(app: Flask) -> None:
    """On a terminal there is a progress bar, on its error output alone; elsewhere there is none."""
    make_codes(app, "Jane")
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", RUN, url, "referrals", "work"]
    watched = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=60, check=True
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert watched.stdout == "repaired 0, delivered 1\n"
    assert "100%" in shown
    assert "statistics" in shown
    alone = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert (alone.stdout, alone.stderr) == ("repaired 0, delivered 0\n", "")
