"""Why a referral and its rewards stand as they do, for the client whom they concern (R9)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..errors import NotFoundError
from ..host import Client
from ..services.why import Why, why
from ..words import conditions_text, referee_text, referrer_text
from ..words_why import referral_why, reward_what, reward_why
from .pages import for_client, page
from .portal_forms import private
from .standing import Speech, speech_of


def add_to(blueprint: Blueprint) -> None:
    """Add the address to the client's blueprint."""
    blueprint.add_url_rule("/why/<int:referral_id>", "why", _why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Why one referral stands as it does, in words; `mine` if this client recommended.

    `promised` is what a referrer was promised, in sentences, and empty for a referee; `they` is the referee's part.
    """

    found: Why
    mine: bool
    sentence: str
    promised: list[str]
    they: str


def told(state: State, client: Client, referral_id: int, speech: Speech) -> Told:
    """One referral of the client's own, with the terms as promised that day; NotFoundError for any other."""
    found = why(state.session().connection(), state.programs, client.org, referral_id, client.id)
    terms, mine = found.version.terms, found.referrer_id == client.id
    return Told(
        found=found,
        mine=mine,
        sentence=referral_why(found, state.host.timezone(client.org), speech.locale),
        promised=[referrer_text(terms, speech.locale), *conditions_text(terms, speech.locale)] if mine else [],
        they=referee_text(terms, speech.locale, whose="the"),
    )


@for_client
def _why(state: State, client: Client, referral_id: int) -> Response:
    speech = speech_of(state, client)
    try:
        one = told(state, client, referral_id, speech)
    except NotFoundError:
        abort(404)
    zone = state.host.timezone(client.org)
    response = page(
        "referrals/portal_why.html",
        title=f"{one.found.referee_name} came by you" if one.mine else f"{one.found.referrer_name} recommended you",
        sentence=one.sentence,
        rewards=[
            (reward_what(reward, speech.locale), reward_why(reward, zone, speech.locale), reward.code)
            for reward in one.found.rewards
        ],
        promised=one.promised,
        they=one.they,
        since=speech.day(one.found.version.effective_from),
        mine=one.mine,
    )
    return private(response)
