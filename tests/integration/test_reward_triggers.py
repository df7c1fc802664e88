"""What the triggers count of rewards agrees with a recount of the rewards, on every way a reward can go (L1)."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, update

from flask_referrals import Terms
from flask_referrals.adapters.state import get_state
from flask_referrals.models import AccountRow, RewardRow
from flask_referrals.models.ledger import COUNTS, ORG_ITSELF
from flask_referrals.services import decisions
from tests.minihost import ClientRow, InvoiceRow, db
from tests.worlds import PLAIN, World

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
MOWING = {"kinds": ["service"], "service": {"name": "Mowing", "value": "30.00"}}


def carried() -> dict[tuple[str, str], tuple[Any, ...]]:
    """What the triggers have counted: per referrer, and per currency with a budget."""
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for row in db.session.execute(select(_ACCOUNT).where(_ACCOUNT.c.org == "default")):
        if row.client_id == ORG_ITSELF:
            found["", row.currency] = (row.issued, row.waiting)
        elif row.currency == COUNTS:
            found[row.client_id, ""] = (row.issued, row.waiting, row.month, row.in_month, row.in_year)
    return found


def recounted(months: dict[str, str]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """The same from the rewards alone; `months` is the newest month of each referrer's in which one was ever issued."""
    rewards = db.session.execute(select(_REWARD).where(_REWARD.c.org == "default")).all()
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for client_id, currency in carried():
        if client_id == ORG_ITSELF:
            mine = [one for one in rewards if one.currency == currency]
            spent = sum(one.amount_minor - one.taken_minor for one in mine if one.state == "issued")
            queued = sum(_queued(one) and one.reason == "budget" for one in mine)
            found["", currency] = (spent, queued)
            continue
        mine = [one for one in rewards if one.client_id == client_id and one.beneficiary == "referrer"]
        issued = [one.issued_month for one in mine if one.state == "issued"]
        month = months[client_id] = max(
            months.get(client_id, ""), max((one.issued_month or "" for one in mine), default="")
        )
        found[client_id, ""] = (
            len(issued),
            sum(map(_queued, mine)),
            month,
            sum(one == month for one in issued),
            sum(one[:4] == month[:4] for one in issued),
        )
    return found


def _queued(reward: Any) -> bool:
    return bool(reward.state == "pending" and reward.waits_for == "limit")


