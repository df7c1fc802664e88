"""The queue: rewards that wait for staff, for a limit or for the end of a hold, and what staff decide (R5, R8, L1).

`/queue`: `wait` is `approval`, `limit` or `hold`, `after` the id to go on above. POST with `reward` (repeated),
`reason` and `action`: `approve` or `refuse` what waits for approval, `release` what waits for a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..services import decisions, queue
from ..services.staff import MANY, NO_BOUND
from ..services.unit import Unit
from .admin_forms import LONGEST, Mistakes, Wrong, must_say
from .admin_log import flag_text, reward_text
from .admin_words import voice
from .forms import ReferralsForm, check_token
from .pages import for_staff, page

Decide = Callable[[Unit, str, list[int], str], list[int]]
#: What may be decided of that which waits for something.
ACTIONS: dict[str, tuple[str, ...]] = {"approval": ("approve", "refuse"), "limit": ("release",), "hold": ()}
_DECIDE: dict[str, Decide] = {
    "approve": decisions.approve_rewards,
    "refuse": decisions.refuse_rewards,
    "release": decisions.release_rewards,
}
#: Nobody ticks more boxes than that; a page has fewer.
_MOST = 200
_DIGITS = len(str(NO_BOUND))
_NO_REASON = "Write why: it is kept on the log."
_NOTHING = Wrong("nothing_selected", "Tick the rewards that you decide on.")
_NO_ACTION = Wrong("no_action", "Press one of the buttons.")


def add_to(blueprint: Blueprint) -> None:
    """Add the page to the staff's blueprint."""
    blueprint.add_url_rule("/queue", "queue", view, methods=["GET", "POST"])


@for_staff
def view(state: State, org: str) -> Response:
    """Show what waits, or decide on what was ticked."""
    if request.method == "GET":
        return _page(state, org, _wait(request.args.get("wait")), read_number(request.args.get("after", "")))
    check_token()
    wait, after = _wait(request.form.get("wait")), read_number(request.form.get("after", ""))
    chosen = read_ids()
    reason, mistakes = must_say("reason", _NO_REASON)
    if not chosen:
        mistakes["reward"] = _NOTHING
    action = request.form.get("action", "")
    if action not in ACTIONS[wait]:
        mistakes[""] = _NO_ACTION
    if mistakes:
        return _page(state, org, wait, after, chosen=chosen, reason=reason, mistakes=mistakes)
    found = decide(state, org, action, chosen, reason)
    return redirect(
        url_for("referrals_admin.queue", wait=wait, decided=action, count=found.count, late=found.late), 303
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision came to: how many rewards it was for, and how many had been decided meanwhile."""

    action: str
    count: int
    late: int


def decide(state: State, org: str, action: str, chosen: list[int], reason: str) -> Decided:
    """Decide on rewards; those that no longer wait for it are left alone."""

    def use_case(unit: Unit) -> list[int]:
        return _DECIDE[action](unit, org, chosen, reason)

    decided = state.run(use_case, actor=state.host.actor(), commit=True)
    return Decided(action, len(decided), len(chosen) - len(decided))


def read_ids() -> list[int]:
    """The rewards that were ticked."""
    found = {read_number(text) for text in request.form.getlist("reward")} - {0}
    if len(found) > _MOST:
        abort(400, f"At most {_MOST} rewards at once.")
    return sorted(found)


def told() -> Decided | None:
    """What the page before decided, as its address says; None for nothing."""
    action = request.args.get("decided")
    if action not in _DECIDE:
        return None
    count, late = (min(read_number(request.args.get(name, "")), _MOST) for name in ("count", "late"))
    return Decided(action, count, late)


def _wait(text: str | None) -> str:
    return text if text in queue.WAITS else queue.WAITS[0]


def read_number(text: str) -> int:
    """A number that may be an id of ours; 0 for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else 0


def _page(
    state: State,
    org: str,
    wait: str,
    after: int,
    *,
    chosen: list[int] | None = None,
    reason: str = "",
    mistakes: Mistakes | None = None,
) -> Response:
    connection = state.session().connection()
    found = queue.waiting(connection, org, wait, after=after)
    shown = found[: queue.PAGE]
    return page(
        "referrals/admin/queue.html",
        title="Rewards that wait",
        admin=True,
        status=422 if mistakes else 200,
        wait=wait,
        waits=queue.WAITS,
        actions=ACTIONS[wait],
        counts=queue.counts(connection, org),
        many=MANY,
        rewards=shown,
        after=after,
        newer=shown[-1].id if len(found) > queue.PAGE else None,
        chosen=chosen or [],
        reason=reason,
        longest=LONGEST,
        mistakes=mistakes or {},
        told=told(),
        form=ReferralsForm(),
        voice=voice(state, org),
        flag_text=flag_text,
        reward_text=reward_text,
    )
