"""What an invoice would bring under given terms, and what past referrals would have cost under them; changes nothing.

`/simulator`: `terms` is a version's id, the one in force without it; `amount` before tax; `n`, the how many-th new
client of its referrer this is; `past=1` replays past referrals.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..domain.terms import Terms, Version
from ..money import Money
from ..services import simulation
from .admin_amounts import Mistake, read_amount
from .admin_dashboard import sums
from .admin_forms import Mistakes, Wrong
from .admin_versions import dated
from .admin_words import Voice, voice
from .pages import for_staff, page

_NO_REWARD = {
    "nothing_paid": "Nothing is left to pay, so nothing is earned.",
    "below_minimum": "What is paid is below the smallest amount that the terms ask for.",
    "other_currency": "The amounts of the terms are in another currency.",
}
_NO_DISCOUNT = {
    "none_promised": "The terms promise none.",
    "nothing_to_lower": "There is nothing to lower.",
    "other_currency": "The amounts of the terms are in another currency.",
    "below_minimum": "The invoice is below the smallest one that gets it.",
}


def add_to(blueprint: Blueprint) -> None:
    """Add the page to the staff's blueprint."""
    blueprint.add_url_rule("/simulator", "simulator", view)


@for_staff
def view(state: State, org: str) -> Response:
    """The form, and what comes of it."""
    speech = voice(state, org)
    program = state.programs.get(state.session().connection(), org)
    versions = dated(program, state.now())
    chosen = _chosen(program.versions, program.at(state.now()))
    mistakes: Mistakes = {}
    outlook, past = None, None
    if chosen is not None:
        outlook = _outlook(chosen.terms, mistakes)
        if request.args.get("past") == "1" and not mistakes:
            past = _replay(state, org, chosen.terms)
    return page(
        "referrals/admin/simulator.html",
        title="Try terms",
        admin=True,
        voice=speech,
        versions=versions,
        chosen=chosen,
        typed={name: request.args.get(name, default)[:30] for name, default in (("amount", "200"), ("n", "1"))},
        mistakes=mistakes,
        outlook=None if outlook is None else _told(outlook, speech),
        past=past,
        sums=sums,
        most=simulation.MOST,
        settings_url=url_for("referrals_admin.settings"),
        status=422 if mistakes else 200,
    )


def _chosen(versions: tuple[Version, ...], current: Version | None) -> Version | None:
    wanted = request.args.get("terms", type=int)
    return next((one for one in versions if one.id == wanted), current or (versions[-1] if versions else None))


def _outlook(terms: Terms, mistakes: Mistakes) -> simulation.Outlook | None:
    amount = None
    try:
        amount = read_amount(request.args.get("amount", "200")[:30], terms.currency)
        if amount is None:
            raise Mistake("Write the amount of an invoice, such as 200 or 49.50.")
    except Mistake as mistake:
        mistakes["amount"] = Wrong("amount_invalid", str(mistake))
    number = request.args.get("n", "1").strip()
    if not (number.isascii() and number.isdigit() and 0 < int(number[:7]) <= 100_000 and len(number) <= 6):
        mistakes["n"] = Wrong("number_invalid", "Write a whole number from 1 to 100000.")
    if mistakes or amount is None:
        return None
    return simulation.one_invoice(terms, Money.of(amount, terms.currency), int(number))


def _told(outlook: simulation.Outlook, speech: Voice) -> dict[str, Any]:
    rewards = []
    for reward in outlook.rewards:
        who = "The referrer" if reward.beneficiary == "referrer" else "The new client"
        what = f"a free {reward.service}"
        if reward.service is None:
            what = f"{speech.money(reward.amount)} {' or '.join(reward.choices)}"
        why = ""
        if reward.milestone is not None:
            why = f", extra for {reward.milestone} referrals"
        elif reward.tier is not None:
            why = f", by the tier from {reward.tier} on"
        rewards.append(f"{who} gets {what}{why}.")
    return {
        "subtotal": speech.money(outlook.subtotal),
        "discount": speech.money(outlook.discount) if outlook.discount else None,
        "no_discount": _NO_DISCOUNT.get(outlook.no_discount or "", ""),
        "paid": speech.money(outlook.subtotal - outlook.discount),
        "rewards": rewards,
        "no_reward": _NO_REWARD.get(outlook.no_reward or "", "The terms promise none for this."),
    }


def _replay(state: State, org: str, terms: Terms) -> simulation.Replay:
    """The newest referrals, with the sums that the host's invoices have now."""
    found = simulation.past(state.session().connection(), org)
    pairs: list[tuple[simulation.Past, Money | None]] = []
    for one in found:
        record = state.host.find_invoice(org, one.invoice_id)
        invoice = None if record is None else state.host.invoice(record)
        pairs.append((one, None if invoice is None else invoice.subtotal))
    return simulation.replay(terms, pairs)
