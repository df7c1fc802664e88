"""Attribution by hand (A8). `/attribute`: `referee` and `referrer` are ids of the host's or codes; `note` says why."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..services import decisions
from .admin_forms import LONGEST, Mistakes, Wrong, find_client, must_say, refused, typed
from .forms import ReferralsForm, check_token
from .pages import for_staff, page

_SIDES = {"referee": "new client", "referrer": "client who recommended"}
_NO_NOTE = "Write how you know: it is kept on the log."
#: The field that each refusal is about, and what staff read there; others stand above the form.
_REFUSED = {
    "already_referred": ("referee", "This client has a referral already. Reject that one first, then attribute anew."),
    "existing_client": ("referee", "This client has paid an invoice already, so nobody can be credited for it."),
    "self_referral": ("referrer", "These two are the same person: the same client, email address or phone number."),
    "referrer_blocked": ("referrer", "This client is blocked. Unblock it first, if it is to be credited."),
    "program_off": ("", "The program is off, so no new referral is made. Switch it on in the settings first."),
}


def add_to(blueprint: Blueprint) -> None:
    """Add the page to the staff's blueprint."""
    blueprint.add_url_rule("/attribute", "attribute", view, methods=["GET", "POST"])


@for_staff
def view(state: State, org: str) -> Response:
    """Show the form, or make the referral."""
    if request.method == "GET":
        return _page({name: request.args.get(name, "")[:LONGEST] for name in _SIDES} | {"note": ""}, {})
    check_token()
    values = {name: typed(name) for name in (*_SIDES, "note")}
    _, mistakes = must_say("note", _NO_NOTE)
    referee, referrer = (find_client(state, org, values[name]) for name in _SIDES)
    for name, client in (("referee", referee), ("referrer", referrer)):
        if client is None:
            mistakes[name] = _unknown(name, values[name])
    if mistakes or referee is None or referrer is None:
        return _page(values, mistakes)
    outcome = state.run(
        lambda unit: decisions.attribute(unit, referee, referrer, values["note"]),
        actor=state.host.actor(),
        commit=True,
    )
    if outcome.referral is None or not outcome.ok:
        reason = outcome.reason or "refused"
        field, text = _REFUSED.get(reason, ("", refused(reason).text))
        return _page(values, {field: Wrong(reason, text)})
    return redirect(url_for("referrals_admin.referral", referral_id=outcome.referral.id), 303)


def _unknown(name: str, text: str) -> Wrong:
    if not text:
        return Wrong(f"{name}_missing", f"Write the id or the code of the {_SIDES[name]}.")
    return Wrong("client_not_found", "There is no client with this id or code. Check it.")


def _page(values: dict[str, str], mistakes: Mistakes) -> Response:
    return page(
        "referrals/admin/attribute.html",
        title="Enter a referral by hand",
        admin=True,
        status=422 if mistakes else 200,
        values=values,
        mistakes=mistakes,
        longest=LONGEST,
        form=ReferralsForm(),
    )
