"""What the org owes its clients in credit at the end of a day.

`/liability`: `on` is the day (YYYY-MM-DD), today without one; `/liability.csv` is the same for a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..services.liability import Liability, liability, open_vouchers
from .admin_words import voice
from .pages import for_staff, page

_WRONG = "Write the day such as 2026-05-31, today or one that has passed."


def add_to(blueprint: Blueprint) -> None:
    """Add the pages to the staff's blueprint."""
    blueprint.add_url_rule("/liability", "liability", view)
    blueprint.add_url_rule("/liability.csv", "liability_csv", as_csv)


@for_staff
def view(state: State, org: str) -> Response:
    """The report as a page."""
    today = _today(state, org)
    day = _day(today)
    rows = [] if day is None else _rows(state, org, day)
    connection = state.session().connection()
    return page(
        "referrals/admin/liability.html",
        title="Credit that clients have",
        admin=True,
        voice=voice(state, org),
        typed=request.args.get("on", today.isoformat())[:20],
        day=day,
        today=today,
        rows=rows,
        vouchers=open_vouchers(connection, org) if day == today else {},
        error="" if day else _WRONG,
        status=200 if day else 422,
    )


@for_staff
def as_csv(state: State, org: str) -> Response:
    """The report as CSV; amounts in major units."""
    today = _today(state, org)
    day = _day(today)
    if day is None:
        return Response(_WRONG, 422, mimetype="text/plain")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["day", "currency", "owed", "clients", "overdrawn", "held", "expires_in_30_days", "in_90_days"])
    for row in _rows(state, org, day):
        present = [row.held.amount, row.soon.amount, row.later.amount] if day == today else ["", "", ""]
        writer.writerow([day, row.currency, row.owed.amount, row.clients, row.overdrawn.amount, *present])
    headers = {"Content-Disposition": f'attachment; filename="liability-{day}.csv"'}
    return Response(out.getvalue(), mimetype="text/csv", headers=headers)


def _rows(state: State, org: str, day: date) -> list[Liability]:
    zone = state.host.timezone(org)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return liability(state.session().connection(), org, end, state.now())


def _today(state: State, org: str) -> date:
    return state.now().astimezone(state.host.timezone(org)).date()


def _day(today: date) -> date | None:
    """The day that was asked for; None for what is none, or not yet."""
    typed = request.args.get("on", "").strip()
    try:
        day = date.fromisoformat(typed) if typed else today
    except ValueError:
        return None
    return day if date(2000, 1, 1) <= day <= today else None
