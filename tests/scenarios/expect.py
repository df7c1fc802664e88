"""Every expectation of the language, read from the public API and the pages; each answers with what is not so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from example_app.extensions import db
from flask_referrals.adapters.stripe import from_stripe
from flask_referrals.services import portal
from tests.notyet import not_yet

from . import cash
from .player import Step
from .world import World

Check = Callable[[World, str, Any], Iterator[str]]
#: More news than any story has.
ALL = 10_000


def unmet(world: World, step: Step, last: str | None) -> list[str]:
    """What is not as the step expects; `last` is how the step before it was refused, None if it was not."""
    wrong: list[str] = []
    for name, wanted in step.fields.items():
        if name == "last":
            outcome = "ok" if last is None else {"refused": last}
            wrong += _same("last", wanted, outcome)
        else:
            wrong += [f"{name}: {text}" for text in EXPECTATIONS[name](world, step.org, wanted)]
    return wrong


def _same(name: str, wanted: Any, found: Any) -> Iterator[str]:
    if wanted != found:
        yield f"{name}: expected {wanted!r}, found {found!r}"


def _same_amount(name: str, wanted: str, found: Decimal) -> Iterator[str]:
    if Decimal(wanted) != found:
        yield f"{name}: expected {wanted}, found {found}"


def _in_order(name: str, wanted: list[str], found: list[str]) -> Iterator[str]:
    rest = iter(found)
    if not all(kind in rest for kind in wanted):
        yield f"{name}: expected in this order {wanted}, found {found}"


# -- referrals and rewards -------------------------------------------------------------------------------------------


def referral(world: World, org: str, wanted: dict[str, dict[str, Any] | None]) -> Iterator[str]:
    """The newest referral of each referee."""
    for referee, fields in wanted.items():
        with world.asking() as api:
            found = api.referral_of(world.value(org, referee))
        if found is None or fields is None:
            yield from _same(referee, fields, None if found is None else _facts(world, org, found))
            continue
        facts = _facts(world, org, found)
        yield from _same(referee, fields, {name: facts[name] for name in fields})


def _facts(world: World, org: str, found: portal.ReferralLine) -> dict[str, Any]:
    referrer = world.name_of(org, found.referrer_id)
    return {"state": found.state, "referrer": referrer, "via": found.via, "n": found.n}


def rewards(world: World, org: str, wanted: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """All rewards of each client, oldest first."""
    for client, lines in wanted.items():
        with world.asking() as api:
            found = api.rewards(world.value(org, client))
        yield from _listed(client, lines, [_reward(line) for line in found])


def _reward(line: portal.RewardLine) -> dict[str, Any]:
    found = {"kind": line.kind, "amount": line.amount.amount, "state": line.state, "reason": line.reason}
    return found | {name: getattr(line, name) for name in ("waits_for", "service") if hasattr(line, name)}


def vouchers(world: World, org: str, wanted: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """All vouchers of each client, oldest first."""
    for client, lines in wanted.items():
        with world.asking() as api:
            found = [line for line in api.rewards(world.value(org, client)) if line.voucher is not None]
        yield from _listed(client, lines, [{"service": line.service, "state": line.voucher} for line in found])


def _listed(client: str, wanted: list[dict[str, Any]], found: list[dict[str, Any]]) -> Iterator[str]:
    if len(wanted) != len(found):
        yield f"{client}: expected {wanted}, found {found}"
        return
    for position, (fields, line) in enumerate(zip(wanted, found, strict=True), 1):
        for name, value in fields.items():
            if name not in line:
                not_yet(f"expect rewards.{name}")
            if name == "amount":
                yield from _same_amount(f"{client} {position} {name}", value, line[name])
            else:
                yield from _same(f"{client} {position} {name}", value, line[name])


# -- amounts ---------------------------------------------------------------------------------------------------------


def discount(world: World, org: str, wanted: dict[str, str]) -> Iterator[str]:
    """What the discount took off, as the invoice shows it."""
    for invoice, amount in wanted.items():
        yield from _same_amount(invoice, amount, world.discount_on(world.invoice_page(org, invoice)))


def on_invoice(term: str) -> Check:
    """An amount that the invoice shows."""

    def check(world: World, org: str, wanted: dict[str, str]) -> Iterator[str]:
        for invoice, amount in wanted.items():
            yield from _same_amount(invoice, amount, world.invoice_page(org, invoice).fact(term))

    return check


def balance(which: str) -> Check:
    """A client's credit in the currency of the org's terms: available, or held."""

    def check(world: World, org: str, wanted: dict[str, str]) -> Iterator[str]:
        currency = world.terms[org].at()["currency"]
        for client, amount in wanted.items():
            with world.asking() as api:
                found = api.balance(world.value(org, client), currency)
            yield from _same_amount(client, amount, getattr(found, which).amount)

    return check


def ledger_verifies(world: World, org: str, wanted: bool) -> Iterator[str]:
    """Whether the verification command finds nothing."""
    result = world.app.test_cli_runner().invoke(args=["referrals", "ledger", "verify"])
    if (result.exit_code == 0) is not wanted:
        yield f"expected {wanted}, but the command says: {result.output}{result.exception or ''!r}"


# -- what happened and what was told ---------------------------------------------------------------------------------


def activity(world: World, org: str, wanted: dict[str, list[str]]) -> Iterator[str]:
    """The kinds on each client's log."""
    for client, kinds in wanted.items():
        with world.asking() as api:
            found = api.activity(world.value(org, client))
        yield from _in_order(client, kinds, _kinds(found))


def notified(world: World, org: str, wanted: dict[str, list[str]]) -> Iterator[str]:
    """What each client was told, oldest first."""
    for client, kinds in wanted.items():
        value = world.value(org, client)
        with world.asking():
            newest_first = portal.news(db.session.connection(), org, value.id, page=ALL)
        yield from _in_order(client, kinds, _kinds(reversed(newest_first)))


def _kinds(lines: Iterable[portal.News]) -> list[str]:
    return [line.kind for line in lines]


def visits(world: World, org: str, wanted: dict[str, int]) -> Iterator[str]:
    """Visits counted on each client's link."""
    for client, count in wanted.items():
        with world.asking() as api:
            yield from _same(client, count, api.code(world.value(org, client)).visits)


def payouts(world: World, org: str, wanted: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """All payouts of each client, oldest first."""
    for client, lines in wanted.items():
        with world.asking() as api:
            found = api.payouts(world.value(org, client))
        told = [{"amount": line.amount.amount, "state": line.state, "reason": line.reason} for line in found]
        yield from _listed(client, lines, told)


def transfers(world: World, org: str, wanted: dict[str, str]) -> Iterator[str]:
    """What Stripe's own books say reached each client, net of reversals."""
    currency = world.terms[org].at()["currency"]
    for client, amount in wanted.items():
        yield from _same_amount(client, amount, from_stripe(cash.reached(world, org, client), currency).amount)


EXPECTATIONS: dict[str, Check] = {
    "referral": referral,
    "discount": discount,
    "total": on_invoice("Total"),
    "due": on_invoice("Due"),
    "rewards": rewards,
    "credit": balance("available"),
    "held": balance("held"),
    "payouts": payouts,
    "transfers": transfers,
    "vouchers": vouchers,
    "activity": activity,
    "notified": notified,
    "visits": visits,
    "ledger_verifies": ledger_verifies,
}
