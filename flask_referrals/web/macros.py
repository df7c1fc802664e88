"""What templates of the host's may use: the macros of `referrals/_macros.html`, and the global `referrals`.

`{% from "referrals/_macros.html" import link, link_card, news_link, invitation_badge, code_field, client_chain %}`
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask, g, has_request_context, request
from sqlalchemy import Connection

from ..adapters import links
from ..adapters.addresses import address
from ..adapters.state import State, get_state
from ..adapters.templates import get_templates
from ..domain.codes import spoken
from ..domain.contact import short_name
from ..domain.terms import Point, Terms
from ..host import Client
from ..services import portal
from ..words import invitation_text, referrer_text
from . import fields
from .admin_macros import ClientChain, chain_of
from .pages import locale_of
from .sharing import Share, portal_link, share_of

log = logging.getLogger("flask_referrals")
_KEPT = "_referrals_invitation"


@dataclass(frozen=True, slots=True)
class Invitation:
    """By whom the visitor was recommended: first name and initial (G2), the code, and the promise in words."""

    name: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class LinkCard:
    """What a small card about a client's own link shows; `share` is None until there is a code to share."""

    url: str
    code: str | None
    text: str
    share: Share | None


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """What a plain field for a code shows; `told` is the code that the person was told about already."""

    value: str
    error: str | None
    reason: str | None
    told: str
    told_name: str


def invitation() -> Invitation | None:
    """The invitation that this request carries, by a valid link cookie or by the `ref` of its address, if there is one.

    Never an error of ours: a registration page must open.
    """
    if not has_request_context():
        return None
    if _KEPT not in g:
        state = get_state()
        try:
            found = _invitation(state)
        except Exception:
            if state.settings.strict:
                raise
            log.exception("an invitation could not be shown; the page goes on without it")
            found = None
        setattr(g, _KEPT, found)
    kept: Invitation | None = g.get(_KEPT)
    return kept


def _invitation(state: State) -> Invitation | None:
    org = state.host.current_org()
    value = request.cookies.get(state.settings.link_cookie)
    followed = links.read(state.app, value, org, now=state.now(), life=state.settings.link_life)
    ways: list[tuple[str, Point]] = []
    if followed is not None:
        ways.append((followed.code, "link"))
    if request.args.get(fields.PREFILL):
        ways.append((request.args[fields.PREFILL], "registration"))
    for text, point in ways:
        found = fields.look_at(state, org, text, point)
        if found is None or found.reason is not None or found.code is None or found.version is None:
            continue
        record = state.host.find_client(org, found.code.client_id)
        if record is not None:
            name = short_name(state.host.client(record).name)
            words = invitation_text(name, found.version.terms, locale_of(state))
            return Invitation(name=name, code=found.code.text, text=words)
    return None


def code_entry(value: str | None, field: str, point: Point, org: str | None) -> CodeEntry:
    """What the field shows: what was typed, and why it is refused; on a form not yet sent, the code that is known.

    That is the address's, or the link's that the visitor followed; staff's own cookies are never looked at (§3.9).
    """
    name = fields.told_name(field)
    if has_request_context() and field in request.form:
        typed = fields.read_code(field=field, point=point, org=org)
        text, told = typed.text or "", request.form.get(name, "")
        return CodeEntry(text, typed.error, typed.reason, text if typed.error or text == told else "", name)
    if value is None and has_request_context():
        value = fields.given_code()
        invited = None if value or get_state().host.is_staff() else invitation()
        value = value if invited is None else invited.code
    return CodeEntry(value or "", None, None, "", name)


def link(client: Any) -> str | None:
    """The client's link, as an absolute address; `client` is the host's record or a Client.

    None while there is nothing to share: it makes no code, the portal page does, on its first visit.
    """
    if client is None:
        return None
    value, terms, code = _standing(get_state(), client)
    return None if terms is None or code is None else portal_link(value.org, code)


def link_card(client: Any) -> LinkCard | None:
    """What a card about this client's link shows; `client` is the host's record or a Client. None while there is no
    program. Makes no code: the portal page does, on its first visit."""
    if client is None:
        return None
    state = get_state()
    value, terms, code = _standing(state, client)
    if terms is None:
        return None
    locale = locale_of(state, value)
    share = share_of(portal_link(value.org, code), terms, state.host.org_name(value.org), locale) if code else None
    return LinkCard(
        address("referrals.portal", client=value), code and spoken(code), referrer_text(terms, locale), share
    )


def unread(client: Any) -> int:
    """How much news this client has not seen; `client` is the host's record or a Client."""
    state = get_state()
    value = _value(state, client)
    with _reading(state) as connection:
        return portal.unread(connection, value.org, value.id)


def value_of(client: Any) -> Client:
    """The client as a value; `client` is the host's record or a Client."""
    return _value(get_state(), client)


def client_chain(client_id: str, org: str | None = None) -> ClientChain:
    """A client's part in the program."""
    with _reading(get_state()):
        return chain_of(client_id, org)


def _value(state: State, client: Any) -> Client:
    return client if isinstance(client, Client) else state.host.client(client)


def _standing(state: State, client: Any) -> tuple[Client, Terms | None, str | None]:
    """The client, the terms in force while the program is on, and its code if that can be used."""
    value = _value(state, client)
    with _reading(state) as connection:
        head = portal.header(connection, value.org, value.id)
        version = state.programs.known(connection, value.org, head.enabled, head.revision).at(state.now())
    terms = version.terms if head.enabled and version is not None else None
    return value, terms, head.code if head.code_active else None


@contextmanager
def _reading(state: State) -> Iterator[Connection]:
    """The connection, in a savepoint, since a failed statement would spoil the host's transaction."""
    connection = state.session().connection()
    with connection.begin_nested():
        yield connection


class Tools:
    """The template global `referrals`; macros are imported without a context, so that it is no context variable."""

    invitation = staticmethod(invitation)
    code_entry = staticmethod(code_entry)
    link = staticmethod(link)
    link_card = staticmethod(link_card)
    unread = staticmethod(unread)
    value_of = staticmethod(value_of)
    client_chain = staticmethod(client_chain)
    code_link = staticmethod(portal_link)
    is_page = staticmethod(has_request_context)


def register(app: Flask) -> None:
    """Make `referrals` known to our templates, and to the host's unless it means something else by that name."""
    get_templates(app).tools["referrals"] = Tools()
