"""`flask referrals client`: a client's data, exported or erased (G3)."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

from ..adapters.state import get_state
from ..host import DEFAULT_ORG
from ..services import privacy

commands = AppGroup("client", help="The data of one client.")


@commands.command("export")
@click.argument("client_id")
@click.option("--org", default=DEFAULT_ORG, help="The client's org.")
def export_command(client_id: str, org: str) -> None:
    """Print all that is kept about a client, as JSON."""
    found = privacy.export(get_state().session().connection(), org, client_id)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@commands.command("erase")
@click.argument("client_id")
@click.option("--org", default=DEFAULT_ORG, help="The client's org.")
@click.confirmation_option(prompt="Names, addresses and choices of this client go for good. Erase them?")
def erase_command(client_id: str, org: str) -> None:
    """Erase a client's personal data; amounts and ids that the books need stay."""
    get_state().run(lambda unit: privacy.erase(unit, org, client_id), actor="command line", commit=True)
    click.echo(f"client {client_id} is erased; amounts and ids stay for the books")
