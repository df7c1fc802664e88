"""Why a referral and its rewards stand as they do, for the client whom they concern (R9)."""

from __future__ import annotations

from flask import Blueprint, abort
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..errors import NotFoundError
from ..host import Client
from ..services.why import why
from ..words import conditions_text, date_text, referee_text, referrer_text
from ..words_why import referral_why, reward_what, reward_why
from .pages import for_client, page


def add_to(blueprint: Blueprint) -> None:
    """Add the address to the client's blueprint."""
    blueprint.add_url_rule("/why/<int:referral_id>", "why", _why)


@for_client
def _why(state: State, client: Client, referral_id: int) -> Response:
    """One referral of the client's own, with the terms as promised that day."""
    connection = state.session().connection()
    try:
        found = why(connection, state.programs, client.org, referral_id, client.id)
    except NotFoundError:
        abort(404)
    locale = state.host.locale().replace("-", "_")
    zone = state.host.timezone(client.org)
    terms = found.version.terms
    mine = found.referrer_id == client.id
    response = page(
        "referrals/portal_why.html",
        title=f"{found.referee_name} came by you" if mine else f"{found.referrer_name} recommended you",
        sentence=referral_why(found, zone, locale),
        rewards=[(reward_what(one, locale), reward_why(one, zone, locale), one.code) for one in found.rewards],
        promised=[referrer_text(terms, locale), *conditions_text(terms, locale)] if mine else [],
        they=referee_text(terms, locale, whose="the"),
        since=date_text(found.version.effective_from, zone, locale),
        mine=mine,
    )
    response.headers["Cache-Control"] = "private, no-cache"
    return response
