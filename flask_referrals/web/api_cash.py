"""The JSON API, cash: as what the client wants its rewards, its account for payouts, its payouts (R6, P1)."""

from __future__ import annotations

from ..services import banks, settling
from . import api_values, cashing
from .api_call import Call
from .api_problem import Problem
from .api_values import Json
from .cashing import TroubleError


def look(call: Call) -> Json:
    """All that the client sees of cash."""
    return api_values.cash(cashing.look(call.state, call.client), call.speech)


def choose(call: Call) -> Json:
    """Credit or cash, for every reward that is not given yet (R6)."""
    kind, client = call.given["kind"], call.client
    cashing.run(call.state, lambda unit: settling.choose(unit, client.org, client.id, kind))
    return look(call)


def link(call: Call) -> Json:
    """Make the client's account, once, and say where to go to fill it in; the address is good for once."""
    try:
        account_id = cashing.open_account(call.state, call.client)
        if account_id is None:
            raise Problem(409, "no_accounts", "There is no account to link here.")
        return {"url": cashing.onboarding_url(call.state, call.client, account_id, call.given.get("back"))}
    except TroubleError as trouble:
        raise Problem(503, "gateway", str(trouble)) from trouble


def unlink(call: Call) -> Json:
    """Let go of the account; what is not sent yet waits for another one."""
    client = call.client
    cashing.run(call.state, lambda unit: banks.unlink(unit, client.org, client.id))
    return look(call)


def account(call: Call) -> Json:
    """Where the client's own page with the payment service is."""
    bank = cashing.find_bank(call.state, call.client)
    url = None
    if bank is not None and bank.account_id is not None and call.state.gateway is not None:
        try:
            url = cashing.dashboard_url(call.state, call.client, bank.account_id)
        except TroubleError as trouble:
            raise Problem(503, "gateway", str(trouble)) from trouble
    if url is None:
        raise Problem(409, "no_accounts", "There is no account to look at.")
    return {"url": url}
