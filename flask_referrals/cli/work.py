"""`flask referrals work`."""

from __future__ import annotations

import logging
import signal
import sys
from threading import Event
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..adapters.state import get_state
from ..adapters.worker import STEPS, Done
from ..adapters.worker import work as do_work

log = logging.getLogger("flask_referrals")


@click.command("work")
@click.option(
    "--loop", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Again and again, till SIGTERM."
)
@with_appcontext
def work_command(loop: float | None) -> None:
    """Do what waits: facts that failed are done again, and what happened is announced."""
    if loop is None:
        click.echo(_line(_watched()))
        return
    stop = Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        _loop(loop, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watched() -> Done:
    """One run; with a progress bar where a person watches."""
    if not sys.stderr.isatty():
        return do_work(get_state())
    with click.progressbar(length=len(STEPS), file=sys.stderr, item_show_func=lambda step: step or "") as bar:
        return do_work(get_state(), progress=lambda step: bar.update(1, step))


def _loop(pause: float, stop: Event) -> None:
    """Rounds with an app context each, so that none sees what the one before has read; silent where nothing waits."""
    app: Any = current_app
    while not stop.is_set():
        try:
            with app._get_current_object().app_context():
                done = do_work(get_state(), stop.is_set)
        except Exception:
            log.exception("this round failed; the next one is in %g seconds", pause)
        else:
            if done:
                click.echo(_line(done))
        stop.wait(pause)


_WORDS = {
    "put_off": "put off {}",
    "expired": "expired {}",
    "issued": "issued {}",
    "lapsed": "credit expired {}",
    "notices": "gave {} notices",
    "mailed": "sent {} emails",
    "payouts": "made {} payouts",
    "sent": "sent {} payouts",
    "taken_back": "took back {}",
    "warnings": "budget warnings {}",
}


def _line(done: Done) -> str:
    found = [text.format(getattr(done, name)) for name, text in _WORDS.items() if getattr(done, name)]
    return ", ".join([f"repaired {done.repaired}, delivered {done.delivered}", *found])
