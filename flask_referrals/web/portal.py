"""The client's pages: what to share and what it brings, the people who came, the credit (G2, K5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..config import Settings
from ..domain.codes import spoken
from ..domain.terms import Terms
from ..host import Client
from ..money import Money
from ..services import codes, portal, preferences
from ..words import (
    date_text,
    entry_text,
    money_text,
    referee_text,
    referral_text,
    referrer_text,
)
from ..words_news import news_text
from . import portal_cash, portal_forms, portal_settings, portal_why
from .pages import for_client, page
from .portal_forms import private
from .sharing import Share, portal_link, qr_code, share_of

_LARGEST_ID = 2**62


def make_blueprint(settings: Settings) -> Blueprint:
    """The blueprint `referrals` of one app; the package's templates and static files come with it."""
    blueprint = Blueprint(
        "referrals",
        "flask_referrals",
        url_prefix=settings.portal_prefix,
        template_folder="templates",
        static_folder="static/referrals",
        static_url_path="/static",
    )
    blueprint.add_url_rule("/", "portal", _portal, strict_slashes=False)
    blueprint.add_url_rule("/news", "news", _news, strict_slashes=False)
    portal_forms.add_to(blueprint)
    portal_settings.add_to(blueprint)
    portal_cash.add_to(blueprint)
    portal_why.add_to(blueprint)
    return blueprint


@dataclass(frozen=True, slots=True)
class Speech:
    """How this client is spoken to: amounts and days in its language, days in the org's time zone."""

    state: State
    org: str
    locale: str

    def money(self, money: Money) -> str:
        """An amount."""
        return money_text(money, self.locale)

    def day(self, at: Any) -> str:
        """A day."""
        return date_text(at, self.state.host.timezone(self.org), self.locale)


def _speech(state: State, client: Client) -> Speech:
    return Speech(state, client.org, state.host.locale().replace("-", "_"))


@for_client
def _portal(state: State, client: Client) -> Response:
    """Two statements, however many referrals there are; one visit in a client's life makes its code besides."""
    connection = state.session().connection()
    head = portal.header(connection, client.org, client.id, entries=portal.PAGE)
    version = state.programs.known(connection, client.org, head.enabled, head.revision).at(state.now())
    terms = version.terms if head.enabled and version is not None else None
    code, usable = head.code, head.code_active
    if terms is not None and code is None:
        made = state.run(lambda unit: codes.current_code(unit, client.org, client.id), actor="client", commit=True)
        code, usable = made.text, made.active
        connection = state.session().connection()
    before = _before()
    lines = portal.referrals(connection, client.org, client.id, before=before)
    speech = _speech(state, client)
    promises = {terms_id: _promise(state, terms_id, speech) for terms_id in {line.terms_id for line in lines}}
    name = state.host.org_name(client.org)
    response = page(
        "referrals/portal.html",
        title=f"Recommend {name}" if terms is not None else "Your referrals",
        org_name=name,
        cash=state.gateway is not None,
        deal=None if terms is None else _deal(terms, speech),
        code=None if code is None else spoken(code),
        sharing=_sharing(client, code, terms, name, speech) if code and usable and terms is not None else None,
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
    speech = _speech(state, client)
    news = portal.news(state.session().connection(), client.org, client.id)
    seen = preferences.find(state.session().connection(), client.org, client.id).seen_id
    if news and news[0].id > seen and request.method == "GET":
        state.run(lambda unit: preferences.seen(unit, client, news[0].id), actor="client", commit=True)
    lines = [
        {
            "text": news_text(
                line.kind,
                line.name,
                "" if line.amount is None else speech.money(line.amount),
                as_referrer=line.as_referrer,
                registered=line.invoice_id is None,
                data=line.data,
            ),
            "day": speech.day(line.at),
            "at": line.at.isoformat(),
            "new": line.id > seen,
        }
        for line in news
    ]
    return private(page("referrals/portal_news.html", title="News of your referrals", lines=lines))


def _before() -> int | None:
    """The id below which the list begins; None for the first page, also where the address says nonsense."""
    before = request.args.get("before", type=int)
    return before if before is not None and 0 < before < _LARGEST_ID else None


def _deal(terms: Terms, speech: Speech) -> dict[str, str]:
    they = referee_text(terms, speech.locale, whose="their")
    return {"they": they[0].upper() + they[1:], "you": referrer_text(terms, speech.locale)}


def _sharing(client: Client, code: str, terms: Terms, name: str, speech: Speech) -> Share:
    return share_of(portal_link(client.org, code), terms, name, speech.locale)


def _referral(line: portal.ReferralLine, speech: Speech) -> dict[str, Any]:
    state, why = referral_text(line.state, line.reward_state)
    undone = line.reward_state in ("reversed", "cancelled") or line.state in ("expired", "rejected")
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
        "undone": undone,
        "day": speech.day(line.attributed_at),
        "at": line.attributed_at.isoformat(),
    }


def _promise(state: State, terms_id: int, speech: Speech) -> dict[str, str]:
    """The deal as it was promised to the referrals of that version (T6)."""
    terms = state.programs.version(state.session().connection(), terms_id).terms
    return {"you": referrer_text(terms, speech.locale), "they": referee_text(terms, speech.locale, whose="their")}


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
