"""Cash on the client's portal: as what it wants its rewards, its account for payouts, and its payouts (R6, P1).

- `/cash`: GET shows all; POST `/cash/choice` with `kind`, `credit` or `cash`
- POST `/cash/link` makes the client's account, once; `/cash/go` leads to the gateway's page, by a link that is made
  anew each time; `/cash/back` is where that leads back to: it proves nothing, so the gateway is asked
- POST `/cash/unlink` lets go of the account; `/cash/account` leads to the client's own page with the gateway
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters import cashier
from ..adapters.state import State
from ..domain.terms import KINDS
from ..host import Client
from ..money import Money
from ..services import banks, cashbook, portal, settling
from ..services.ports import GatewayError
from ..services.unit import Unit
from ..words import date_text, money_text, payout_text
from .forms import ReferralsForm
from .pages import for_client, page
from .portal_forms import check_token, private

log = logging.getLogger("flask_referrals")
_TROUBLE = "The payment service does not answer at the moment. Nothing is lost: please try again in a few minutes."
_PAGE = 20


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


def _run(state: State, use_case: Any) -> Any:
    return state.run(use_case, actor="client", commit=True)


@for_client
def _choose(state: State, client: Client) -> Response:
    check_token()
    kind = request.form.get("kind", "")
    chosen = next((one for one in KINDS if one == kind), None)
    if chosen is None:
        return _page(state, client, error="Choose credit or cash.", status=422)
    _run(state, lambda unit: settling.choose(unit, client.org, client.id, chosen))
    return redirect(url_for("referrals.cash", done="chosen"), 303)


@for_client
def _link(state: State, client: Client) -> Response:
    """Make the client's account, by a key that makes one of any number of clicks; then show the way to its page."""
    check_token()
    if state.gateway is None or not state.gateway.onboards:
        return redirect(url_for("referrals.cash"), 303)

    def begin(unit: Unit) -> tuple[banks.Bank, str]:
        bank = banks.begin(unit, client.org, client.id)
        return bank, banks.key_of(unit, bank)

    bank, key = _run(state, begin)
    if bank.account_id is None:
        try:
            account_id = state.gateway.create_account(client, key)
        except GatewayError as error:
            log.warning("no account could be made for client %s of %s: %s", client.id, client.org, error)
            return _page(state, client, error=_told(error), status=503)
        _run(state, lambda unit: banks.opened(unit, bank, account_id))
    return redirect(url_for("referrals.cash", done="link"), 303)


def _told(error: GatewayError) -> str:
    """What the client reads; a refusal's own words where it has some, since they say what to change."""
    return _TROUBLE if getattr(error, "kind", "") != "other" or error.message == error.code else error.message


@for_client
def _go(state: State, client: Client) -> Response:
    bank = _bank(state, client)
    if bank is None or bank.account_id is None or state.gateway is None:
        return redirect(url_for("referrals.cash"), 303)
    back = url_for("referrals.cash_back", _external=True)
    again = url_for("referrals.cash_go", _external=True)
    try:
        return redirect(state.gateway.onboarding_url(client.org, bank.account_id, back=back, again=again), 303)
    except GatewayError as error:
        log.warning("no onboarding link for account %s: %s", bank.account_id, error)
        return _page(state, client, error=_told(error), status=503)


@for_client
def _back(state: State, client: Client) -> Response:
    bank = _bank(state, client)
    if bank is not None and bank.account_id is not None:
        try:
            cashier.observe(state, client.org, bank.account_id)
        except GatewayError as error:
            log.warning("account %s could not be asked for: %s", bank.account_id, error)
    return redirect(url_for("referrals.cash"), 303)


@for_client
def _unlink(state: State, client: Client) -> Response:
    check_token()
    _run(state, lambda unit: banks.unlink(unit, client.org, client.id))
    return redirect(url_for("referrals.cash", done="unlinked"), 303)