class Checked:
    """Recounts after every step, and remembers which kinds of standing were seen."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.months: dict[str, str] = {}
        self.seen: set[tuple[str, str | None]] = set()

    def check(self) -> None:
        db.session.commit()
        assert carried() == recounted(self.months)
        self.seen |= {(one.state, one.waits_for) for one in db.session.execute(select(_REWARD))}

    def earn(self, jane: ClientRow, name: str, **values: Any) -> InvoiceRow:
        row = self.world.client(name, self.world.code(jane))
        invoice = self.world.invoice(row, 10000, **values)
        self.world.pay(invoice)
        self.check()
        return invoice

    def refund(self, invoice: InvoiceRow, amount: int | None = None) -> None:
        self.world.refund(invoice, amount)
        self.check()

    def pay(self, invoice: InvoiceRow) -> None:
        self.world.pay(invoice)
        self.check()

    def work(self, days: int) -> None:
        self.world.clock.advance(days=days)
        self.world.referrals.work()
        self.check()


def test_issued_reversed_and_earned_anew(world: World) -> None:
    """U1, R3: at once, by a tier and a milestone, both sides; a refund frees the place, a payment takes it again."""
    world.terms(
        discount=None,
        referee_reward={"amount": "5.00"},
        tiers=[{"from": 2, "amount": "70.00"}],
        milestones=[{"at": 2, "amount": "25.00"}],
        limits={"budget": "1000.00"},
    )
    books = Checked(world)
    jane = world.client("Jane Smith")
    first = books.earn(jane, "Kiera Lopez")
    second = books.earn(jane, "Omar Reed")
    assert carried()["", "USD"] == (5000 + 500 + 7000 + 2500 + 500, 0)
    books.refund(first)
    books.pay(first)
    books.refund(second)
    books.refund(first)
    assert carried() == {("", "USD"): (0, 0), ("1", ""): (0, 0, "2026-01", 0, 0)}


def test_held_cancelled_and_issued_later(world: World) -> None:
    """R5, U1: nothing is counted while it waits; when it is issued it counts in that month and year."""
    world.terms(discount=None, hold_days=20, limits={"budget": "1000.00"})
    books = Checked(world)
    jane = world.client("Jane Smith")
    books.earn(jane, "Kiera Lopez")
    undone = books.earn(jane, "Omar Reed")
    assert carried()["1", ""] == (0, 0, "", 0, 0)
    books.refund(undone)
    books.work(25)
    assert carried()["1", ""] == (1, 0, "2026-02", 1, 1)
    books.work(340)
    late = books.earn(jane, "Ben Hall")
    books.work(20)
    assert carried()["1", ""] == (2, 0, "2027-01", 1, 1)
    books.refund(late)
    assert carried()["1", ""] == (1, 0, "2027-01", 0, 0)


def test_approved_refused_and_rejected(world: World) -> None:
    """R8, U4: a decision of staff's counts like any other."""
    world.terms(discount=None, approval="all", limits={"budget": "1000.00"})
    books = Checked(world)
    jane = world.client("Jane Smith")
    rows = [world.client(name, world.code(jane)) for name in ("Kiera Lopez", "Omar Reed")]
    for row in rows:
        world.pay(world.invoice(row, 10000))
        books.check()
    assert carried()["1", ""][0] == 0
    world.referrals.approve(world.value(rows[0]), by="sam")
    books.check()
    world.referrals.refuse(world.value(rows[1]), by="sam", reason="no")
    books.check()
    assert carried()["1", ""][0] == 1
    world.referrals.reject(world.value(rows[0]), by="sam", reason="no")
    books.check()
    assert carried()["", "USD"] == (0, 0)


def test_beyond_a_limit_and_past_it(world: World) -> None:
    """L1: the queue is counted; released by staff, by a turn of the month, or cancelled while it waits."""
    world.terms(discount=None, limits={"per_month": 1})
    books = Checked(world)
    jane = world.client("Jane Smith")
    rows = [world.client(f"Kiera {number}", world.code(jane)) for number in range(5)]
    invoices = [world.invoice(row, 10000) for row in rows]
    for invoice in invoices:
        books.pay(invoice)
    assert carried()["1", ""] == (1, 4, "2026-01", 1, 1)
    release = partial(decisions.release_rewards, org="default", reward_ids=[2], reason="a good client")
    assert get_state().run(release, actor="sam", commit=True) == [2]
    books.check()
    assert carried()["1", ""] == (2, 3, "2026-01", 2, 2)
    books.refund(invoices[2])
    assert carried()["1", ""][1] == 2
    books.work(31)
    assert carried()["1", ""] == (3, 1, "2026-02", 1, 3)
    books.refund(invoices[0])  # of January: its month is over, its year is not
    assert carried()["1", ""] == (2, 1, "2026-02", 1, 2)
    books.work(365)
    assert carried()["1", ""] == (3, 0, "2027-02", 1, 1)


def test_a_budget(world: World) -> None:
    """L1: both sides' rewards are counted in money, a service by its value; the queue of the budget moves on."""
    world.terms(discount=None, referee_reward={"amount": "5.00"}, limits={"budget": "60.00"})
    books = Checked(world)
    jane = world.client("Jane Smith")
    first = books.earn(jane, "Kiera Lopez")
    books.earn(jane, "Omar Reed")
    assert carried()["", "USD"] == (5500, 2)  # both wait, though one would fit: oldest first
    books.refund(first)
    books.work(1)
    assert carried()["", "USD"] == (5500, 0)
    world.terms(discount=None, referrer_reward=MOWING, limits={"budget": "100.00"})
    mowed = books.earn(world.client("Mark Oak"), "Ben Hall")
    assert carried()["", "USD"] == (8500, 0)
    books.refund(mowed)
    assert carried()["", "USD"] == (5500, 0)


