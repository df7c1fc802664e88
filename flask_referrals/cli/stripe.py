"""`flask referrals stripe …`: events that failed, what Stripe should know, and our payouts against its transfers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import click
from flask.cli import AppGroup
from sqlalchemy import Connection, Table, select

from ..adapters import cashier
from ..adapters.state import State, get_state
from ..models import PayoutRow
from ..services import transfers
from ..services.ports import Gateway, GatewayError, SeenTransfer

commands = AppGroup("stripe", help="Cash through Stripe Connect.")
_PAYOUT: Table = PayoutRow.__table__  # type: ignore[assignment]


def _gateway(state: State) -> Gateway:
    if state.gateway is None or not state.gateway.onboards:
        raise click.ClickException("this app pays no cash through Stripe: pass a StripeGateway to Referrals")
    return state.gateway


@commands.command("events")
@click.option("--failed", is_flag=True, help="Act once more on all that were never done.")
@click.pass_context
def events(context: click.Context, failed: bool) -> None:
    """List stored events that were never done; with --failed act on them again. Exit code 1 if any is left."""
    from ..adapters import stripe_events
    from ..adapters.stripe import StripeGateway

    state = get_state()
    gateway = _gateway(state)
    if not isinstance(gateway, StripeGateway):
        raise click.ClickException("this gateway sends no events")
    rows = cashier.run(state, stripe_events.failed)
    if failed:
        for row in rows:
            stripe_events.act(state, gateway, row.id)
        rows = cashier.run(state, stripe_events.failed)
    for row in rows:
        click.echo(f"{row.came_at:%Y-%m-%d %H:%M} {row.event_id} {row.kind}, {row.tries} tries: {row.error or 'waits'}")
    click.echo(f"{len(rows)} events are not done")
    if rows:
        context.exit(1)


@commands.command("check")
@click.option("--org", help="The org whose key is used; the first by default.")
@click.pass_context
def check(context: click.Context, org: str | None) -> None:
    """Read from Stripe what must be right: key, mode, balance, and which events the endpoints lack. Changes nothing."""
    from ..adapters.stripe import API_VERSION, EVENTS, StripeGateway

    state = get_state()
    gateway = _gateway(state)
    if not isinstance(gateway, StripeGateway):
        raise click.ClickException("this gateway is not Stripe's")
    org = org or next(iter(state.host.orgs()))
    wrong = 0
    try:
        balance = gateway.call(org, "get", "/v1/balance")
        endpoints = list(gateway.pages(org, "/v1/webhook_endpoints"))
    except GatewayError as error:
        raise click.ClickException(f"Stripe does not answer as it should: {error}") from None
    click.echo(f"ok    the key works, in {'live' if gateway.live(org) else 'test'} mode, with API {API_VERSION}")
    for row in balance["available"]:
        click.echo(f"ok    available: {row['amount']} {row['currency'].upper()} (as Stripe counts it)")
    if not gateway.webhook_secrets:
        wrong += 1
        click.echo("wrong no webhook secret is set: pass webhook_secrets to StripeGateway")
    bills = type(state.host).find_stripe_invoice is not _default_find()
    for place, wanted in EVENTS.items():
        if "invoices" in place and not bills:
            continue
        connected = place.startswith("connected")
        heard: set[str] = set()
        for endpoint in endpoints:
            if bool(endpoint.get("application")) is connected and endpoint["status"] == "enabled":
                heard |= set(wanted) if "*" in endpoint["enabled_events"] else set(endpoint["enabled_events"])
                if endpoint.get("api_version") not in (None, API_VERSION):
                    click.echo(f"note  {endpoint['url']} sends events of API {endpoint['api_version']}")
        if lacking := sorted(set(wanted) - heard):
            wrong += 1
            click.echo(f"wrong no endpoint for {place} hears {', '.join(lacking)}")
        else:
            click.echo(f"ok    {place}: {', '.join(wanted)}")
    if wrong:
        context.exit(1)


def _default_find() -> object:
    from ..host import Host

    return Host.find_stripe_invoice


@commands.command("reconcile")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="So far back.")
@click.option("--org", help="Only this org; all by default.")
@click.pass_context
def reconcile(context: click.Context, days: int, org: str | None) -> None:
    """Compare our payouts with the gateway's transfers, both ways; exit code 1 and one line for each that differs."""
    state = get_state()
    gateway = _gateway(state)
    since = state.now() - timedelta(days=days)
    name = cashier.run(state, transfers.installation)
    faults: list[str] = []
    count = 0
    seen: dict[str, SeenTransfer] = {}
    for one in [org] if org else state.host.orgs():
        try:
            seen |= {found.id: found for found in gateway.transfers(one, name, since)}
        except GatewayError as error:
            raise click.ClickException(f"the transfers of {one} cannot be read: {error}") from None
    connection = state.session().connection()
    faults += _twice(seen.values())
    for fault in _differences(connection, seen, org, name, since):
        faults.append(fault)
    count = len(seen)
    for fault in faults:
        click.echo(fault)
    click.echo(f"{count} transfers of the last {days} days: {len(faults)} differences")
    if faults:
        context.exit(1)


def _twice(seen: Iterable[SeenTransfer]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for one in seen:
        groups.setdefault(one.group, []).append(one.id)
    for group, found in groups.items():
        if len(found) > 1:
            number = group.rpartition(":")[2]
            yield f"payout {number}: sent {len(found)} times ({', '.join(found)}); reverse what is too much by hand"


def _differences(
    connection: Connection, seen: dict[str, SeenTransfer], org: str | None, name: str, since: object
) -> Iterator[str]:
    query = select(_PAYOUT).where(_PAYOUT.c.made_at >= since)
    if org:
        query = query.where(_PAYOUT.c.org == org)
    rows = {row.id: row for row in connection.execute(query)}
    by_transfer = {row.transfer_id: row for row in rows.values() if row.transfer_id}
    for transfer_id, found in seen.items():
        row = by_transfer.get(transfer_id)
        if row is None:
            known = rows.get(int(found.group.rpartition(":")[2] or 0))
            if known is None or known.transfer_id is not None:
                yield f"transfer {transfer_id} of {found.amount} has no payout of ours"
            elif known.state not in ("sending", "unknown"):
                yield f"payout {known.id}: {known.state} here, and sent there as {transfer_id}"
            continue
        if found.amount.minor != row.amount_minor or found.amount.currency != row.currency:
            yield f"payout {row.id}: {row.amount_minor} {row.currency} here, {found.amount} there"
        if found.reversed.minor != row.reversed_minor:
            yield f"payout {row.id}: {row.reversed_minor} taken back here, {found.reversed} there"
    for transfer_id, row in by_transfer.items():
        if row.sent_at is not None and row.sent_at >= since and transfer_id not in seen:
            yield f"payout {row.id}: sent here as {transfer_id}, which is not there"
