"""What the program brings: the figures of a period against the one before, a funnel, a plot, the referrers.

`/dashboard`: `days` is 7, 30, 90 or 365.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..money import Money
from ..services import statistics
from ..services.outbox import begin_writing
from .admin_words import Voice, voice
from .pages import for_staff, page
from .plot import Bar, bars

DAYS = (7, 30, 90, 365)
_STAGES = (
    ("link_visited", "Visits by a link"),
    ("attributed", "Registrations"),
    ("discount_applied", "Invoices with the discount"),
    ("qualified", "Paid"),
    ("reward_issued", "Rewards"),
)
_PLOTTED = ("attributed", "qualified")


def add_to(blueprint: Blueprint) -> None:
    """Add the page to the staff's blueprint."""
    blueprint.add_url_rule("/dashboard", "dashboard", view)


@for_staff
def view(state: State, org: str) -> Response:
    """Count what is new, and show the figures."""
    days = request.args.get("days", 30, type=int)
    days = days if days in DAYS else 30
    _catch_up(state)
    speech = voice(state, org)
    found = statistics.statistics(state.session().connection(), org, state.now().astimezone(speech.zone).date(), days)
    people = {one.client_id for one in (*found.top, *found.feed)}
    names = {key: client.name for key, client in state.host.contact(sorted(people), org).items()} if people else {}
    chart = _chart(found, speech)
    cash = state.gateway is not None
    return page(
        "referrals/admin/dashboard.html",
        title="What your program brings",
        admin=True,
        voice=speech,
        days=days,
        choices=DAYS,
        found=found,
        kpis=_kpis(found, speech),
        funnel=_funnel(found),
        chart=chart,
        plot=bars(chart, ("new clients", "paid"), "New clients and first payments over time"),
        names=names,
        feed=[_sentence(names.get(one.client_id, one.client_id), one, speech, cash=cash) for one in found.feed],
        sums=sums,
    )


def _catch_up(state: State) -> None:
    """Count what the worker has not counted yet, as far as one page can."""
    session = state.session()
    connection = session.connection()
    begin_writing(connection)
    for _ in range(5):
        if statistics.roll_up(connection, state.host.timezone) < statistics.BATCH:
            break
    session.commit()


def sums(amounts: list[Money] | tuple[Money, ...], speech: Voice) -> str:
    """Amounts of several currencies in a row."""
    return " and ".join(speech.money(one) for one in amounts if one.minor) or "–"


def _kpis(found: statistics.Statistics, speech: Voice) -> list[dict[str, str]]:
    now, before = found.now, found.before
    counted = [
        ("Active referrers", now.active, before.active),
        ("New clients", now.numbers["attributed"], before.numbers["attributed"]),
        ("Rewards given", now.numbers["reward_issued"], before.numbers["reward_issued"]),
    ]
    found_kpis = [
        {"label": label, "value": str(one), "more": "", "change": _change(one, two)} for label, one, two in counted
    ]
    found_kpis[2]["more"] = sums(now.rewards, speech)
    return found_kpis


def _change(now: int, before: int) -> str:
    if now == before:
        return "as many as in the period before"
    more = "more" if now > before else "fewer"
    return f"{'▲' if now > before else '▼'} {abs(now - before)} {more} than in the period before ({before})"


def _funnel(found: statistics.Statistics) -> list[dict[str, object]]:
    numbers = found.now.numbers
    stages = [(label, numbers[kind]) for kind, label in _STAGES if kind != "discount_applied" or numbers[kind]]
    most = max((number for _, number in stages), default=0) or 1
    rows = []
    for place, (label, number) in enumerate(stages):
        before = stages[place - 1][1] if place else 0
        rate = f"{round(100 * number / before)}% of the step before" if place and before >= number > 0 else ""
        rows.append({"label": label, "number": number, "rate": rate, "most": most})
    return rows


def _chart(found: statistics.Statistics, speech: Voice) -> list[Bar]:
    """By the day; by seven days where there are many."""
    days = (found.end - found.start).days + 1
    step = 1 if days <= 31 else 7 if days <= 100 else 30
    chart = []
    start = found.start
    while start <= found.end:
        span = [(start + timedelta(days=more)).isoformat() for more in range(step)]
        values = tuple(sum(found.days[day][kind] for day in span if day in found.days) for kind in _PLOTTED)
        chart.append(Bar(speech.short(start), values))
        start += timedelta(days=step)
    return chart


def _sentence(name: str, one: statistics.Referrer, speech: Voice, *, cash: bool) -> str:
    """What a referrer brought and got; where cash is promised too, what was given is not all credit."""
    told = f"{name}: {one.referrals} {'referral' if one.referrals == 1 else 'referrals'}"
    given = [amount for amount in one.rewards if amount.minor > 0]
    return f"{told}, {sums(given, speech)} {'in rewards' if cash else 'credit'} issued" if given else told
