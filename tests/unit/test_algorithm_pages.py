"""The worked numbers of the algorithm pages: read from their tables, and played."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from flask_referrals import Terms
from flask_referrals.adapters.state import get_state
from flask_referrals.domain.rewards import plan, taken_back
from flask_referrals.models import PayoutRow, RewardRow
from flask_referrals.services import banks, cashbook
from flask_referrals.testing import FakeGateway, FrozenClock
from tests.minihost import ClientRow, InvoiceRow, create_app, db
from tests.worlds import PLAIN, World, usd

PAGES = Path(__file__).parents[2] / "docs" / "algorithms"
Row = dict[str, str]


def tables(page: str) -> list[list[Row]]:
    """Every table of the page, each row by its headings."""
    found: list[list[Row]] = []
    head: list[str] = []
    for text in (PAGES / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in text.strip().strip("|").split("|")] if text.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
            found.append([])
        elif not set(cells[0]) <= set("-: "):
            found[-1].append(dict(zip(head, cells, strict=True)))
    return found


def minor(text: str) -> int:
    """Cents."""
    return int(Decimal(text.replace("−", "-")) * 100)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world on SQLite."""
    clock = FrozenClock()
    app = create_app(f"sqlite:///{tmp_path / 'pages.sqlite3'}", clock)
    with app.app_context():
        db.create_all()
        found = World(app, clock)
        found.referrals.create_all()
        yield found
        assert found.faults() == []
        db.session.remove()
        db.engine.dispose()


class Story:
    """Plays `Ann pays`, `Ann is refunded`, `the worker comes` for a referrer Jane."""

    def __init__(self, world: World, **terms: Any) -> None:
        self.world = world
        world.terms(discount=None, **terms)
        self.jane = world.client("Jane Smith")
        self.invoices: dict[str, InvoiceRow] = {}
        self.day = 0

    def go_to(self, day: int) -> None:
        """Move on to that day."""
        self.world.clock.advance(days=day - self.day)
        self.day = day

    def play(self, event: str) -> None:
        """One event of a table."""
        world = self.world
        if match := re.fullmatch(r"(\w+) pays( again)?", event):
            if match[1] not in self.invoices:
                client: ClientRow = world.client(f"{match[1]} Ash", world.code(self.jane))
                self.invoices[match[1]] = world.invoice(client, 30000)
            world.pay(self.invoices[match[1]])
        elif match := re.fullmatch(r"(\w+) is refunded", event):
            invoice = self.invoices[match[1]]
            world.refund(invoice, invoice.paid)
        elif event == "the worker comes":
            world.referrals.work()
        elif event == "February begins":
            world.clock.advance(days=31)
            world.referrals.work()
        else:
            raise AssertionError(f"nobody knows how to play {event!r}")

    @property
    def n(self) -> int:
        """How many stand qualified."""
        states = [self.world.state(row) for row in db.session.scalars(select(ClientRow)) if row.id != self.jane.id]
        return states.count("qualified")


@pytest.mark.parametrize(
    ("number", "terms"),
    [
        (0, {"tiers": [{"from": 3, "amount": "80.00"}, {"from": 4, "amount": "100.00"}]}),
        (
            1,
            {
                "referrer_reward": {"kinds": ["credit"], "amount": "10.00"},
                "milestones": [{"at": 2, "amount": "100.00"}],
            },
        ),
    ],
)
def test_tiers_and_milestones(world: World, number: int, terms: dict[str, Any]) -> None:
    """R2, R3, U1: the tables of tiers.md."""
    story = Story(world, **terms)
    before = 0
    for row in tables("tiers.md")[number]:
        story.play(row["event"])
        after = world.credit(story.jane)
        assert (story.n, after - before) == (int(row["n"]), minor(row["reward"])), row
        before = after


def test_percentages_and_partial_refunds() -> None:
    """R3, U2: the last table of tiers.md."""
    terms = Terms.from_document(PLAIN | {"referrer_reward": {"kinds": ["credit"], "percent": "7.5"}})
    (reward, *_) = plan(terms, 1, usd(30000))
    rows = tables("tiers.md")[2]
    assert rows[0]["reward"] == "22.50"
    for row in rows:
        taken = taken_back(reward.amount.minor, minor(row["stays paid"]), minor(rows[0]["stays paid"]))
        assert (taken, reward.amount.minor - taken) == (minor(row["taken back in all"]), minor(row["reward"])), row


def test_a_hold(world: World) -> None:
    """R5: the first table of limits.md."""
    story = Story(world, hold_days=14)
    for row in tables("limits.md")[0]:
        story.go_to(int(row["day"]))
        story.play(row["event"])
        (reward,) = world.referrals.rewards(world.value(story.jane))
        assert reward.state == row["state"], row


def test_the_queue_of_a_limit(world: World) -> None:
    """L1: the second table of limits.md."""
    story = Story(world, limits={"per_month": 2})
    for row in tables("limits.md")[1]:
        story.play(row["event"])
        states = [reward.state for reward in world.referrals.rewards(world.value(story.jane))]
        assert (states.count("issued"), states.count("pending")) == (int(row["issued"]), int(row["waiting"])), row