@for_client
def _account(state: State, client: Client) -> Response:
    bank = _bank(state, client)
    if bank is None or bank.account_id is None or state.gateway is None:
        return redirect(url_for("referrals.cash"), 303)
    try:
        found = state.gateway.dashboard_url(client.org, bank.account_id)
    except GatewayError as error:
        log.warning("no page of account %s: %s", bank.account_id, error)
        return _page(state, client, error=_told(error), status=503)
    return redirect(found or url_for("referrals.cash"), 303)


def _bank(state: State, client: Client) -> banks.Bank | None:
    found: banks.Bank | None = _run(state, partial(banks.find, org=client.org, client_id=client.id))
    return found


_STATES = {
    "new": ("Not finished", "Continue where you stopped: the payment service asks for your details on its own page."),
    "onboarding": ("Not finished", "Continue where you stopped: some details are still missing."),
    "ready": ("Ready", "Your cash rewards are sent to it by themselves."),
    "restricted": ("Needs you", "The payment service needs something more before it can take payouts."),
    "closed": ("Closed", "This account is closed. Link another one to get your payouts."),
}
_NEEDS = {
    "external_account": "your bank account",
    "individual": "details about you",
    "company": "details about your company",
    "business_profile": "what you do",
    "tos_acceptance": "your consent to the terms of the payment service",
    "identity": "details about you",
    "configuration": "your bank account",
    "defaults": "details about your account",
}


def _needs(needs: tuple[str, ...]) -> list[str]:
    """What is still missing, in plain words, each once."""
    words = (_NEEDS.get(one.partition(".")[0], one.replace("_", " ").replace(".", ": ")) for one in needs)
    return list(dict.fromkeys(words))


def _page(state: State, client: Client, *, error: str = "", status: int = 200) -> Response:
    connection = state.session().connection()
    locale = state.host.locale().replace("-", "_")
    zone = state.host.timezone(client.org)

    def money(amount: Money) -> str:
        return money_text(amount, locale)

    bank = _bank(state, client)
    connection = state.session().connection()
    program = state.programs.get(connection, client.org)
    version = program.at(state.now()) if program.enabled else None
    waiting = [one for one in portal.rewards(connection, client.org, client.id) if one.state == "pending"]
    may_choose = any(len(one.choices) > 1 or (one.choices == ("cash",)) for one in waiting)
    kinds = () if version is None else version.terms.kinds
    chosen = settling.chosen(connection, client.org, client.id)
    lines = cashbook.of_client(connection, client.org, client.id, newest=_PAGE)
    owed = cashbook.debts(connection, client.org, client.id)
    response = page(
        "referrals/portal_cash.html",
        title="Cash",
        form=ReferralsForm(),
        org_name=state.host.org_name(client.org),
        offered=state.gateway is not None,
        onboards=state.gateway is not None and state.gateway.onboards,
        bank=bank,
        bank_words=None if bank is None else _STATES[bank.state],
        needs=[] if bank is None or bank.state == "ready" else _needs(bank.needs),
        choice=len(kinds) > 1 or may_choose,
        kind=chosen or (kinds[0] if kinds else "credit"),
        waiting=[
            {"amount": money(one.amount), "why": _WAITS.get(one.waits_for or "", "")}
            for one in waiting
            if one.kind == "cash"
        ],
        payouts=[
            {
                "amount": money(one.amount),
                "words": payout_text(one.state, one.reason),
                "day": date_text(one.sent_at or one.made_at, zone, locale),
                "at": (one.sent_at or one.made_at).isoformat(),
                "badge": _BADGES.get(one.state, "pending"),
                "back": money(one.back) if one.back and one.state != "reversed" else None,
            }
            for one in lines
        ],
        owed=[money(one.open) for one in owed],
        error=error,
        done=request.args.get("done", ""),
        status=status,
    )
    return private(response)


_WAITS = {
    "bank_account": "waits for your account",
    "min_payout": "goes out with the next payout that is large enough",
    "approval": "waits to be approved",
    "hold": "is held for some days, in case its payment is undone",
    "limit": "waits for its turn, since a limit is reached",
}
_BADGES = {"sent": "qualified", "paid": "issued", "failed": "rejected", "reversed": "rejected", "owed": "rejected"}
