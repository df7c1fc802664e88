"""The worker's steps as Celery tasks: a real broker, two workers that are killed and begun again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from sqlalchemy import select

from example_app.standin import Standin
from flask_referrals.adapters.celery import EVERY, register
from flask_referrals.adapters.worker import GROUPS, STEPS
from flask_referrals.models import ActivityRow, PayoutRow
from flask_referrals.testing import FrozenClock
from tests.databases import fresh_database
from tests.faults.test_payouts import world_client
from tests.minihost import create_app, db
from tests.standin.test_webhooks import world_on

ROOT = Path(__file__).parents[2]
CLIENTS = 40


def test_every_step_is_in_one_group() -> None:
    """What no task does would never be done."""
    assert Counter(step for steps in GROUPS.values() for step in steps) == Counter(STEPS)
    assert EVERY.keys() == GROUPS.keys()


def test_the_schedule_is_the_hosts_to_change() -> None:
    """Entries of our names that are there already stay."""
    celery = Celery("x")
    mine = {"task": "referrals.payouts", "schedule": 7}
    celery.conf.beat_schedule = {"referrals-payouts": mine}
    with fresh_database("sqlite") as url:
        register(celery, create_app(url))
    assert celery.conf.beat_schedule["referrals-payouts"] == mine
    assert set(celery.conf.beat_schedule) == {f"referrals-{name}" for name in GROUPS}


@pytest.fixture
def standin() -> Iterator[Standin]:
    """A stand-in with the clock of all here."""
    found = Standin(now=FrozenClock())
    found.serve()
    yield found
    found.stop()
    assert found.violations == []


def _states() -> list[tuple[str, str | None, str | None]]:
    """Where the payouts stand, for a message."""
    db.session.rollback()
    rows = db.session.execute(select(PayoutRow.state, PayoutRow.reason, PayoutRow.error))
    return [(row.state, row.reason, row.error) for row in rows if row.state != "sent"]


def until(done: Callable[[], bool], seconds: float = 90) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, _states()
        time.sleep(0.2)


def sent() -> int:
    """How many payouts went out."""
    db.session.rollback()
    return sum(state == "sent" for state in db.session.scalars(select(PayoutRow.state)))


def all_told() -> bool:
    """Whether nothing waits to be announced."""
    db.session.rollback()
    return db.session.execute(select(ActivityRow.id).where(ActivityRow.waits.is_not(None)).limit(1)).first() is None


@pytest.mark.slow
@pytest.mark.race
def test_workers_that_are_killed(redis_url: str, standin: Standin) -> None:
    """Two workers on a real broker, killed and begun again while payouts go out: each once, all announced."""
    clock = FrozenClock()  # as the workers' apps have it
    queue = f"referrals-{uuid.uuid4().hex[:8]}"
    with fresh_database("postgresql") as url:
        settings = os.environ | {
            "DATABASE_URL": url, "BROKER_URL": redis_url, "STANDIN_URL": standin.url, "QUEUE": queue,
        }  # fmt: skip
        command = [
            sys.executable, "-m", "celery", "-A", "tests.integration.celeryapp", "worker", "--pool", "solo",
            "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]  # fmt: skip
        celery = Celery("sender", broker=redis_url)
        celery.conf.task_default_queue = queue

        def begin(number: int) -> subprocess.Popen[bytes]:
            return subprocess.Popen([*command, "-n", f"w{number}-{queue}@%h"], cwd=ROOT, env=settings)

        for world in world_on(url, standin, clock):
            for number in range(CLIENTS):
                world.earn(world_client(world, f"Jane {number}"), f"Ann {number}")

            running = [begin(1), begin(2)]
            try:
                for _ in range(2):
                    for name in (*GROUPS, *GROUPS):
                        celery.send_task(f"referrals.{name}")
                until(lambda: sent() > 2)
                for one in running:
                    one.send_signal(signal.SIGKILL)
                    one.wait()
                # A payout in whose sending a worker was killed is looked up once its lease is over.
                leases = PayoutRow.__table__.update().where(PayoutRow.lease_until.is_not(None))  # type: ignore[attr-defined]
                db.session.execute(leases.values(lease_until=clock()))
                db.session.commit()
                running = [begin(3), begin(4)]

                def all_sent() -> bool:
                    for name in GROUPS:
                        celery.send_task(f"referrals.{name}")
                    time.sleep(1)
                    return sent() == CLIENTS

                until(all_sent)
                until(all_told)
            finally:
                for one in running:
                    one.terminate()
                for one in running:
                    one.wait()
                with celery.connection_for_write() as connection:
                    connection.default_channel.queue_delete(queue)
            assert Counter(one["transfer_group"] for one in standin.transfers()).most_common(1)[0][1] == 1
            assert len(standin.transfers()) == CLIENTS
