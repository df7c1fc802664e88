"""Why a referral and each of its rewards stand as they do, for staff, and what to do next (R9).

`/why/<referral id>`: the endpoint `why` of the blueprint `referrals_admin`.
"""

from __future__ import annotations

from flask import Blueprint, abort
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..errors import NotFoundError
from ..services.why import why
from ..words_why import referral_told, reward_told, reward_what
from .admin_words import voice
from .pages import for_staff, page


def add_to(blueprint: Blueprint) -> None:
    """Add the address to the staff's blueprint."""
    blueprint.add_url_rule("/why/<int:referral_id>", "why", view)


@for_staff
def view(state: State, org: str, referral_id: int) -> Response:
    """One referral of the org, with the terms as promised that day; another org's is not there."""
    speech = voice(state, org)
    now = state.now().astimezone(speech.zone)
    try:
        found = why(state.session().connection(), state.programs, org, referral_id, now=now)
    except NotFoundError:
        abort(404)
    rewards = [
        (one, reward_what(one, speech.locale), reward_told(one, found, speech.zone, speech.locale))
        for one in reversed(found.rewards)
    ]
    return page(
        "referrals/admin/why.html",
        title=f"Why: {found.referrer_name} → {found.referee_name}",
        admin=True,
        found=found,
        told=referral_told(found, speech.zone, speech.locale),
        rewards=rewards,
        voice=speech,
    )
