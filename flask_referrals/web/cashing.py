"""What a client sees of cash, and how it links its account: for its page and the JSON API (R6, P1)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import url_for

from ..adapters.state import State
from ..host import Client
from ..money import Money
from ..services import banks, cashbook, portal, settling
from ..services.ports import GatewayError
from ..services.unit import Unit

log = logging.getLogger("flask_referrals")
_TROUBLE = "The payment service does not answer at the moment. Nothing is lost: please try again in a few minutes."
#: So many of the newest payouts are shown.
PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A cash reward that is not given yet: what it waits for, and that in words."""

    amount: Money
    waits_for: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cash:
    """What a client sees of cash. `offered` says that there is a gateway, `onboards` that it links an account there.

    `words` are how the account stands, in a word and in a sentence; `needs` what it lacks. `choice` says that there is
    anything to choose, `kind` as what the client gets its rewards now.
    """

    offered: bool
    onboards: bool
    bank: banks.Bank | None
    words: tuple[str, str] | None
    needs: list[str]
    choice: bool
    kind: str
    waiting: list[Waiting]
    payouts: list[cashbook.PayoutLine]
    owed: list[Money]


class TroubleError(Exception):
    """The gateway did not do as asked; the text is for the client."""


def run(state: State, use_case: Any) -> Any:
    """Do a use case as the client, in a transaction of our own."""
    return state.run(use_case, actor="client", commit=True)


def look(state: State, client: Client) -> Cash:
    """All of it."""
    bank = find_bank(state, client)
    connection = state.session().connection()
    program = state.programs.get(connection, client.org)
    version = program.at(state.now()) if program.enabled else None
    waiting = [one for one in portal.rewards(connection, client.org, client.id) if one.state == "pending"]
    may_choose = any(len(one.choices) > 1 or (one.choices == ("cash",)) for one in waiting)
    kinds = () if version is None else version.terms.kinds
    chosen = settling.chosen(connection, client.org, client.id)
    return Cash(
        offered=state.gateway is not None,
        onboards=state.gateway is not None and state.gateway.onboards,
        bank=bank,
        words=None if bank is None else _STATES[bank.state],
        needs=[] if bank is None or bank.state == "ready" else _needs(bank.needs),
        choice=len(kinds) > 1 or may_choose,
        kind=chosen or (kinds[0] if kinds else "credit"),
        waiting=[
            Waiting(amount=one.amount, waits_for=one.waits_for or "", why=_WAITS.get(one.waits_for or "", ""))
            for one in waiting
            if one.kind == "cash"
        ],
        payouts=cashbook.of_client(connection, client.org, client.id, newest=PAGE),
        owed=[one.open for one in cashbook.debts(connection, client.org, client.id)],
    )


def find_bank(state: State, client: Client) -> banks.Bank | None:
    """The account that the client has linked, or began to."""
    found: banks.Bank | None = run(state, partial(banks.find, org=client.org, client_id=client.id))
    return found


def open_account(state: State, client: Client) -> str | None:
    """The client's account, made now if need be, by a key that makes one of any number of clicks; its id.

    None where clients link none. TroubleError where the gateway makes none.
    """
    if state.gateway is None or not state.gateway.onboards:
        return None

    def begin(unit: Unit) -> tuple[banks.Bank, str]:
        bank = banks.begin(unit, client.org, client.id)
        return bank, banks.key_of(unit, bank)

    bank, key = run(state, begin)
    if bank.account_id is not None:
        return str(bank.account_id)
    try:
        account_id = state.gateway.create_account(client, key)
    except GatewayError as error:
        log.warning("no account could be made for client %s of %s: %s", client.id, client.org, error)
        raise TroubleError(_told(error)) from error
    run(state, lambda unit: banks.opened(unit, bank, account_id))
    return account_id


def onboarding_url(state: State, client: Client, account_id: str, then: str | None = None) -> str:
    """The gateway's page for this account, for once; from there it goes back by our own page, and on to `then`.

    TroubleError where there is none.
    """
    assert state.gateway is not None
    back = url_for("referrals.cash_back", _external=True, then=then)
    again = url_for("referrals.cash_go", _external=True, then=then)
    try:
        return state.gateway.onboarding_url(client.org, account_id, back=back, again=again)
    except GatewayError as error:
        log.warning("no onboarding link for account %s: %s", account_id, error)
        raise TroubleError(_told(error)) from error


def dashboard_url(state: State, client: Client, account_id: str) -> str | None:
    """The client's own page with the gateway; None where it has none. TroubleError where it cannot be told."""
    assert state.gateway is not None
    try:
        return state.gateway.dashboard_url(client.org, account_id)
    except GatewayError as error:
        log.warning("no page of account %s: %s", account_id, error)
        raise TroubleError(_told(error)) from error


def own_path(text: str | None) -> str | None:
    """The text, if it is a path of this site; None for anything that may lead to another one."""
    if not text or text[0] != "/" or text[1:2] in ("/", "\\") or not text.isprintable():
        return None
    return text


def _told(error: GatewayError) -> str:
    """What the client reads; a refusal's own words where it has some, since they say what to change."""
    return _TROUBLE if getattr(error, "kind", "") != "other" or error.message == error.code else error.message


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
_WAITS = {
    "bank_account": "waits for your account",
    "min_payout": "goes out with the next payout that is large enough",
    "approval": "waits to be approved",
    "hold": "is held for some days, in case its payment is undone",
    "limit": "waits for its turn, since a limit is reached",
}


def _needs(needs: tuple[str, ...]) -> list[str]:
    """What is still missing, in plain words, each once."""
    words = (_NEEDS.get(one.partition(".")[0], one.replace("_", " ").replace(".", ": ")) for one in needs)
    return list(dict.fromkeys(words))
