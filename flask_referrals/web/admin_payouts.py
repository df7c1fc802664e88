"""Staff's desk for cash: payouts by where they stand, what clients owe, pauses, tax details, payments by hand (P).

- `/payouts`: `list` is `waiting`, `on_their_way`, `done`, `failed` or `owed`; `before` the id to go on below
- POST `/payouts/act` with `action`: `paid` (by hand) and `anew` (of failed ones) with `payout`, repeated; `settle` with
  `debt` and `note`; `pause`, `resume` with `client` (empty for all); `tax` with `client` and `year`
- `/payouts/bank-run.csv`: what waits, for a bank run by hand
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..host import Client
from ..services import cashbook, payees, recalls, transfers
from ..services.staff import NO_BOUND
from ..services.unit import Unit
from ..words import payout_text
from .admin_export import safe
from .admin_queue import read_number
from .admin_words import voice
from .forms import ReferralsForm, check_token
from .pages import for_staff, page

_MOST = 200
_LISTS = {"waiting": "Waiting", "on_their_way": "On their way", "done": "Done", "failed": "Failed", "owed": "Owed"}
_DONE = {
    "paid": "Marked as paid.",
    "anew": "It goes out with the next run, as another payout.",
    "settle": "Settled.",
    "pause": "Paused. What waits keeps waiting, and nothing is lost.",
    "resume": "Payouts go on with the next run.",
    "tax": "Noted. What waited for it goes out with the next run.",
}


def add_to(blueprint: Blueprint) -> None:
    """Add the pages to the staff's blueprint."""
    blueprint.add_url_rule("/payouts", "payouts", _payouts)
    blueprint.add_url_rule("/payouts/act", "payouts_act", _act, methods=["POST"])
    blueprint.add_url_rule("/payouts/bank-run.csv", "bank_run", _bank_run)


@for_staff
def _payouts(state: State, org: str) -> Response:
    return _page(state, org)


@for_staff
def _act(state: State, org: str) -> Response:
    """Do what staff decided, and go back to the list; what is wrong is told there."""
    check_token()
    action, which = request.form.get("action", ""), _list(request.form.get("list"))
    client_id = request.form.get("client", "").strip()[:100]
    chosen = sorted({read_number(text) for text in request.form.getlist("payout")} - {0})[:_MOST]
    error = ""
    if action in ("paid", "anew") and not chosen:
        error = "Tick the payouts first."
    elif action not in _DONE:
        error = "Press one of the buttons."
    elif client_id and not cashbook.knows(state.session().connection(), org, client_id):
        error = "No client with this id has earned anything. Take the id from the address of the client's page."
    elif action == "tax" and not client_id:
        error = "Say for which client."
    if error:
        return _page(state, org, error=error, status=422)

    def use_case(unit: Unit) -> int:
        if action == "paid":
            return len(payees.mark_paid(unit, org, chosen))
        if action == "anew":
            return sum(transfers.send_anew(unit, org, one) for one in chosen)
        if action == "settle":
            note = request.form.get("note", "").strip()
            return int(recalls.settle_by_hand(unit, org, read_number(request.form.get("debt", "")), note))
        if action == "tax":
            year = unit.now.astimezone(unit.host.timezone(org)).year
            payees.clear_tax(unit, org, client_id, year)
        else:
            payees.pause(unit, org, client_id, on=action == "pause")
        return 1

    count = state.run(use_case, actor=state.host.actor(), commit=True)
    done = action if count else "nothing"
    return redirect(url_for("referrals_admin.payouts", list=which, done=done), 303)


def _list(text: str | None) -> str:
    return text if text in (*cashbook.LISTS, "owed") else "waiting"


def _names(state: State, org: str, ids: set[str]) -> Mapping[str, Client]:
    return state.host.contact(sorted(ids), org)


def _page(state: State, org: str, *, error: str = "", status: int = 200) -> Response:
    connection = state.session().connection()
    which = _list(request.values.get("list"))
    before = request.args.get("before", type=int)
    bound = before if before is not None and 0 < before < NO_BOUND else NO_BOUND
    rows = [] if which == "owed" else cashbook.listed(connection, org, which, before=bound)
    debts = cashbook.debts(connection, org) if which == "owed" else []
    decided = cashbook.payees(connection, org)
    found = voice(state, org)
    ids = {one.client_id for one in rows} | {one.client_id for one in debts} | {one.client_id for one in decided}
    names = _names(state, org, ids - {""})
    return page(
        "referrals/admin/payouts.html",
        title="Payouts",
        admin=True,
        status=status,
        which=which,
        lists={
            "waiting": "Waiting",
            "on_their_way": "On their way",
            "done": "Done",
            "failed": "Failed",
            "owed": "Owed",
        },
        counts=cashbook.counts(connection, org),
        rows=[(one, payout_text(one.state, one.reason)) for one in rows[: cashbook.PAGE]],
        older=rows[cashbook.PAGE - 1].id if len(rows) > cashbook.PAGE else None,
        debts=debts,
        names={client_id: client.name for client_id, client in names.items()},
        paused_all=any(one.paused and not one.client_id for one in decided),
        paused=[one.client_id for one in decided if one.paused and one.client_id],
        by_hand=state.gateway is not None and not state.gateway.sends,
        offered=state.gateway is not None,
        form=ReferralsForm(),
        error=error,
        done=_DONE.get(request.args.get("done", "")),
        nothing=request.args.get("done") == "nothing",
        year=state.now().astimezone(state.host.timezone(org)).year,
        voice=found,
    )


@for_staff
def _bank_run(state: State, org: str) -> Response:
    """All that waits for a bank run, oldest first: reference, client, amount, currency."""
    connection = state.session().connection()
    rows = [one for one in cashbook.waiting(connection, org) if one.reason in (None, "by_hand")]
    names = _names(state, org, {one.client_id for one in rows})
    if not rows and state.gateway is None:
        abort(404)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["reference", "client", "name", "email", "amount", "currency"])
    for one in rows:
        client = names.get(one.client_id)
        cells = [one.client_id, "" if client is None else client.name, "" if client is None else client.email or ""]
        writer.writerow([f"referrals-{one.id}", *map(safe, cells), f"{one.amount.amount:f}", one.amount.currency])
    response = Response(file.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = "attachment; filename=referrals-bank-run.csv"
    response.headers["Cache-Control"] = "private, no-store"
    return response