def test_a_share_that_shrinks(world: World) -> None:
    """U2: parts that are taken back leave the budget and come back while it is issued, not in other currencies."""
    world.terms(discount=None, referrer_reward={"kinds": ["credit"], "percent": "10"}, limits={"budget": "100.00"})
    books = Checked(world)
    jane = world.client("Jane Smith")
    invoice = books.earn(jane, "Kiera Lopez")
    books.refund(invoice, 2500)
    assert carried()["", "USD"] == (750, 0)
    books.refund(invoice, 2500)
    books.pay(invoice)
    assert carried()["", "USD"] == (1000, 0)
    books.earn(jane, "Omar Reed", currency="EUR")
    assert carried()["", "USD"] == (1000, 0)
    assert carried()["1", ""][0] == 2
    world.terms(discount=None, referrer_reward={"kinds": ["credit"], "percent": "10"}, hold_days=5)
    held = books.earn(jane, "Ben Hall")
    books.refund(held, 5000)
    assert carried()["", "USD"] == (1000, 0)
    books.work(5)
    assert carried()["", "USD"] == (1500, 0)
    books.refund(held)
    assert carried()["", "USD"] == (1000, 0)


def test_a_budget_that_comes_later(world: World) -> None:
    """L1: what was issued before the first budget is in its count."""
    world.terms(discount=None)
    books = Checked(world)
    jane = world.client("Jane Smith")
    gone = books.earn(jane, "Kiera Lopez")
    books.earn(jane, "Omar Reed")
    books.refund(gone)
    world.terms(discount=None, limits={"budget": "60.00"})
    assert carried()["", "USD"] == (5000, 0)
    books.earn(jane, "Ben Hall")
    assert carried()["", "USD"] == (5000, 1)


@pytest.mark.parametrize("seed", range(3))
def test_any_row_moved_anyhow(world: World, seed: int) -> None:
    """Rows made and moved straight in the table, in any order and month: the counts follow; those of others don't."""
    world.terms(discount=None, limits={"budget": "1000.00"})
    terms = Terms.from_document(PLAIN | {"limits": {"budget": "10.00"}})
    world.referrals.save_terms("other", terms, by="sam")
    jane = world.client("Jane Smith")
    world.pay(world.invoice(world.client("Kiera Lopez", world.code(jane)), 10000))
    template = dict(db.session.execute(select(_REWARD)).one()._mapping)
    others = db.session.execute(select(_ACCOUNT).where(_ACCOUNT.c.org == "other")).all()
    choice = random.Random(seed)
    books = Checked(world)
    books.check()
    standings: list[dict[str, Any]] = [
        {"state": "pending", "waits_for": "limit", "reason": "budget"},
        {"state": "pending", "waits_for": "limit", "reason": "per_month"},
        {"state": "pending", "waits_for": "hold", "reason": None},
        {"state": "issued", "waits_for": None, "reason": None},
        {"state": "reversed", "waits_for": None, "reason": "refunded"},
        {"state": "cancelled", "waits_for": None, "reason": "refunded"},
    ]
    months = ["2025-12", "2026-01", "2026-02", "2027-01"]
    for number in range(60):
        standing = choice.choice(standings)
        known = db.session.execute(select(_REWARD.c.id, _REWARD.c.issued_month, _REWARD.c.state)).all()
        if len(known) < 5 or choice.random() < 0.1:
            sides = {"beneficiary": choice.choice(["referrer", "referee"]), "currency": choice.choice(["USD", "EUR"])}
            month = choice.choice(months) if standing["state"] == "issued" else None
            new = template | sides | standing | {"epoch": 100 + number, "issued_month": month}
            del new["id"]
            db.session.execute(insert(_REWARD), new | {"amount_minor": choice.randrange(1, 900), "taken_minor": 0})
        else:
            one = choice.choice(known)
            issues = standing["state"] == "issued" and one.state != "issued"
            month = choice.choice(months) if issues else one.issued_month
            values = standing | {"issued_month": month, "taken_minor": choice.randrange(100)}
            db.session.execute(update(_REWARD).where(_REWARD.c.id == one.id).values(**values))
        assert carried() == recounted(books.months)
    assert db.session.execute(select(_ACCOUNT).where(_ACCOUNT.c.org == "other")).all() == others
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(RewardRow)) == 1
