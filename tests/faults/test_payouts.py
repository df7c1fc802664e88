"""Payouts under real faults: processes that are killed, answers that are lost, many workers at once (P2, P3)."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from example_app.standin import Standin
from flask_referrals.adapters.state import get_state
from flask_referrals.models import AccountRow, BankRow, PayoutRow
from flask_referrals.testing import FrozenClock
from tests.databases import fresh_database
from tests.faults.paying import main
from tests.minihost import db
from tests.standin.test_webhooks import StripeWorld, world_on

KILLS = 200
LOST = 100
PAYOUTS = 500


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands still."""
    return FrozenClock()


@pytest.fixture
def standin(clock: FrozenClock) -> Iterator[Standin]:
    """A stand-in with empty books, whose every answer keeps to Stripe's description."""
    found = Standin(now=clock)
    found.serve()
    yield found
    found.stop()
    assert found.violations == []


#: Forks of a process that has everything loaded: quick to begin, and nothing of this one's is theirs.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.paying"])


def workers(url: str, standin: Standin, clock: FrozenClock, *killed_at: int) -> list[tuple[int, int]]:
    """Worker processes at once that run the payouts, each killed at its step (0 for never): exit codes and steps."""
    steps = [_FORKS.Value("i", 0) for _ in killed_at]
    running = [
        _FORKS.Process(target=main, args=(url, standin.url, clock(), at, told))
        for at, told in zip(killed_at, steps, strict=True)
    ]
    for one in running:
        one.start()
    for one in running:
        one.join()
    found = [(one.exitcode or 0, told.value) for one, told in zip(running, steps, strict=True)]
    for one in running:
        one.close()
    return found


def books(world: StripeWorld) -> Counter[str]:
    """The payouts by state; each that was sent has exactly one transfer, and no transfer is without one."""
    db.session.rollback()
    rows = db.session.execute(select(PayoutRow.id, PayoutRow.state, PayoutRow.transfer_id)).all()
    made = world.standin.transfers()
    groups = Counter(one["transfer_group"] for one in made)
    assert all(number == 1 for number in groups.values()), groups.most_common(3)
    assert {row.transfer_id for row in rows if row.state == "sent"} <= {one["id"] for one in made}
    return Counter(row.state for row in rows)


@pytest.mark.slow
@pytest.mark.race
def test_killed_at_every_step(standin: Standin, clock: FrozenClock) -> None:
    """kill -9 at every step between intent and `sent`, 200 times in all: one transfer each, every payout ends true."""
    with fresh_database("postgresql") as url:
        for world in world_on(url, standin, clock):
            jane = world.client("Jane Smith")
            world.link(jane)
            world.earn(jane, "Ann Nobody")
            db.session.commit()
            ((code, steps),) = workers(url, standin, clock, 0)
            assert code == 0
            killed = 0
            begun = 0
            while killed < KILLS:
                # Several payouts of several clients wait in turn; each process dies at a step of its own.
                for _ in range(4):
                    begun += 1
                    world.earn(world_client(world, f"Jane {begun}"), f"Ann {begun}")
                db.session.commit()
                ended = workers(url, standin, clock, *(random.randint(1, steps + 6) for _ in range(4)))
                killed += sum(code == -signal.SIGKILL for code, _ in ended)
                assert {code for code, _ in ended} <= {0, -signal.SIGKILL}
                clock.advance(minutes=random.choice([1, 11, 61, 60 * 13]))
                if begun % 40 == 0:
                    standin.forget_keys()
            for _ in range(6):
                clock.advance(hours=13)
                assert workers(url, standin, clock, 0)[0][0] == 0
            found = books(world)
            assert found == Counter(sent=found.total())
            assert len(standin.transfers()) == found.total() == begun + 1


def world_client(world: StripeWorld, name: str) -> Any:
    """A client with a linked account, written straight into the tables, since linking is not what is tested."""
    row = world.client(name)
    account_id = world.standin.desk.make_v2({"contact_email": "x@y.example"})["id"]
    world.standin.books.accounts[account_id].state = "ready"
    now = world.clock()
    db.session.execute(
        insert(BankRow).values(
            org="default",
            client_id=str(row.id),
            live=1,
            account_id=account_id,
            state="ready",
            needs=[],
            made_at=now,
            seen_at=now,
        )
    )
    world.code(row)
    get_state().run(lambda unit: _open(unit, str(row.id)), commit=True)
    return row


def _open(unit: Any, client_id: str) -> None:
    from flask_referrals.services.ledger import open_books

    open_books(unit, "default", [], qualified={client_id: 0})
    mine = (AccountRow.client_id == client_id) & (AccountRow.currency == "")
    unit.connection.execute(update(AccountRow).where(mine).values(linked=1))


@pytest.mark.slow
def test_the_answer_is_lost_and_the_key_forgotten(standin: Standin, clock: FrozenClock) -> None:
    """A hundred times: the transfer was made, nobody heard so, and Stripe has forgotten the key by then."""
    with fresh_database("postgresql") as url:
        for world in world_on(url, standin, clock):
            people = [world_client(world, f"Jane {number}") for number in range(LOST)]
            for number, row in enumerate(people):
                world.earn(row, f"Ann {number}")
            standin.fail("cut_done", times=LOST)
            world.work(hours=1)
            assert books(world) == Counter(unknown=LOST)
            standin.forget_keys()
            world.work(days=2)
            assert books(world) == Counter(sent=LOST)
            assert len(standin.transfers()) == LOST


@pytest.mark.slow
@pytest.mark.race
def test_two_workers_and_a_cron_at_once(standin: Standin, clock: FrozenClock) -> None:
    """500 payouts, three processes over and over: 500 transfers."""
    with fresh_database("postgresql") as url:
        for world in world_on(url, standin, clock):
            row = world_client(world, "Jane Smith")
            _many_payouts(world, str(row.id))
            begun = time.monotonic()
            while books(world)["sent"] < PAYOUTS:
                assert time.monotonic() - begun < 300
                assert [code for code, _ in workers(url, standin, clock, 0, 0, 0)] == [0, 0, 0]
                clock.advance(minutes=11)
            assert len(standin.transfers()) == PAYOUTS


def _many_payouts(world: StripeWorld, client_id: str) -> None:
    now = world.clock()
    row = {
        "org": "default", "client_id": client_id, "amount_minor": 100, "currency": "USD", "state": "queued",
        "attempt": 1, "tries": 0, "next_at": now, "withdrawn": 0, "netted": [], "reversed_minor": 0, "owed_minor": 0,
        "made_at": now,
    }  # fmt: skip
    db.session.execute(insert(PayoutRow), [row] * PAYOUTS)
    db.session.commit()
