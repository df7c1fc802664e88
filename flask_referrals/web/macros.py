"""What templates of the host's may use.

`{% from "referrals/_macros.html" import invitation_badge, link_card, news_link %}`
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from flask import Flask, g, has_request_context, request, url_for

from ..adapters import links
from ..adapters.state import State, get_state
from ..domain.codes import spoken
from ..domain.contact import short_name
from ..domain.terms import Point
from ..host import Client
from ..services import portal
from ..words import invitation_text, referrer_text
from .fields import PREFILL, look_at
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
    followed = links.read(state.app, value, now=state.now(), life=state.settings.link_life) if value else None
    ways: list[tuple[str, Point]] = []
    if followed is not None and followed.org == org:
        ways.append((followed.code, "link"))
    if request.args.get(PREFILL):
        ways.append((request.args[PREFILL], "registration"))
    for text, point in ways:
        found = look_at(state, org, text, point)
        if found is None or found.reason is not None or found.code is None or found.version is None:
            continue
        record = state.host.find_client(org, found.code.client_id)
        if record is not None:
            name = short_name(state.host.client(record).name)
            words = invitation_text(name, found.version.terms, _locale(state))
            return Invitation(name=name, code=found.code.text, text=words)
    return None


def link_card(client: Any) -> LinkCard | None:
    """What a card about this client's link shows; `client` is the host's record or a Client. None while there is no
    program. Makes no code: the portal page does, on its first visit."""
    state = get_state()
    value = client if isinstance(client, Client) else state.host.client(client)
    connection = state.session().connection()
    head = portal.header(connection, value.org, value.id)
    version = state.programs.known(connection, value.org, head.enabled, head.revision).at(state.now())
    if not head.enabled or version is None:
        return None
    usable = head.code if head.code_active else None
    name = state.host.org_name(value.org)
    locale = _locale(state)
    share = share_of(portal_link(value.org, usable), version.terms, name, locale) if usable else None
    text = referrer_text(version.terms, locale)
    return LinkCard(url_for("referrals.portal"), usable and spoken(usable), text, share)


def unread(client: Any) -> int:
    """How much news this client has not seen; `client` is the host's record or a Client."""
    state = get_state()
    value = client if isinstance(client, Client) else state.host.client(client)
    return portal.unread(state.session().connection(), value.org, value.id)


def _locale(state: State) -> str:
    return state.host.locale().replace("-", "_")


class Tools:
    """The template global `referrals`; macros are imported without a context, so that it is no context variable."""

    invitation = staticmethod(invitation)
    link_card = staticmethod(link_card)
    unread = staticmethod(unread)


def register(app: Flask) -> None:
    """Make `referrals` known to the app's templates."""
    app.jinja_env.globals.setdefault("referrals", Tools())
