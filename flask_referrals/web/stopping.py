"""The link at the foot of our emails that ends them: for an invited address, or for a client's own news.

- `/-/stop/<token>` below the setting `link_prefix`: GET asks, so that a program that follows links ends nothing; POST
  does it, also for a mail program's one click (RFC 8058), which carries no token of any form.
"""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ..adapters import links
from ..adapters.state import get_state
from ..services import preferences
from .forms import exempt
from .pages import page

_TEXTS = {
    "invitations": ("No more invitations", "this address gets no invitations by us any more"),
    "news": ("No more emails", "you get no emails about referrals any more; your portal goes on showing your news"),
}


def add_to(blueprint: Blueprint) -> None:
    """Add the address to the blueprint of the links."""
    blueprint.url_value_preprocessor(_no_form)
    blueprint.add_url_rule("/-/stop/<token>", "stop", _stop, methods=["GET", "POST"])


def _no_form(endpoint: str | None, values: object) -> None:
    """The host's CSRFProtect is told, before it looks, that this POST needs no form: the signed token is its right."""
    if endpoint == "referrals_link.stop":
        exempt(_stop)


def _stop(token: str) -> Response:
    state = get_state()
    found = links.read_stop(state.app, token)
    if found is None:
        text = "Perhaps a part of its address was lost on the way. Open it from the email again, or write to us."
        return _private(page("referrals/stop.html", title="This link doesn't work", text=text, ask=False, status=404))
    what, org, key = found
    title, outcome = _TEXTS[what]
    if request.method == "GET":
        field = state.host.csrf_field()
        text = f"With one click {outcome}."
        return _private(page("referrals/stop.html", title=title, text=text, ask=True, field=field))
    if what == "news":
        state.run(lambda unit: preferences.mute_all(unit, org, key), actor="client", commit=True)
    else:
        state.run(lambda unit: preferences.suppress(unit, org, key), actor="invitee", commit=True)
    return _private(page("referrals/stop.html", title="Done", text=f"{outcome[0].upper()}{outcome[1:]}.", ask=False))


def _private(response: Response) -> Response:
    response.headers.update(
        {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
    )
    return response
