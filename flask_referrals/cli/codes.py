"""`flask referrals codes …`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError

from ..adapters.state import State, get_state
from ..adapters.tables import engine_of
from ..services.codes import backfill
from ..services.outbox import begin_writing
from ..services.unit import Unit

#: How often a batch is done anew after a deadlock with another backfill, or when SQLite stays busy.
TRIES = 10

commands = AppGroup("codes", help="The codes of clients.")


@commands.command("backfill")
@click.option("--org", help="Only this org; all by default.")
@click.option("--batch", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="Clients per commit.")
def backfill_codes(org: str | None, batch: int) -> None:
    """Give every client a code that has none. Safe to repeat, to interrupt, and to run twice at once."""
    state = get_state()
    watched = _is_watched()
    for one in [org] if org is not None else list(state.host.orgs()):
        seen = made = 0
        for seen, made in _progress(state, one, batch):
            if watched:
                click.echo(f"\r{one}: {seen} clients seen, {made} codes made", nl=False)
        click.echo(f"{chr(13) if watched else ''}{one}: {seen} clients seen, {made} codes made")


def _is_watched() -> bool:
    return sys.stdout.isatty()


def _progress(state: State, org: str, batch: int) -> Iterator[tuple[int, int]]:
    """Clients seen and codes made so far, after each batch."""
    made = 0
    for tries_left in reversed(range(TRIES)):
        try:
            for seen, new in _batches(state, org, batch):
                made += new
                yield seen, made
            return
        except OperationalError:
            state.session().rollback()
            if not tries_left:
                raise


def _batches(state: State, org: str, batch: int) -> Iterator[tuple[int, int]]:
    """Clients seen so far and codes just made, each batch committed, on a connection beside the host's session.

    The session only reads the host's clients, and lets go of them after each batch.
    """
    session = state.session()
    seen = 0
    with engine_of(session).connect() as connection:
        unit = Unit(session, connection, state.host, state.settings, state.programs, state.now(), "backfill")
        begin_writing(connection)
        for count, new in backfill(unit, org, batch=batch):
            connection.commit()
            session.rollback()
            seen += count
            yield seen, new
            unit.now = state.now()
            begin_writing(connection)
