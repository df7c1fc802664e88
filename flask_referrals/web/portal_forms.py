"""What a client does on its portal: inviting people by email, and choosing a code of its own (A1, C4).

- `/invite`: GET shows the form and who was invited; POST with `emails`, one or many, by commas, spaces or lines, and
  where we send the invitations, `message`, the client's own words; the link is put below them if it is not in them
- `/code`: GET shows the form; POST with `code`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from urllib.parse import quote

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..domain.codes import spoken
from ..host import Client
from ..services import codes, invitations, vanity
from ..services.outcomes import Outcome
from ..words import date_text, invitation_error_text, refusal_text
from .forms import ReferralsForm
from .pages import for_client, page
from .sharing import portal_link, share_of

#: So many addresses are taken from one form.
AT_ONCE = 20
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
    message = request.form.get("message", "")[:_LONGEST].replace("\r\n", "\n") if _we_send(state) else None
    words = message and _with_link(state, client, message)
    outcomes = {
        address: state.run(
            partial(invitations.invite, client=client, email=address, message=words), actor="client", commit=True
        )
        for address in addresses[:AT_ONCE]
    }
    wrong = {address: outcome for address, outcome in outcomes.items() if not outcome.ok}
    left = [*wrong, *addresses[AT_ONCE:]]
    if not addresses:
        wrong = {"": Outcome(ok=False, reason="email_invalid")}
    invited = [address for address, outcome in outcomes.items() if outcome.ok]
    return _invite_page(state, client, typed="\n".join(left), wrong=wrong, invited=invited, message=message)


def _we_send(state: State) -> bool:
    return state.settings.invitations == "sent"


def _with_link(state: State, client: Client, message: str) -> str:
    """The message with the client's link, without which it would bring nothing."""
    code = state.run(lambda unit: codes.current_code(unit, client.org, client.id), actor="client", commit=True)
    link = portal_link(client.org, code.text)
    return message if link in message or not message.strip() else f"{message.rstrip()}\n\n{link}"


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
    invited: list[str] | None = None,
    message: str | None = None,
) -> Response:
    connection = state.session().connection()
    program = state.programs.get(connection, client.org)
    version = program.at(state.now()) if program.enabled else None
    locale = state.host.locale().replace("-", "_")
    zone = state.host.timezone(client.org)
    draft, closed = None, "program_off"
    if version is not None:
        code = state.run(lambda unit: codes.current_code(unit, client.org, client.id), actor="client", commit=True)
        link = portal_link(client.org, code.text)
        draft = share_of(link, version.terms, state.host.org_name(client.org), locale)
        closed = "" if code.active else "code_inactive"
    found = invitations.of_client(state.session().connection(), client.org, client.id)
    lines = [(line.address, date_text(line.made_at, zone, locale), line.joined) for line in found]
    mails = (
        []
        if draft is None or _we_send(state)
        else [(to, _mailto(to, draft.subject, draft.message)) for to in invited or ()]
    )
    together = (
        _mailto("", draft.subject, draft.message, bcc=invited)
        if mails and draft and invited and len(invited) > 1
        else None
    )
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
        sent=len(invited or ()) if _we_send(state) else 0,
        message=(message if message is not None else draft and draft.message) if _we_send(state) else None,
        longest=invitations.LONGEST_MESSAGE,
        org_name=state.host.org_name(client.org),
        together=together,
        closed=invitation_error_text(closed),
        lines=lines,
        status=422 if wrong else 200,
    )
    return private(response)


def _mailto(to: str, subject: str, message: str, bcc: Sequence[str] = ()) -> str:
    hidden = f"bcc={','.join(quote(one, safe='@') for one in bcc)}&" if bcc else ""
    return f"mailto:{quote(to, safe='@')}?{hidden}subject={quote(subject, safe='')}&body={quote(message, safe='')}"


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


def check_token() -> None:
    """Stop a POST that does not come from a form of ours."""
    form = ReferralsForm(request.form)
    if not form.validate():
        abort(400, "The form has expired or was not sent from this site. Load the page again.")


def private(response: Response) -> Response:
    """Kept by nobody but the client's own browser, which asks again."""
    response.headers["Cache-Control"] = "private, no-cache"
    return response
