"""The daily statistics, the liability report and the simulator: figures that a person can count up by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import event, func, select

from flask_referrals import Money
from flask_referrals.domain.terms import Terms
from flask_referrals.models import ActivityRow, DailyRow
from flask_referrals.services import simulation, statistics
from flask_referrals.services.liability import liability, open_vouchers
from flask_referrals.services.outbox import begin_writing
from tests.minihost import db
from tests.worlds import PLAIN, World, usd


def figures(world: World, days: int = 30) -> statistics.Statistics:
    """The figures of today, all counted."""
    world.referrals.work()
    return statistics.statistics(db.session.connection(), "default", world.clock().date(), days)


def bring(world: World, referrer: str, number: int, paid: int) -> None:
    """A referrer and so many new clients, of whom some pay 100 dollars."""
    code = world.code(world.client(referrer))
    for place in range(number):
        client = world.client(f"Kiera{place} Lopez", code, email=None)
        invoice = world.invoice(client, 10000)
        if place < paid:
            world.pay(invoice)


def test_what_happened_against_the_period_before(world: World) -> None:
    """Active referrers, new clients, rewards: this month's, and the last one's."""
    world.terms()
    bring(world, "Jane Smith", 3, 2)
    world.clock.advance(days=30)
    bring(world, "Mark Oak", 2, 1)
    bring(world, "Ann Ash", 1, 1)
    found = figures(world)
    assert (found.now.active, found.before.active) == (2, 1)
    assert (found.now.numbers["attributed"], found.before.numbers["attributed"]) == (3, 3)
    assert found.now.numbers["qualified"] == 2
    assert found.now.rewards == [usd(10000)]
    assert found.now.brought == [usd(17000)]
    assert found.now.discounts == [usd(4500)]
    assert [(one.referrals, one.paid, one.rewards) for one in found.top] == [
        (2, 1, (usd(5000),)),
        (1, 1, (usd(5000),)),
    ]
    assert found.days == {"2026-02-09": found.now.numbers}


def test_what_was_undone_costs_nothing(world: World) -> None:
    """U1: a reward that was taken back is none."""
    world.terms()
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    invoice = world.invoice(kiera, 10000)
    world.pay(invoice)
    world.refund(invoice, invoice.paid)
    found = figures(world)
    assert found.now.rewards == [usd(0)]
    assert found.top[0].rewards == ()


def test_nobody_lately(world: World) -> None:
    """A period without anybody still knows the one before."""
    world.terms()
    bring(world, "Jane Smith", 1, 1)
    world.clock.advance(days=30)
    found = figures(world)
    assert (found.now.active, found.before.active, found.top) == (0, 1, ())
    assert not found.empty
    world.clock.advance(days=60)
    assert figures(world).empty


def test_two_at_once_count_everything_once(world: World) -> None:
    """Two workers roll up beside each other; lines that were committed late are counted by the next one."""
    world.terms()
    bring(world, "Jane Smith", 5, 5)
    marked = db.session.scalar(select(func.count()).where(ActivityRow.unrolled == 1))
    db.session.rollback()
    assert marked
    start = Barrier(2)
    engine = db.engine

    def run() -> None:
        with engine.connect() as connection:
            start.wait()
            begin_writing(connection)
            while statistics.roll_up(connection, world.host.timezone):
                connection.commit()
                begin_writing(connection)
            connection.commit()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.session.scalar(select(func.sum(DailyRow.number))) == marked
    assert db.session.scalar(select(func.count()).where(ActivityRow.unrolled == 1)) == 0


@pytest.mark.parametrize("number", [10, 2000])
def test_two_statements_at_any_size(world: World, number: int) -> None:
    """ARCHITECTURE §5: the figures cost two statements (the third looks for what is not counted yet)."""
    rows = [
        {
            "org": "default",
            "day": (date(2026, 1, 10) - timedelta(days=place % 60)).isoformat(),
            "client_id": str(place),
            "kind": "attributed",
            "currency": "",
            "number": 1,
            "amount": 0,
        }
        for place in range(number)
    ]
    db.session.execute(DailyRow.__table__.insert(), rows)  # type: ignore[attr-defined]
    db.session.commit()
    seen: list[str] = []
    connection = db.session.connection()

    def count(conn: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        found = statistics.statistics(connection, "default", date(2026, 1, 10), 30)
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    assert len(seen) == 2
    assert found.now.active == (10 if number == 10 else 1010)
    assert len(found.top) == len(found.feed) == 5


def test_liability_at_any_date(world: World) -> None:
    """K1, K4, K5: what clients had at the end of a day, from the ledger alone."""
    world.terms(credit_expires_days=60)
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    invoice = world.invoice(kiera, 10000)
    world.pay(invoice)
    first = world.clock()
    world.clock.advance(days=10)
    open_one = world.invoice(jane, 3000)
    world.referrals.use_credit(open_one)
    world.referrals.adjust(world.value(kiera), usd(-700), by="sam", note="a mistake")
    db.session.commit()
    now = world.clock() + timedelta(seconds=1)
    connection = db.session.connection()
    (then,) = liability(connection, "default", first + timedelta(seconds=1), now)
    (today,) = liability(connection, "default", now, now)
    assert (then.owed, then.clients, then.overdrawn) == (usd(5000), 1, usd(0))
    assert (today.owed, today.clients, today.overdrawn, today.held) == (usd(5000), 1, usd(-700), usd(3000))
    assert (today.soon, today.later) == (usd(0), usd(2000))
    assert liability(connection, "default", datetime(2026, 1, 1, tzinfo=UTC), now) == []
    assert liability(connection, "other", now, now) == []
    assert open_vouchers(connection, "default") == {}


def test_one_invoice_under_other_terms() -> None:
    """R2, R3, D2: by the functions that book the real ones."""
    terms = Terms.from_document(
        PLAIN
        | {
            "tiers": [{"from": 3, "amount": "80.00"}],
            "milestones": [{"at": 3, "amount": "20.00"}],
            "min_paid": "100.00",
        }
    )
    outlook = simulation.one_invoice(terms, usd(20000), 3)
    assert outlook.discount == usd(3000)
    assert [(one.amount, one.tier, one.milestone) for one in outlook.rewards] == [
        (usd(8000), 3, None),
        (usd(2000), None, 3),
    ]
    low = simulation.one_invoice(terms, usd(11000), 1)
    assert (low.no_reward, low.rewards) == ("below_minimum", ())
    assert simulation.one_invoice(terms, usd(0), 1).no_reward == "nothing_paid"


def test_past_referrals_under_other_terms(world: World) -> None:
    """What the program would have cost, beside what it did."""
    world.terms()
    bring(world, "Jane Smith", 3, 2)
    other = Terms.from_document(PLAIN | {"referrer_reward": {"kinds": ["credit"], "percent": "10"}, "discount": None})
    found = simulation.past(db.session.connection(), "default")
    result = simulation.replay(other, [(one, usd(10000)) for one in found])
    assert (result.referrals, result.missing) == (2, 0)
    assert result.rewards.moneys() == [usd(2000)]
    assert result.discounts.moneys() == []
    assert result.real_rewards.moneys() == [usd(10000)]
    assert result.real_discounts.moneys() == [usd(3000)]
    assert simulation.replay(other, [(found[0], None)]).missing == 1
    same = simulation.replay(Terms.from_document(PLAIN), [(one, Money(10000, "USD")) for one in found])
    assert (same.rewards.moneys(), same.discounts.moneys()) == ([usd(10000)], [usd(3000)])
