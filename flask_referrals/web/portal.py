"""The client's pages: what to share and what it brings, the people who came, the credit (G2, K5)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..config import TOKEN_PART, Settings
from ..domain.codes import spoken
from ..host import Client
from ..money import Money
from ..services import portal, preferences
from ..words import entry_text, referral_text
from . import api, portal_cash, portal_forms, portal_settings, portal_why
from .pages import for_client, page
from .portal_forms import private
from .sharing import qr_code
from .standing import Speech, deal, is_undone, news, promise, speech_of, standing

_LARGEST_ID = 2**62


def make_blueprint(settings: Settings) -> Blueprint:
    """The blueprint `referrals` of one app; the package's static files come with it."""
    blueprint = Blueprint(
        "referrals",
        "flask_referrals",
        url_prefix=settings.portal_prefix,
        static_folder=None if TOKEN_PART in settings.portal_prefix else "static/referrals",
        static_url_path="/static",
    )
    blueprint.add_url_rule("/", "portal", _portal, strict_slashes=False)
    blueprint.add_url_rule("/news", "news", _news, strict_slashes=False)
    portal_forms.add_to(blueprint)
    portal_settings.add_to(blueprint)
    portal_cash.add_to(blueprint)
    portal_why.add_to(blueprint)
    if settings.api:
        api.add_to(blueprint)
    return blueprint


@for_client
def _portal(state: State, client: Client) -> Response:
    """Two statements, however many referrals there are; one visit in a client's life makes its code besides."""
    speech = speech_of(state, client)
    stands = standing(state, client, speech, entries=portal.PAGE)
    head, terms = stands.head, stands.terms
    before = _before()
    lines = portal.referrals(state.session().connection(), client.org, client.id, before=before)
    promises = {terms_id: promise(state, terms_id, speech) for terms_id in {line.terms_id for line in lines}}
    response = page(
        "referrals/portal.html",
        title=f"Recommend {stands.org_name}" if terms is not None else "Your referrals",
        org_name=stands.org_name,
        cash=state.gateway is not None,
        deal=None if terms is None else deal(terms, speech),
        code=None if stands.code is None else spoken(stands.code),
        sharing=stands.sharing,
        qr_code=qr_code,
        head=head,
        people=[_referral(line, speech) | promises[line.terms_id] for line in lines[: portal.PAGE]],
        older=lines[portal.PAGE - 1].id if len(lines) > portal.PAGE else None,
        newest=before is not None,
        balances=[_balance(balance, speech) for balance in head.balances],
        history=[_entry(line, speech) for line in head.history],
        history_full=len(head.history) == portal.PAGE,
    )
    return private(response)


@for_client
def _news(state: State, client: Client) -> Response:
    speech = speech_of(state, client)
    found = news(state, client, speech)
    if found and found[0].new and request.method == "GET":
        state.run(lambda unit: preferences.seen(unit, client, found[0].id), actor="client", commit=True)
    lines = [
        {"text": line.text, "day": speech.day(line.at), "at": line.at.isoformat(), "new": line.new} for line in found
    ]
    return private(page("referrals/portal_news.html", title="News of your referrals", lines=lines))


def _before() -> int | None:
    """The id below which the list begins; None for the first page, also where the address says nonsense."""
    before = request.args.get("before", type=int)
    return before if before is not None and 0 < before < _LARGEST_ID else None


def _referral(line: portal.ReferralLine, speech: Speech) -> dict[str, Any]:
    state, why = referral_text(line.state, line.reward_state)
    mark = line.state if line.state in ("expired", "rejected") else (line.reward_state or line.state)
    amount = None if line.reward is None else speech.money(line.reward)
    return {
        "id": line.id,
        "name": line.name,
        "state": state,
        "why": why,
        "badge": {"cancelled": "pending", "pending": "pending" if line.state == "pending" else "qualified"}.get(
            mark, mark
        ),
        "amount": amount if line.service is None else f"Free: {line.service}",
        "undone": is_undone(line),
        "day": speech.day(line.attributed_at),
        "at": line.attributed_at.isoformat(),
    }


def _balance(balance: portal.Balance, speech: Speech) -> dict[str, Any]:
    return {
        "currency": balance.available.currency,
        "available": speech.money(balance.available),
        "negative": balance.available.minor < 0,
        "held": speech.money(balance.held) if balance.held.minor else None,
    }


def _entry(line: portal.LedgerLine, speech: Speech) -> dict[str, Any]:
    sign = "+" if line.amount.minor > 0 else "−"
    return {
        "text": entry_text(line.reason, line.name),
        "amount": sign + speech.money(Money(abs(line.amount.minor), line.amount.currency)),
        "gain": line.amount.minor > 0,
        "balance": speech.money(line.balance),
        "day": speech.day(line.at),
        "at": line.at.isoformat(),
    }
