"""What the program brings: a daily table rolled up from marked log lines, and the figures that staff see of it.

Lines are marked when they are written and unmarked by the transaction that counts them, so that none is lost that
commits late, and none is counted twice (architecture §4).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, case, distinct, func, or_, select, update

from ..models import ActivityRow, DailyRow
from ..money import Money
from .sql import insert_or_add, sole

_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_DAILY: Table = DailyRow.__table__  # type: ignore[assignment]
BATCH = 1000
#: So many referrers are named, and so many sentences told.
TOP = 5

_MARKED = (
    select(
        *(
            _ACTIVITY.c[name]
            for name in ("id", "org", "client_id", "other_id", "kind", "at", "amount_minor", "currency")
        )
    )
    .where(_ACTIVITY.c.unrolled == 1)
    .order_by(_ACTIVITY.c.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


def roll_up(connection: Connection, zone: Callable[[str], tzinfo]) -> int:
    """Count one batch of marked lines by the day of their org; how many there were. The caller commits."""
    rows = connection.execute(_MARKED).all()
    if not rows:
        return 0
    numbers: Counter[tuple[str, ...]] = Counter()
    amounts: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        day = row.at.astimezone(zone(row.org)).date().isoformat()
        client_id = (row.other_id or row.client_id) if row.kind.startswith("discount_") else row.client_id
        key = (row.org, day, client_id, row.kind, row.currency or "")
        numbers[key] += 1
        amounts[key] += row.amount_minor or 0
    unique = ("org", "day", "client_id", "kind", "currency")
    new = [
        dict(zip(unique, key, strict=True)) | {"number": numbers[key], "amount": amounts[key]}
        for key in sorted(numbers)
    ]
    statement = insert_or_add(connection.dialect.name, _DAILY, unique, ("number", "amount"), ("id",))
    connection.execute(statement, sole(new))
    done = update(_ACTIVITY).where(_ACTIVITY.c.id.in_([row.id for row in rows])).values(unrolled=None)
    connection.execute(done)
    return len(rows)


@dataclass(slots=True)
class Period:
    """The figures of some days: how often each kind happened, for how much by currency, and who was active."""

    numbers: Counter[str] = field(default_factory=Counter)
    amounts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    active: int = 0

    def money(self, *kinds: str) -> list[Money]:
        """The amounts of these kinds, one for each currency; a kind with `-` before it is taken away."""
        found: dict[str, int] = defaultdict(int)
        for kind in kinds:
            name, sign = kind.lstrip("-"), -1 if kind.startswith("-") else 1
            for (one, currency), amount in self.amounts.items():
                if one == name and currency:
                    found[currency] += sign * amount
        return [Money(amount, currency) for currency, amount in sorted(found.items())]

    @property
    def rewards(self) -> list[Money]:
        """What was given in rewards and not taken back."""
        return self.money("reward_issued", "reward_restored", "-reward_reduced", "-reward_reversed")

    @property
    def discounts(self) -> list[Money]:
        """What new clients got off, and kept."""
        return self.money("discount_applied", "-discount_released")

    @property
    def brought(self) -> list[Money]:
        """What new clients paid of the invoices that earned rewards."""
        return self.money("qualified")


@dataclass(frozen=True, slots=True)
class Referrer:
    """A referrer in the period: new clients, how many of them paid, credit issued by currency, the last day."""

    client_id: str
    referrals: int
    paid: int
    rewards: tuple[Money, ...]
    last: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """The org's figures of a period, of the one before, by the day, and its referrers."""

    start: date
    end: date
    now: Period
    before: Period
    days: dict[str, Counter[str]]
    top: tuple[Referrer, ...]
    feed: tuple[Referrer, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing at all has happened in either period."""
        return not self.now.numbers and not self.before.numbers


_TOTALS = (
    select(
        _DAILY.c.day,
        _DAILY.c.kind,
        _DAILY.c.currency,
        func.sum(_DAILY.c.number).label("number"),
        func.sum(_DAILY.c.amount).label("amount"),
    )
    .where(_DAILY.c.org == bindparam("org"), _DAILY.c.day >= bindparam("before"), _DAILY.c.day <= bindparam("end"))
    .group_by(_DAILY.c.day, _DAILY.c.kind, _DAILY.c.currency)
)


def _active(*conditions: Any) -> Any:
    came = _DAILY.alias("came")
    return (
        select(func.count(distinct(came.c.client_id)))
        .where(came.c.org == bindparam("org"), came.c.kind == "attributed")
        .where(*(condition(came.c.day) for condition in conditions))
        .scalar_subquery()
    )


_ACTIVE_BEFORE = select(_active(lambda day: day >= bindparam("before"), lambda day: day < bindparam("start")))


def _number(kind: str) -> Any:
    return func.sum(case((_DAILY.c.kind == kind, _DAILY.c.number), else_=0))


_NET = case(
    (_DAILY.c.kind.in_(("reward_issued", "reward_restored")), _DAILY.c.amount),
    (_DAILY.c.kind.in_(("reward_reduced", "reward_reversed")), -_DAILY.c.amount),
    else_=0,
)
_EACH = (
    select(
        _DAILY.c.client_id,
        _number("attributed").label("referrals"),
        _number("qualified").label("paid"),
        func.max(_DAILY.c.day).label("last"),
    )
    .where(_DAILY.c.org == bindparam("org"), _DAILY.c.day >= bindparam("start"), _DAILY.c.day <= bindparam("end"))
    .group_by(_DAILY.c.client_id)
    .having(or_(_number("attributed") > 0, _number("qualified") > 0))
    .subquery("each_one")
)
_PLACED = select(
    *_EACH.c,
    func.row_number().over(order_by=(_EACH.c.paid.desc(), _EACH.c.referrals.desc(), _EACH.c.client_id)).label("place"),
    func.row_number().over(order_by=(_EACH.c.last.desc(), _EACH.c.client_id)).label("lately"),
).subquery("placed")
_REFERRERS = (
    select(
        *_PLACED.c,
        _DAILY.c.currency,
        func.sum(_NET).label("amount"),
        _active(lambda day: day >= bindparam("start"), lambda day: day <= bindparam("end")).label("active"),
        _active(lambda day: day >= bindparam("before"), lambda day: day < bindparam("start")).label("active_before"),
    )
    .select_from(
        _PLACED.join(
            _DAILY,
            and_(
                _DAILY.c.org == bindparam("org"),
                _DAILY.c.client_id == _PLACED.c.client_id,
                _DAILY.c.day >= bindparam("start"),
                _DAILY.c.day <= bindparam("end"),
            ),
        )
    )
    .where(or_(_PLACED.c.place <= TOP, _PLACED.c.lately <= TOP))
    .group_by(*_PLACED.c, _DAILY.c.currency)
)


def statistics(connection: Connection, org: str, today: date, days: int) -> Statistics:
    """The figures of the last so many days, today included, and of as many before, in two statements."""
    start = today - timedelta(days=days - 1)
    before = start - timedelta(days=days)
    binds = {"org": org, "before": before.isoformat(), "start": start.isoformat(), "end": today.isoformat()}
    now, earlier = Period(), Period()
    by_day: dict[str, Counter[str]] = {}
    for row in connection.execute(_TOTALS, binds):
        period = now if row.day >= binds["start"] else earlier
        period.numbers[row.kind] += int(row.number)
        period.amounts[row.kind, row.currency] += int(row.amount)
        if period is now:
            by_day.setdefault(row.day, Counter())[row.kind] += int(row.number)
    rows = connection.execute(_REFERRERS, binds).all()
    if rows:
        now.active, earlier.active = rows[0].active, rows[0].active_before
    elif earlier.numbers:
        earlier.active = connection.scalar(_ACTIVE_BEFORE, binds) or 0
    places = {row.client_id: (row.place, row.lately) for row in rows}
    people = {client_id: _referrer([row for row in rows if row.client_id == client_id]) for client_id in places}
    return Statistics(
        start=start,
        end=today,
        now=now,
        before=earlier,
        days=by_day,
        top=tuple(people[one] for one in sorted(places, key=lambda one: places[one][0]) if places[one][0] <= TOP),
        feed=tuple(people[one] for one in sorted(places, key=lambda one: places[one][1]) if places[one][1] <= TOP),
    )


def _referrer(rows: list[Any]) -> Referrer:
    first = rows[0]
    rewards = tuple(Money(int(row.amount), row.currency) for row in rows if row.currency and row.amount)
    return Referrer(first.client_id, int(first.referrals), int(first.paid), rewards, first.last)
