"""`flask referrals db …`: our tables in the host's database, by our own history (docs/architecture.md §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from alembic.util import CommandError
from flask.cli import AppGroup
from sqlalchemy.engine import Engine

from ..adapters import migrations
from ..adapters.state import get_state
from ..adapters.tables import engine_of
from ..errors import ConfigurationError

commands = AppGroup("db", help="Our tables in your database, beside your own migrations.")
_MAY_BE_NEGATIVE = {"ignore_unknown_options": True}  # -1 is a revision


@commands.command("upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Make or change our tables; again without effect."""
    _tell(migrations.upgrade, revision)


@commands.command("downgrade", context_settings=_MAY_BE_NEGATIVE)
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Go back to a revision; `base` removes all that is ours, with everything in it: the way to uninstall."""
    _tell(migrations.downgrade, revision)


@commands.command("stamp")
@click.argument("revision", default="head")
def stamp(revision: str) -> None:
    """Say which revision our tables are at, without touching them."""
    _tell(migrations.stamp, revision)


@commands.command("current")
def current() -> None:
    """Show the revision that the database is at."""
    with _engine().connect() as connection:
        at = migrations.current(connection)
    click.echo(f"{at or 'no revision'}{' (head)' if at == migrations.head() else ''}")


@commands.command("check")
@click.pass_context
def check(context: click.Context) -> None:
    """Compare the database with what this version needs; exit code 1 if they differ."""
    with _engine().connect() as connection:
        wrong = migrations.check(connection)
    for text in wrong:
        click.echo(text)
    if wrong:
        context.exit(1)
    click.echo(f"our tables are right, at {migrations.head()}")


def _engine() -> Engine:
    return engine_of(get_state().session())


def _tell(act: Callable[..., list[str]], *arguments: Any) -> None:
    try:
        for text in act(_engine(), *arguments):
            click.echo(text)
    except (CommandError, ConfigurationError) as error:
        raise click.ClickException(str(error)) from error
