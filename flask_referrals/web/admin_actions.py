"""One referral's page with what staff decide about it: its waiting rewards, and rejecting it (R8, U4).

- `/referrals/<id>`: the chain with its forms
- `/referrals/<id>/decide`: POST with `reward` (repeated), `reason`, `action` = `approve`, `refuse` or `release`
- `/referrals/<id>/reject`: POST with `reason`
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..errors import NotFoundError, StateError
from ..services import decisions, queue
from ..services.chain import Chain, chain
from .admin_forms import LONGEST, Mistakes, Wrong, must_say
from .admin_log import flag_text, reward_text
from .admin_queue import ACTIONS, decide, read_ids, told
from .admin_words import voice
from .forms import ReferralsForm, check_token
from .pages import for_staff, page

_NO_REASON = "Write why: it is kept on the log."
_NOTHING = Wrong("nothing_waits", "Nothing of this referral waits for a decision now.")
_REJECTED = Wrong("already_rejected", "This referral was rejected before; nothing has changed.")


def add_to(blueprint: Blueprint) -> None:
    """Add the addresses to the staff's blueprint."""
    blueprint.add_url_rule("/referrals/<int:referral_id>", "referral", referral)
    blueprint.add_url_rule("/referrals/<int:referral_id>/decide", "decide", decide_on, methods=["POST"])
    blueprint.add_url_rule("/referrals/<int:referral_id>/reject", "reject", reject, methods=["POST"])


@for_staff
def referral(state: State, org: str, referral_id: int) -> Response:
    """One referral's chain from visit to redemption; another org's is not there."""
    return _page(state, org, referral_id)


@for_staff
def decide_on(state: State, org: str, referral_id: int) -> Response:
    """Approve, refuse or release the rewards of this referral that wait."""
    check_token()
    reason, mistakes = must_say("reason", _NO_REASON)
    _chain(state, org, referral_id)
    here = {one.id for one in queue.of_referral(state.session().connection(), org, referral_id)}
    chosen, action = read_ids(), request.form.get("action", "")
    if not chosen or (action not in (*ACTIONS["approval"], *ACTIONS["limit"])):
        mistakes[""] = _NOTHING
    if mistakes:
        return _page(state, org, referral_id, decision=mistakes, reason=reason)
    found = decide(state, org, action, [one for one in chosen if one in here], reason)
    late = len(chosen) - found.count
    address = url_for("referrals_admin.referral", referral_id=referral_id, decided=action, count=found.count, late=late)
    return redirect(address, 303)


@for_staff
def reject(state: State, org: str, referral_id: int) -> Response:
    """Reject the referral: what it earned is cancelled or taken back (U4)."""
    check_token()
    reason, mistakes = must_say("reason", _NO_REASON)
    if mistakes:
        return _page(state, org, referral_id, rejection=mistakes, reason=reason)
    try:
        state.run(lambda unit: decisions.reject(unit, org, referral_id, reason), actor=state.host.actor(), commit=True)
    except NotFoundError:
        abort(404)
    except StateError:
        return _page(state, org, referral_id, rejection={"": _REJECTED}, reason=reason)
    return redirect(url_for("referrals_admin.referral", referral_id=referral_id, rejected="yes"), 303)


def _chain(state: State, org: str, referral_id: int) -> Chain:
    """The org's referral; 404 where it has none with that id."""
    try:
        return chain(state.session().connection(), org, referral_id)
    except NotFoundError:
        abort(404)


def _page(
    state: State,
    org: str,
    referral_id: int,
    *,
    decision: Mistakes | None = None,
    rejection: Mistakes | None = None,
    reason: str = "",
) -> Response:
    connection = state.session().connection()
    found = _chain(state, org, referral_id)
    pending = any(reward.state == "pending" for reward in found.rewards)
    return page(
        "referrals/admin/referral.html",
        title=f"{found.referrer_name} → {found.referee_name}",
        admin=True,
        status=422 if decision or rejection else 200,
        chain=found,
        waiting=queue.of_referral(connection, org, referral_id) if pending else [],
        decision=decision or {},
        rejection=rejection or {},
        reason=reason,
        longest=LONGEST,
        told=told(),
        rejected=request.args.get("rejected") == "yes",
        form=ReferralsForm(),
        voice=voice(state, org),
        flag_text=flag_text,
        reward_text=reward_text,
    )
