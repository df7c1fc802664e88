"""`flask referrals reconcile`."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..adapters.reconcile import Difference, reconcile
from ..adapters.state import get_state
from ..words import money_text

_TEXTS = {
    "discount_applied": "the discount of {amount} is not on it yet",
    "discount_released": "the discount of {amount} is free for another invoice",
    "qualified": "its payment has earned the reward",
    "not_qualified": "it was paid, and is too small to qualify",
    "reward_issued": "a reward of {amount} is to be given",
    "reward_waiting": "a reward is to be given, and waits",
    "reward_reversed": "a reward of {amount} is to be taken back",
    "credit_captured": "credit of {amount} on it is spent",
    "credit_released": "credit of {amount} on it goes back to the client",
    "credit_held": "credit of {amount} is to be used on it",
    "credit_differs": "it counts another credit than the {amount} that are held on it",
}


@click.command("reconcile")
@click.option("--org", help="Only this org; all by default.")
@click.option("--repair", is_flag=True, help="Do what was missed. Without it, only say so.")
@click.pass_context
@with_appcontext
def command(context: click.Context, org: str | None, repair: bool) -> None:
    """Find what we missed in your own invoices; exit code 1 if anything is left to do.

    Asks Host.client_invoices for the invoices of every client that was referred, and looks at all that hold credit.
    """
    missed = wrong = 0
    for one in reconcile(get_state(), org, repair=repair):
        missed += one.level == "missed"
        wrong += one.level == "wrong"
        click.echo(_line(one))
    if not missed and not wrong:
        click.echo("nothing was missed, and nothing is wrong")
        return
    click.echo(f"{missed} missed{', all repaired now' if repair and missed else ''}, {wrong} wrong")
    if missed and not repair:
        click.echo("nothing was changed: run `flask referrals reconcile --repair` to do it")
    if wrong or not repair:
        context.exit(1)


def _line(one: Difference) -> str:
    amount = "" if one.amount is None else money_text(one.amount, "en_US")
    text = _TEXTS.get(one.kind, one.kind.replace("_", " ")).format(amount=amount)
    about = f"client {one.client_id}" + (f", invoice {one.invoice_id}" if one.invoice_id else "")
    return f"{one.level}: org {one.org}, {about}: {text}"
