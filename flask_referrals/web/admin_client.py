"""One client as staff see it: codes, credit, referrals, log; and what they do about these (C4, A3, K6, G1).

- `/clients/<id>`: the page; `before` is the id of the log to go on below
- `/adjust/<id>`: POST with `amount` (signed), `currency`, `note`, and `key`, which makes a double click book once
- `/block/<id>`: POST with `block` = `on` or `off`
- `/code-off/<id>`: POST with `code`, the number of the code that is switched off
- `/codes/<id>`: POST with `code`, the text that the client's code is to be
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..host import Client
from ..services import clients, decisions, moderation, portal, staff, vanity
from .admin_amounts import Mistake
from .admin_forms import LONGEST, Mistakes, Wrong, client_with_id, must_say, read_signed, refused, typed
from .admin_log import log_details, log_text
from .admin_words import voice
from .forms import ReferralsForm, check_token
from .pages import for_staff, page

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_NO_NOTE = "Write what it is for: the client's log keeps it."
_DONE = {
    "adjusted": "The credit was adjusted.",
    "blocked": "The client is blocked: its codes are refused from now on.",
    "unblocked": "The client is no longer blocked: its codes work again.",
    "switched-off": "The code is switched off. What it earned stays.",
    "chosen": "The code is the client's own now. The old one keeps working.",
}


def add_to(blueprint: Blueprint) -> None:
    """Add the addresses to the staff's blueprint."""
    blueprint.add_url_rule("/clients/<path:client_id>", "client", view)
    blueprint.add_url_rule("/adjust/<path:client_id>", "adjust", adjust, methods=["POST"])
    blueprint.add_url_rule("/block/<path:client_id>", "block", block, methods=["POST"])
    blueprint.add_url_rule("/codes/<path:client_id>", "codes", choose, methods=["POST"])
    blueprint.add_url_rule("/code-off/<path:client_id>", "code_off", code_off, methods=["POST"])


@for_staff
def view(state: State, org: str, client_id: str) -> Response:
    """The client's page; another org's client is not there."""
    return _page(state, _client(state, org, client_id))


@for_staff
def adjust(state: State, org: str, client_id: str) -> Response:
    """Book an amount on the client's credit by hand (K6); the same form sent twice books once."""
    check_token()
    client = _client(state, org, client_id)
    values = {name: typed(name) for name in ("amount", "currency", "note", "key")}
    if not _KEY.fullmatch(values["key"]):
        abort(400, "The form is incomplete. Load the page again.")
    note, mistakes = must_say("note", _NO_NOTE)
    amount = None
    if values["currency"] not in _currencies(state, client):
        mistakes["currency"] = Wrong("currency_mismatch", "Choose one of these currencies.")
    else:
        try:
            amount = read_signed(values["amount"], values["currency"])
        except Mistake as error:
            mistakes["amount"] = Wrong("amount_invalid", str(error))
    if mistakes or amount is None:
        return _page(state, client, values=values, mistakes=mistakes)
    outcome = state.run(
        lambda unit: decisions.adjust(unit, org, client.id, amount, note, values["key"]),
        actor=state.host.actor(),
        commit=True,
    )
    if not outcome.ok:
        return _page(state, client, values=values, mistakes={"amount": refused(outcome.reason)})
    return _done(client, "adjusted")


@for_staff
def block(state: State, org: str, client_id: str) -> Response:
    """Refuse the codes of this referrer, or accept them again (A3)."""
    check_token()
    client = _client(state, org, client_id)
    wanted = request.form.get("block")
    if wanted not in ("on", "off"):
        abort(400, "The field `block` is on or off.")
    act = moderation.block if wanted == "on" else moderation.unblock
    state.run(lambda unit: act(unit, org, client.id), actor=state.host.actor(), commit=True)
    return _done(client, "blocked" if wanted == "on" else "unblocked")


@for_staff
def choose(state: State, org: str, client_id: str) -> Response:
    """Give the client a code of its own choosing (C4)."""
    check_token()
    client = _client(state, org, client_id)
    values = {"code": typed("code")}
    outcome = state.run(lambda unit: vanity.choose(unit, client, values["code"]), actor=state.host.actor(), commit=True)
    if not outcome.ok:
        return _page(state, client, values=values, mistakes={"code": refused(outcome.reason)})
    return _done(client, "chosen")


@for_staff
def code_off(state: State, org: str, client_id: str) -> Response:
    """Switch one of the client's codes off (C4)."""
    check_token()
    client = _client(state, org, client_id)
    own = {str(code.id): code for code in clients.codes_of(state.session().connection(), org, client.id)}
    code = own.get(request.form.get("code", ""))
    if code is None:
        abort(404)
    state.run(
        lambda unit: moderation.disable_code(unit, org, client.id, code.id), actor=state.host.actor(), commit=True
    )
    return _done(client, "switched-off")


def _client(state: State, org: str, client_id: str) -> Client:
    """The client, also one that the host has deleted since but that we have on our books; 404 for any other."""
    found = client_with_id(state, org, client_id)
    if found is not None:
        return found
    if not clients.is_known(state.session().connection(), org, client_id):
        abort(404)
    return Client(id=client_id, name=f"Client {client_id}", org=org)


def _name(state: State, org: str, client_id: str) -> str:
    found = client_with_id(state, org, client_id)
    return client_id if found is None else found.name


def _done(client: Client, what: str) -> Response:
    return redirect(url_for("referrals_admin.client", client_id=client.id, done=what), 303)


def _currencies(state: State, client: Client) -> list[str]:
    """What an adjustment may be in: the terms' currency first, then those of the client's accounts."""
    connection = state.session().connection()
    version = state.programs.get(connection, client.org).at(state.now())
    head = portal.header(connection, client.org, client.id)
    own = [balance.available.currency for balance in head.balances]
    return list(dict.fromkeys(own if version is None else [version.terms.currency, *own]))


def _page(
    state: State, client: Client, *, values: dict[str, str] | None = None, mistakes: Mistakes | None = None
) -> Response:
    connection = state.session().connection()
    before = request.args.get("before", type=int)
    below = before if before is not None and 0 < before < staff.NO_BOUND else None
    lines = clients.log_of(connection, client.org, client.id, before=below)
    came = portal.referral_of(connection, client.org, client.id)
    found = staff.referrals(connection, client.org, staff.Wanted(referrer_id=client.id))
    context: dict[str, Any] = {
        "client": client,
        "codes": clients.codes_of(connection, client.org, client.id),
        "blocked": clients.block_of(connection, client.org, client.id),
        "balances": portal.header(connection, client.org, client.id).balances,
        "currencies": _currencies(state, client),
        "came": came,
        "referrer_name": "" if came is None else _name(state, client.org, came.referrer_id),
        "recommended": found[: staff.PAGE],
        "more": len(found) > staff.PAGE,
        "lines": lines[: clients.PAGE],
        "older": lines[clients.PAGE - 1].id if len(lines) > clients.PAGE else None,
        "newest": below is not None,
        "values": {"amount": "", "currency": "", "note": "", "code": "", "key": ""} | (values or {}),
        "key": (values or {}).get("key") or secrets.token_urlsafe(16),
        "mistakes": mistakes or {},
        "done": _DONE.get(request.args.get("done", "")),
        "longest": LONGEST,
        "form": ReferralsForm(),
        "voice": voice(state, client.org),
        "log_text": log_text,
        "log_details": log_details,
    }
    title = f"{client.name} in the referral program"
    return page("referrals/admin/client.html", title=title, admin=True, status=422 if mistakes else 200, **context)