def test_lots_of_credit(world: World) -> None:
    """K3, K4: the first table of credit.md."""
    story = Story(world, credit_expires_days=90)
    rows = tables("credit.md")[0]
    names = iter(("Ann", "Ben"))
    spent = None
    for row in rows:
        story.go_to(int(row["day"]))
        if row["event"] == "a reward":
            story.play(f"{next(names)} pays")
        elif row["event"].startswith("20.00 on an invoice"):
            spent = world.invoice(story.jane, 2000)
            world.referrals.use_credit(spent)
            db.session.commit()
        elif row["event"] == "the invoice is void":
            assert spent is not None
            spent.void = True
            world.referrals.invoice_voided(spent)
            db.session.commit()
        else:
            story.play(row["event"])
        left = list(db.session.scalars(select(RewardRow.remaining_minor).order_by(RewardRow.id)))
        wanted = [minor(row["expires on day 90"]), minor(row["expires on day 150"])]
        assert [*left, 0][:2] == wanted, row
        assert world.credit(story.jane) == minor(row["balance"]), row


def test_a_clawback_of_spent_credit(world: World) -> None:
    """K5: the second table of credit.md."""
    story = Story(world, credit_expires_days=90)
    for row in tables("credit.md")[1]:
        story.go_to(int(row["day"]))
        if row["event"] == "a reward":
            story.play("Ann pays")
        elif row["event"].startswith("20.00"):
            invoice = world.invoice(story.jane, 2000)
            world.referrals.use_credit(invoice)
            world.pay(invoice)
        elif row["event"] == "the new client is refunded":
            story.play("Ann is refunded")
        else:
            story.play(row["event"])
        assert world.credit(story.jane) == minor(row["balance"]), row
    assert db.session.scalar(select(func.count(RewardRow.id))) == 1


Cash = tuple[World, FakeGateway, FrozenClock, str, ClientRow]


@pytest.fixture
def cash(tmp_path: Path) -> Iterator[Cash]:
    """A world with a gateway, and Jane with an account that is ready."""
    clock = FrozenClock()
    gateway = FakeGateway(clock)
    app = create_app(f"sqlite:///{tmp_path / 'cash.sqlite3'}", clock, gateway=gateway)
    with app.app_context():
        db.create_all()
        yield _linked(app, clock, gateway)
        db.session.remove()
        db.engine.dispose()


def _linked(app: Flask, clock: FrozenClock, gateway: FakeGateway) -> Cash:
    found = World(app, clock)
    found.referrals.create_all()
    found.terms(discount=None, referrer_reward={"kinds": ["cash"], "amount": "50.00"})
    jane = found.client("Jane Smith")
    state, client = get_state(), found.value(jane)
    bank = state.run(lambda unit: banks.begin(unit, client.org, client.id), commit=True)
    account = gateway.create_account(client, "key")
    state.run(lambda unit: banks.opened(unit, bank, account), commit=True)
    gateway.onboard(account)
    status = gateway.account("default", account)
    state.run(lambda unit: banks.observe(unit, account, status), commit=True)
    return found, gateway, clock, account, jane


def comes(world: World, jane: ClientRow, name: str) -> InvoiceRow:
    """Somebody new pays a first invoice, and the worker runs."""
    invoice = world.invoice(world.client(name, world.code(jane)), 9000)
    world.pay(invoice)
    world.referrals.work()
    return invoice


@pytest.mark.parametrize("row", tables("payouts.md")[1], ids=lambda row: row["Age of the key"])
def test_an_unknown_payout(cash: Cash, row: Row) -> None:
    """P3: what is done by the age of the key."""
    world, gateway, clock, account, jane = cash
    gateway.fail("timeout_not_done")
    comes(world, jane, "Ann Ash")
    clock.advance(hours=int(row["Age of the key"].split()[0]))
    world.referrals.work()
    sent = row["What is done"] != "nothing: it waits"
    assert [one.state for one in world.referrals.payouts(world.value(jane))] == ["sent" if sent else "unknown"]
    assert db.session.scalar(select(PayoutRow.attempt)) == int(row["Attempt"])
    assert gateway.reached(account) == (5000 if sent else 0)


def test_what_is_owed(cash: Cash) -> None:
    """P6: what left for the bank is kept back of the next payouts."""
    world, gateway, clock, account, jane = cash
    table = tables("payouts.md")[2]
    invoice = None
    for number, row in enumerate(table):
        clock.advance(hours=1)
        event = row["Event"]
        if event.startswith("it has left"):
            assert invoice is not None
            gateway.take_balance(account)
            world.refund(invoice)
            world.referrals.work()
        else:
            amount = re.search(r"[\d.]+", event)
            assert amount is not None
            world.terms(discount=None, referrer_reward={"kinds": ["cash"], "amount": amount.group()})
            invoice = comes(world, jane, f"Ann {number}")
        owed = sum(one.open.minor for one in cashbook.debts(db.session.connection(), "default"))
        assert (gateway.reached(account), owed) == (minor(row["Sent to the client"]), minor(row["Owed"])), event
