"""The JSON API, what a client chooses: a code of its own, whom it invites, emails and credit (A1, C4, K6)."""

from __future__ import annotations

from ..services import codes, invitations, vanity
from ..words import invitation_error_text, refusal_text
from . import api_values, inviting, portal_settings
from .api_call import Call
from .api_problem import Problem
from .api_values import Json


def choose_code(call: Call) -> Json:
    """A code of the client's own; the old one keeps working."""
    state, client = call.state, call.client
    outcome = state.run(lambda unit: vanity.choose(unit, client, call.given["code"]), actor="client", commit=True)
    if not outcome.ok:
        raise Problem(409, outcome.reason or "refused", refusal_text(outcome.reason))
    code = state.run(lambda unit: codes.current_code(unit, client.org, client.id), actor="client", commit=True)
    return {"code": api_values.code(code.text, active=code.active)}


def invitations_of(call: Call) -> Json:
    """Whom the client invited lately, and what an invitation says."""
    draft = inviting.draft_of(call.state, call.client, call.speech)
    found = invitations.of_client(call.connection, call.client.org, call.client.id)
    return api_values.invitation_draft(draft) | {
        "sent_by": call.state.settings.invitations,
        "invited": [
            {"address": one.address, "at": api_values.time(one.made_at), "joined": one.joined} for one in found
        ],
    }


def invite(call: Call) -> Json:
    """Keep the addresses that are good, and tell of each other one; refused where none is good."""
    draft = inviting.draft_of(call.state, call.client, call.speech)
    sends = inviting.we_send(call.state)
    if "message" in call.given and not sends:
        raise Problem(409, "own_mail_app", "Your own mail app sends the invitations. Write your message there.")
    message = _message(call, draft.share.message) if sends and draft.share else None
    addresses = list(dict.fromkeys(address.strip() for address in call.given["emails"]))
    outcomes = inviting.invite(call.state, call.client, addresses, message)
    refused = [
        {"email": address, "code": outcome.reason, "detail": invitation_error_text(outcome.reason)}
        for address, outcome in outcomes.items()
        if not outcome.ok
    ]
    invited = [address for address, outcome in outcomes.items() if outcome.ok]
    if not invited:
        raise Problem(409, str(refused[0]["code"]), str(refused[0]["detail"]), refused=refused)
    mails, together = ([], None) if sends else inviting.mailtos(draft.share, invited)
    drafts = dict(mails)
    return {
        "invited": [{"email": address, "mailto": drafts.get(address)} for address in invited],
        "together": together,
        "refused": refused,
    }


def _message(call: Call, drafted: str) -> str:
    """The client's own words, or the draft's."""
    return str(call.given.get("message", drafted)).replace("\r\n", "\n")


def preferences_of(call: Call) -> Json:
    """What the client has chosen."""
    chosen = portal_settings.look(call.state, call.client)
    kinds = chosen.kinds
    return {
        "credit": chosen.credit,
        "by_itself": chosen.by_itself,
        "mail": None
        if kinds is None
        else [{"kind": kind, "label": label, "wanted": wanted} for kind, label, wanted in kinds],
        "email": call.client.email,
    }


def change_preferences(call: Call) -> Json:
    """Keep what is given; what is not stays as it is."""
    mail = call.given.get("mail")
    if mail is not None and call.state.mailer is None:
        name = call.state.host.org_name(call.client.org)
        raise Problem(409, "no_emails", f"{name} sends no emails about referrals.")
    portal_settings.keep(call.state, call.client, credit=call.given.get("credit"), mail=mail)
    return preferences_of(call)
