"""`flask referrals ledger …`."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from sqlalchemy import Connection, func, select

from ..adapters.state import get_state
from ..models import AccountRow, LedgerRow
from ..models.ledger import COUNTS, ORG_ITSELF
from ..services.ledger import Fault, unheld, verify

commands = AppGroup("ledger", help="The books of client credit.")


@commands.command("verify")
@click.option("--org", help="Only this org; all by default.")
@click.pass_context
def verify_ledger(context: click.Context, org: str | None) -> None:
    """Check every entry of every account; exit code 1 and one line for each thing that is wrong."""
    connection = get_state().session().connection()
    faults = 0
    for fault in [*verify(connection, org), *unheld(connection, org)]:
        click.echo(_line(fault))
        faults += 1
    accounts, entries = _size(connection, org)
    if faults:
        click.echo(f"{accounts} accounts, {entries} entries: {faults} wrong")
        context.exit(1)
    click.echo(f"{accounts} accounts, {entries} entries: the books are right")


def _size(connection: Connection, org: str | None) -> tuple[int, int]:
    """How many accounts and entries there are."""
    accounts = select(AccountRow.id).where(AccountRow.currency != COUNTS, AccountRow.client_id != ORG_ITSELF)
    if org is not None:
        accounts = accounts.where(AccountRow.org == org)
    entries = select(func.count()).select_from(LedgerRow).where(LedgerRow.account_id.in_(accounts))
    count = select(func.count()).select_from(accounts.subquery())
    return connection.execute(count).scalar_one(), connection.execute(entries).scalar_one()


def _line(fault: Fault) -> str:
    at = f"entry {fault.seq}" if fault.seq else "account"
    return f"org {fault.org}, client {fault.client_id}, {fault.currency}, {at}: {fault.what}"
