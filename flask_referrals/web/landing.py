"""Where referral links land: remember the code, count the visit, go on to registration (C5)."""

from __future__ import annotations

import logging
import re
from urllib.parse import quote, urlsplit, urlunsplit

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ..adapters import links
from ..adapters.state import State, get_state
from ..config import Settings
from ..domain.codes import spoken
from ..domain.contact import short_name
from ..host import DEFAULT_ORG
from ..services import codes
from ..services.checks import Checked, check
from ..services.unit import Unit
from ..words import invitation_text, link_error_text
from . import stopping
from .fields import PREFILL
from .pages import locale_of, page

log = logging.getLogger("flask_referrals")
#: Programs that open a link to show a preview of it, or to index it: nobody has visited.
_ROBOTS = re.compile(
    r"(?<!cu)bot\b|crawler|spider|slurp|preview|prerender|facebookexternalhit|facebookcatalog|meta-external|whatsapp/|"
    r"embedly|quora link|vkshare|flipboardproxy|googleimageproxy|google-safety|ms-office|slack-imgproxy|iframely",
    re.IGNORECASE,
)
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


def link_values(org: str, code: str) -> dict[str, str]:
    """The values of a link's address: the org only where there is more than the default one."""
    return {"code": code} if org == DEFAULT_ORG else {"org": org, "code": code}


def make_blueprint(settings: Settings) -> Blueprint:
    """The blueprint `referrals_link` of one app."""
    blueprint = Blueprint("referrals_link", __name__, url_prefix=settings.link_prefix)
    blueprint.add_url_rule("/<code>", "landing", _landing, defaults={"org": DEFAULT_ORG}, strict_slashes=False)
    stopping.add_to(blueprint)
    blueprint.add_url_rule("/<path:org>/<code>", "landing", _landing, strict_slashes=False)
    return blueprint


def _landing(org: str, code: str) -> Response:
    state = get_state()
    found = _look(state, org, code)
    response = _unknown(state, org, found) if found is not None and found.code is None else _go_on(state, org, found)
    response.headers.update(_HEADERS)
    return response


def _look(state: State, org: str, text: str) -> Checked | None:
    """What the link says, its visit counted; None, and a log, where that fails: the visitor goes on all the same."""

    def look(unit: Unit) -> Checked:
        return check(unit.connection, unit.programs, org, text, "link", unit.now)

    def visit(unit: Unit) -> Checked:
        found = look(unit)
        if found.code is not None and not _is_closed(found):
            codes.count_visit(unit, found.code)
        return found

    try:
        return state.run(visit, actor="visitor", commit=True) if _is_visit() else state.read(look)
    except Exception:
        if state.settings.strict:
            raise
        log.exception("a referral link could not be looked up; its visitor goes on to the registration without it")
        return None


def _is_closed(found: Checked) -> bool:
    """Whether the code, or the whole program, is switched off: then the link is an ordinary one."""
    return found.reason in ("code_inactive", "program_off")


def _is_visit() -> bool:
    """Whether a person opens the link now, and not a program that shows a preview or loads ahead."""
    if request.method != "GET":
        return False
    purpose = f"{request.headers.get('Sec-Purpose', '')} {request.headers.get('Purpose', '')}".lower()
    if "prefetch" in purpose or "preview" in purpose or request.headers.get("X-Moz", "").lower() == "prefetch":
        return False
    return _ROBOTS.search(request.headers.get("User-Agent", "")) is None


def _go_on(state: State, org: str, found: Checked | None) -> Response:
    """To the address that the host names, whatever the request asks for: this is no open redirect."""
    url = _registration(state, org)
    if url is None:
        return _show(state, org, found)
    if found is None or found.code is None or _is_closed(found):
        return redirect(url, 303)
    if not (state.host.may_set_cookie() and state.app.secret_key):
        return redirect(_with_code(url, found.code.text), 303)
    response = redirect(url, 303)
    settings = state.settings
    response.set_cookie(
        settings.link_cookie,
        links.sign(state.app, links.Followed(org, found.code.text, state.now()), *_of_other_orgs(state, org)),
        max_age=settings.link_life,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


def _of_other_orgs(state: State, org: str) -> list[links.Followed]:
    """The links that the visitor has followed before to other orgs: each is one of a shop of its own (§3.15)."""
    value = request.cookies.get(state.settings.link_cookie)
    kept = links.read_all(state.app, value, now=state.now(), life=state.settings.link_life)
    return [one for one in kept if one.org != org]


def _with_code(url: str, code: str) -> str:
    parts = urlsplit(url)
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}{PREFILL}={quote(code)}"))


def _show(state: State, org: str, found: Checked | None) -> Response:
    """The invitation with its code, where nobody registers by himself: the business types it where it makes clients."""
    name = state.host.org_name(org)
    if found is None or found.code is None or found.version is None or _is_closed(found):
        return page("referrals/landing_invitation.html", title=name, org_name=name, text=None, code=None)
    record = state.host.find_client(org, found.code.client_id)
    by = "a client" if record is None else short_name(state.host.client(record).name)
    return page(
        "referrals/landing_invitation.html",
        title=name,
        org_name=name,
        text=invitation_text(by, found.version.terms, locale_of(state)),
        code=spoken(found.code.text),
    )


def _registration(state: State, org: str) -> str | None:
    """Where to register with this org; the host is not asked about one that it does not have."""
    return state.host.registration_url(org) if org in state.host.orgs() else f"{request.script_root}/"


def _unknown(state: State, org: str, found: Checked) -> Response:
    text = link_error_text(found.reason)
    url = _registration(state, org)
    return page("referrals/landing.html", title="This link doesn't work", status=404, text=text, url=url)
