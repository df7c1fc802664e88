"""`flask referrals doctor`."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..adapters.doctor import examine
from ..adapters.state import get_state

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor")
@click.pass_context
@with_appcontext
def doctor_command(context: click.Context) -> None:
    """Look at tables, settings and your Host's answers, and say what to do; exit code 1 if something must be done."""
    failed = 0
    for finding in examine(get_state()):
        failed += finding.level == "fail"
        click.echo(f"{click.style(f'{finding.level:4}', fg=_COLOURS[finding.level])}  {finding.text}")
        if finding.remedy:
            click.echo(f"      -> {finding.remedy}")
    if failed:
        click.echo(f"{failed} to mend")
        context.exit(1)
