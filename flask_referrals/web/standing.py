"""How things stand for a client: what its page and the JSON API say alike (G2, T6, K5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..adapters.state import State
from ..domain.terms import Terms
from ..host import Client
from ..money import Money
from ..services import codes, portal, preferences
from ..words import date_text, money_text, referee_text, referrer_text
from ..words_news import news_text
from .sharing import Share, portal_link, share_of

_UNDONE = ("reversed", "cancelled")
_OVER = ("expired", "rejected")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The head of a client's page. `terms` are those in force, None while the program is off.

    `active` is False once the code was switched off. `sharing` is None where there is nothing to share: then, or while
    the program is off.
    """

    head: portal.Header
    terms: Terms | None
    code: str | None
    active: bool
    sharing: Share | None
    org_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsLine:
    """A line of news in words; `new` if the client has not seen it."""

    id: int
    kind: str
    text: str
    at: datetime
    new: bool


def speech_of(state: State, client: Client) -> Speech:
    """How this client is spoken to."""
    return Speech(state, client.org, state.host.locale().replace("-", "_"))


def standing(state: State, client: Client, speech: Speech, *, entries: int = 0) -> Standing:
    """One statement with terms known; one look in a client's life makes its code besides, while the program is on."""
    connection = state.session().connection()
    head = portal.header(connection, client.org, client.id, entries=entries)
    version = state.programs.known(connection, client.org, head.enabled, head.revision).at(state.now())
    terms = version.terms if head.enabled and version is not None else None
    code, active = head.code, head.code_active
    if terms is not None and code is None:
        made = state.run(lambda unit: codes.current_code(unit, client.org, client.id), actor="client", commit=True)
        code, active = made.text, made.active
    name = state.host.org_name(client.org)
    sharing = None
    if code and active and terms is not None:
        sharing = share_of(portal_link(client.org, code), terms, name, speech.locale)
    return Standing(head=head, terms=terms, code=code, active=active, sharing=sharing, org_name=name)


def deal(terms: Terms, speech: Speech) -> dict[str, str]:
    """What both sides get, in words."""
    they = referee_text(terms, speech.locale, whose="their")
    return {"they": they[0].upper() + they[1:], "you": referrer_text(terms, speech.locale)}


def promise(state: State, terms_id: int, speech: Speech) -> dict[str, str]:
    """The deal as it was promised to the referrals of that version (T6)."""
    terms = state.programs.version(state.session().connection(), terms_id).terms
    return {"you": referrer_text(terms, speech.locale), "they": referee_text(terms, speech.locale, whose="their")}


def is_undone(line: portal.ReferralLine) -> bool:
    """Whether the reward that is shown at this referral is not there any more."""
    return line.reward_state in _UNDONE or line.state in _OVER


def news(state: State, client: Client, speech: Speech) -> list[NewsLine]:
    """The latest news, newest first; two statements."""
    connection = state.session().connection()
    lines = portal.news(connection, client.org, client.id)
    seen = preferences.find(connection, client.org, client.id).seen_id
    return [
        NewsLine(
            id=line.id,
            kind=line.kind,
            text=news_text(
                line.kind,
                line.name,
                "" if line.amount is None else speech.money(line.amount),
                as_referrer=line.as_referrer,
                registered=line.invoice_id is None,
                data=line.data,
            ),
            at=line.at,
            new=line.id > seen,
        )
        for line in lines
    ]
