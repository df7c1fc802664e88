"""Inviting people by email: what the page and the JSON API do alike (A1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from ..adapters.state import State
from ..host import Client
from ..services import codes, invitations
from ..services.outcomes import Outcome
from .sharing import Share, portal_link, share_of
from .standing import Speech

#: So many addresses are taken at once.
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Draft:
    """What an invitation says; `closed` is the reason's code, where nobody can be invited, and empty else."""

    share: Share | None
    closed: str


def we_send(state: State) -> bool:
    """Whether we send the invitations, and not the client's own mail app."""
    return state.settings.invitations == "sent"


def draft_of(state: State, client: Client, speech: Speech) -> Draft:
    """The draft under the terms in force; makes the client's code if need be, while the program is on."""
    program = state.programs.get(state.session().connection(), client.org)
    version = program.at(state.now()) if program.enabled else None
    if version is None:
        return Draft(None, "program_off")
    code = state.run(lambda unit: codes.current_code(unit, client.org, client.id), actor="client", commit=True)
    link = portal_link(client.org, code.text)
    share = share_of(link, version.terms, state.host.org_name(client.org), speech.locale)
    return Draft(share, "" if code.active else "code_inactive")


def invite(state: State, client: Client, addresses: Sequence[str], message: str | None) -> dict[str, Outcome]:
    """Keep the first of the addresses, AT_ONCE at most, and what came of each; a `message` is for us to send."""
    words = message and _with_link(state, client, message)
    return {
        address: state.run(
            partial(invitations.invite, client=client, email=address, message=words), actor="client", commit=True
        )
        for address in addresses[:AT_ONCE]
    }


def _with_link(state: State, client: Client, message: str) -> str:
    """The message with the client's link, without which it would bring nothing."""
    code = state.run(lambda unit: codes.current_code(unit, client.org, client.id), actor="client", commit=True)
    link = portal_link(client.org, code.text)
    return message if link in message or not message.strip() else f"{message.rstrip()}\n\n{link}"


def mailtos(share: Share | None, invited: Sequence[str]) -> tuple[list[tuple[str, str]], str | None]:
    """A draft to each of the addresses for the client's own mail app, and one to all of them, if there are several."""
    if share is None:
        return [], None
    single = [(to, _mailto(to, share.subject, share.message)) for to in invited]
    together = _mailto("", share.subject, share.message, bcc=invited) if len(invited) > 1 else None
    return single, together


def _mailto(to: str, subject: str, message: str, bcc: Sequence[str] = ()) -> str:
    hidden = f"bcc={','.join(quote(one, safe='@') for one in bcc)}&" if bcc else ""
    return f"mailto:{quote(to, safe='@')}?{hidden}subject={quote(subject, safe='')}&body={quote(message, safe='')}"
