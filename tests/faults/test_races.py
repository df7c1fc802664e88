"""Real processes on real databases, all at once: one reward each, nothing overspent, one referrer each."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from flask_referrals.models import LedgerRow, ReferralRow, RewardRow
from tests.faults import workers
from tests.minihost import ClientRow, InvoiceRow, db
from tests.worlds import World

pytestmark = [pytest.mark.race, pytest.mark.slow]
PROCESSES = 8
QUIET: dict[str, Any] = {"REFERRALS_DELIVERY": "worker"}


def race(
    url: str, work: Callable[..., int], config: dict[str, Any] | None = None, processes: int = PROCESSES
) -> list[int]:
    """Let the processes do the same work at once; what each returned."""
    db.session.rollback()
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        found = pool.starmap(work, [(url, seed, QUIET | (config or {})) for seed in range(processes)])
        pool.close()
        pool.join()
        return found


def test_eight_processes_pay_the_same_200_invoices(world: World, url: str) -> None:
    """R4: 1,600 events for 200 payments, both sides rewarded: 400 rewards, and the books are right."""
    world.terms(referee_reward={"amount": "5.00"})
    referrers = [world.client(f"Jane {number}") for number in range(5)]
    codes = [world.code(referrer) for referrer in referrers]
    db.session.commit()
    for number in range(200):
        row = ClientRow(name=f"Kiera {number}", email=f"k{number}@mail.example")
        db.session.add(row)
        db.session.flush()
        assert world.referrals.client_registered(row, codes[number % 5]).ok
        invoice = InvoiceRow(client_id=row.id, subtotal=10000)
        db.session.add(invoice)
        db.session.flush()
        world.referrals.invoice_created(invoice)
    db.session.commit()
    race(url, workers.pay_all)
    assert db.session.scalar(select(func.count()).select_from(RewardRow)) == 400
    assert db.session.scalar(select(func.count()).select_from(LedgerRow)) == 400
    assert [world.credit(referrer) for referrer in referrers] == [40 * 5000] * 5
    assert sorted(line.n for line in world.referrals.rewards(world.value(referrers[0]))) == list(range(1, 41))
    assert world.faults() == []


def test_eight_processes_and_a_limit(world: World, url: str) -> None:
    """L1, R2, R3: 60 payments of one referrer's, many times at once: ten issued, the rest in a queue, each n once.

    Two maintenance runs at once in the next month issue the next ten once.
    """
    world.terms(
        discount=None,
        tiers=[{"from": 30, "amount": "80.00"}],
        milestones=[{"at": 40, "amount": "100.00"}],
        limits={"per_month": 10, "total": 25, "budget": "100000.00"},
    )
    jane = world.client("Jane Smith")
    code = world.code(jane)
    for number in range(60):
        world.invoice(world.client(f"Kiera {number}", code), 10000)
    race(url, workers.pay_all)
    lines = world.referrals.rewards(world.value(jane))
    assert len(lines) == 61
    assert sorted(line.n for line in lines if line.amount.minor != 10000) == list(range(1, 61))
    assert sum(line.state == "issued" for line in lines) == 10
    assert {line.waits_for for line in lines} == {None, "limit"}
    race(url, workers.maintain, {"DAYS": 31})
    lines = world.referrals.rewards(world.value(jane))
    assert sum(line.state == "issued" for line in lines) == 20
    race(url, workers.maintain, {"DAYS": 62})
    lines = world.referrals.rewards(world.value(jane))
    assert sum(line.state == "issued" for line in lines) == 25
    assert world.credit(jane) == sum(line.amount.minor for line in lines if line.state == "issued")
    assert world.faults() == []


def test_eight_processes_spend_and_expire_one_account(world: World, url: str) -> None:
    """K2, K3: credit that is put on invoices, given back and expired at once is never overspent."""
    world.terms(discount=None, credit_expires_days=40)
    jane = world.client("Jane Smith")
    code = world.code(jane)
    for number in range(8):
        world.pay(world.invoice(world.client(f"Kiera {number}", code), 10000))
        world.clock.advance(days=4)
    race(url, workers.spend_and_expire)
    balance = world.referrals.balance(world.value(jane), "USD")
    assert balance.available.minor >= 0
    left = select(func.coalesce(func.sum(RewardRow.remaining_minor), 0))
    assert int(db.session.scalar(left) or 0) == balance.available.minor
    assert world.faults() == []


def test_two_processes_redeem_refund_and_expire_one_account(world: World, url: str) -> None:
    """K2, K3, K5, U1: whatever comes beside it, no credit is granted beyond what there is, and the books are right."""
    world.terms(discount=None, credit_expires_days=3, referrer_reward={"kinds": ["credit"], "amount": "20.00"})
    jane = world.client("Jane Smith")
    code = world.code(jane)
    for number in range(12):
        world.pay(world.invoice(world.client(f"Kiera {number}", code), 10000))
    granted = race(url, workers.spend_refund_and_expire, {"SECONDS": 30 if os.environ.get("CI") else 6}, processes=2)
    assert all(granted)
    assert world.faults() == []
    kinds = set(db.session.scalars(select(LedgerRow.reason)))
    assert {"reward", "reversal", "redemption", "expiry"} <= kinds


def test_eight_processes_spend_one_account(world: World, url: str) -> None:
    """K2: whatever runs beside it, never more than there is; captured and released credit adds up."""
    world.terms()
    jane = world.client("Jane Smith")
    code = world.code(jane)
    for number in range(4):
        world.pay(world.invoice(world.client(f"Kiera {number}", code), 10000))
    granted = race(url, workers.spend_at_random)
    assert sum(granted) > 20
    balance = world.referrals.balance(world.value(jane), "USD")
    assert balance.available.minor >= 0
    used = db.session.scalar(select(func.coalesce(func.sum(InvoiceRow.credit), 0))) or 0
    assert balance.available.minor + int(used) == 20000
    assert world.faults() == []


def test_eight_processes_bind_the_same_clients(world: World, url: str) -> None:
    """A2: each to one referrer, whoever was first; the others are told so."""
    world.terms()
    codes = [world.code(world.client(f"Jane {number}")) for number in range(PROCESSES)]
    newcomers = [world.client("New Comer", email=f"n{number}@mail.example") for number in range(60)]
    bound = race(url, workers.register_all, {"CODES": codes})
    assert sum(bound) == len(newcomers)
    assert db.session.scalar(select(func.count()).select_from(ReferralRow)) == len(newcomers)
