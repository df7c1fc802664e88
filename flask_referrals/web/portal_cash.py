"""Cash on the client's portal: as what it wants its rewards, its account for payouts, and its payouts (R6, P1).

- `/cash`: GET shows all; POST `/cash/choice` with `kind`, `credit` or `cash`
- POST `/cash/link` makes the client's account, once; `/cash/go` leads to the gateway's page, by a link that is made
  anew each time; `/cash/back` is where that leads back to: it proves nothing, so the gateway is asked. Both go on to
  `then`, a path of this site, for a front end of the host's own
- POST `/cash/unlink` lets go of the account; `/cash/account` leads to the client's own page with the gateway
"""

from __future__ import annotations

import logging

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters import cashier
from ..adapters.state import State
from ..domain.terms import KINDS
from ..host import Client
from ..services import banks, settling
from ..services.ports import GatewayError
from ..words import payout_text
from . import cashing
from .cashing import TroubleError, find_bank, own_path, run
from .forms import ReferralsForm, check_token
from .pages import for_client, page
from .portal_forms import private
from .standing import speech_of

log = logging.getLogger("flask_referrals")


def add_to(blueprint: Blueprint) -> None:
    """Add the addresses to the client's blueprint."""
    blueprint.add_url_rule("/cash", "cash", _cash)
    blueprint.add_url_rule("/cash/choice", "cash_choice", _choose, methods=["POST"])
    blueprint.add_url_rule("/cash/link", "cash_link", _link, methods=["POST"])
    blueprint.add_url_rule("/cash/go", "cash_go", _go)
    blueprint.add_url_rule("/cash/back", "cash_back", _back)
    blueprint.add_url_rule("/cash/unlink", "cash_unlink", _unlink, methods=["POST"])
    blueprint.add_url_rule("/cash/account", "cash_account", _account)


@for_client
def _cash(state: State, client: Client) -> Response:
    return _page(state, client)


@for_client
def _choose(state: State, client: Client) -> Response:
    check_token()
    kind = request.form.get("kind", "")
    chosen = next((one for one in KINDS if one == kind), None)
    if chosen is None:
        return _page(state, client, error="Choose credit or cash.", status=422)
    run(state, lambda unit: settling.choose(unit, client.org, client.id, chosen))
    return redirect(url_for("referrals.cash", done="chosen"), 303)


@for_client
def _link(state: State, client: Client) -> Response:
    """Make the client's account; then show the way to its page."""
    check_token()
    try:
        account_id = cashing.open_account(state, client)
    except TroubleError as trouble:
        return _page(state, client, error=str(trouble), status=503)
    return redirect(url_for("referrals.cash", done=None if account_id is None else "link"), 303)


@for_client
def _go(state: State, client: Client) -> Response:
    bank = find_bank(state, client)
    if bank is None or bank.account_id is None or state.gateway is None:
        return redirect(url_for("referrals.cash"), 303)
    then = own_path(request.args.get("then"))
    try:
        return redirect(cashing.onboarding_url(state, client, bank.account_id, then), 303)
    except TroubleError as trouble:
        return _page(state, client, error=str(trouble), status=503)


@for_client
def _back(state: State, client: Client) -> Response:
    bank = find_bank(state, client)
    if bank is not None and bank.account_id is not None:
        try:
            cashier.observe(state, client.org, bank.account_id)
        except GatewayError as error:
            log.warning("account %s could not be asked for: %s", bank.account_id, error)
    return redirect(own_path(request.args.get("then")) or url_for("referrals.cash"), 303)


@for_client
def _unlink(state: State, client: Client) -> Response:
    check_token()
    run(state, lambda unit: banks.unlink(unit, client.org, client.id))
    return redirect(url_for("referrals.cash", done="unlinked"), 303)


@for_client
def _account(state: State, client: Client) -> Response:
    bank = find_bank(state, client)
    if bank is None or bank.account_id is None or state.gateway is None:
        return redirect(url_for("referrals.cash"), 303)
    try:
        found = cashing.dashboard_url(state, client, bank.account_id)
    except TroubleError as trouble:
        return _page(state, client, error=str(trouble), status=503)
    return redirect(found or url_for("referrals.cash"), 303)


def _page(state: State, client: Client, *, error: str = "", status: int = 200) -> Response:
    speech = speech_of(state, client)
    cash = cashing.look(state, client)
    response = page(
        "referrals/portal_cash.html",
        title="Cash",
        form=ReferralsForm(),
        org_name=state.host.org_name(client.org),
        offered=cash.offered,
        onboards=cash.onboards,
        bank=cash.bank,
        bank_words=cash.words,
        needs=cash.needs,
        choice=cash.choice,
        kind=cash.kind,
        waiting=[{"amount": speech.money(one.amount), "why": one.why} for one in cash.waiting],
        payouts=[
            {
                "amount": speech.money(one.amount),
                "words": payout_text(one.state, one.reason),
                "day": speech.day(one.sent_at or one.made_at),
                "at": (one.sent_at or one.made_at).isoformat(),
                "badge": _BADGES.get(one.state, "pending"),
                "back": speech.money(one.back) if one.back and one.state != "reversed" else None,
            }
            for one in cash.payouts
        ],
        owed=[speech.money(one) for one in cash.owed],
        error=error,
        done=request.args.get("done", ""),
        status=status,
    )
    return private(response)


_BADGES = {"sent": "qualified", "paid": "issued", "failed": "rejected", "reversed": "rejected", "owed": "rejected"}
