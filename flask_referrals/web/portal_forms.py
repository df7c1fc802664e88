"""What a client does on its portal: inviting people by email, and choosing a code of its own (A1, C4).

- `/invite`: GET shows the form and who was invited; POST with `emails`, one or many, by commas, spaces or lines, and
  where we send the invitations, `message`, the client's own words; the link is put below them if it is not in them
- `/code`: GET shows the form; POST with `code`
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..domain.codes import spoken
from ..host import Client, token_of_address
from ..services import codes, invitations, vanity
from ..services.outcomes import Outcome
from ..words import invitation_error_text, refusal_text
from . import inviting
from .forms import ReferralsForm, check_token
from .inviting import AT_ONCE, we_send
from .pages import for_client, page
from .standing import speech_of

_LONGEST = 5000


def add_to(blueprint: Blueprint) -> None:
    """Add the addresses to the client's blueprint."""
    blueprint.add_url_rule("/invite", "invite", _invite, methods=["GET", "POST"])
    blueprint.add_url_rule("/code", "own_code", _own_code, methods=["GET", "POST"])


@for_client
def _invite(state: State, client: Client) -> Response:
    """Keep the addresses, and hand out a draft for the client's own mail app; what is wrong is told at each."""
    if request.method == "GET":
        return _invite_page(state, client)
    check_token()
    typed = request.form.get("emails", "")[:_LONGEST]
    addresses = _addresses(typed)
    message = request.form.get("message", "")[:_LONGEST].replace("\r\n", "\n") if we_send(state) else None
    outcomes = inviting.invite(state, client, addresses, message)
    wrong = {address: outcome for address, outcome in outcomes.items() if not outcome.ok}
    left = [*wrong, *addresses[AT_ONCE:]]
    if not addresses:
        wrong = {"": Outcome(ok=False, reason="email_invalid")}
    invited = [address for address, outcome in outcomes.items() if outcome.ok]
    return _invite_page(state, client, typed="\n".join(left), wrong=wrong, invited=invited, message=message)


def _addresses(typed: str) -> list[str]:
    """One or many; a text without any @ is one, so that it can be told what is wrong with it."""
    if "@" not in typed:
        return [typed.strip()] if typed.strip() else []
    return list(dict.fromkeys(text for text in re.split(r"[\s,;]+", typed) if text))


def _invite_page(
    state: State,
    client: Client,
    typed: str = "",
    wrong: dict[str, Outcome] | None = None,
    invited: Sequence[str] = (),
    message: str | None = None,
) -> Response:
    speech = speech_of(state, client)
    draft = inviting.draft_of(state, client, speech)
    found = invitations.of_client(state.session().connection(), client.org, client.id)
    lines = [(line.address, speech.day(line.made_at), line.joined) for line in found]
    mails, together = ([], None) if we_send(state) else inviting.mailtos(draft.share, invited)
    response = page(
        "referrals/portal_invite.html",
        title="Invite people",
        form=ReferralsForm(),
        typed=typed,
        wrong=[
            (address, outcome.reason, invitation_error_text(outcome.reason))
            for address, outcome in (wrong or {}).items()
        ],
        mails=mails,
        sent=len(invited) if we_send(state) else 0,
        message=(message if message is not None else draft.share and draft.share.message) if we_send(state) else None,
        longest=invitations.LONGEST_MESSAGE,
        org_name=state.host.org_name(client.org),
        together=together,
        closed=invitation_error_text(draft.closed),
        lines=lines,
        status=422 if wrong else 200,
    )
    return private(response)


@for_client
def _own_code(state: State, client: Client) -> Response:
    """Choose a code of one's own; the old one keeps working."""
    typed, reason = "", None
    if request.method == "POST":
        check_token()
        typed = request.form.get("code", "")[:100]
        outcome = state.run(lambda unit: vanity.choose(unit, client, typed), actor="client", commit=True)
        if outcome.ok:
            return redirect(url_for("referrals.own_code", chosen="1"), 303)
        reason = outcome.reason
    code = state.run(lambda unit: codes.current_code(unit, client.org, client.id), actor="client", commit=True)
    response = page(
        "referrals/portal_code.html",
        title="A code of your own",
        form=ReferralsForm(),
        code=spoken(code.text),
        typed=typed,
        reason=reason,
        sentence=refusal_text(reason),
        chosen=request.args.get("chosen") == "1",
        status=422 if reason else 200,
    )
    return private(response)


def private(response: Response) -> Response:
    """Kept by nobody but the client's own browser, which asks again; no other site learns a secret in the address."""
    response.headers["Cache-Control"] = "private, no-cache"
    if token_of_address() is not None:
        response.headers["Referrer-Policy"] = "same-origin"
    return response
