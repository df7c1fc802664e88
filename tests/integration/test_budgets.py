"""Statements of ours per path, the same for 10 and for 2,000 referrals (docs/architecture.md §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, insert

from flask_referrals.models import AccountRow, ReferralRow
from flask_referrals.models.ledger import COUNTS
from tests.minihost import ClientRow, db
from tests.worlds import World


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement on our tables, transaction control and the host's own aside."""
    found: list[str] = []

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "referrals_" in statement:
            found.append(statement)

    event.listen(db.engine, "before_cursor_execute", executed)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", executed)


def fill(world: World, jane: ClientRow, count: int) -> None:
    """Give Jane so many referrals that stand qualified, and the counts that go with them."""
    terms_id = world.referrals.program("default").versions[-1].id
    common = {
        "org": "default", "referrer_id": str(jane.id), "referee_name": "Some Body", "referrer_name": jane.name,
        "live": 1, "state": "qualified", "epoch": 1, "via": "code", "touched_at": world.clock.now,
        "attributed_at": world.clock.now, "terms_id": terms_id, "discount_minor": 0,
    }  # fmt: skip
    rows = [common | {"referee_id": f"old-{number}"} for number in range(count)]
    db.session.execute(insert(ReferralRow), rows)
    db.session.execute(
        insert(AccountRow).values(
            org="default", client_id=str(jane.id), currency=COUNTS, balance=0, held=0, seq=0, head="",
            referred=count, qualified=count,
        )
    )  # fmt: skip
    db.session.commit()


@pytest.fixture
def settings() -> dict[str, Any]:
    """Delivery has a budget of its own, per batch."""
    return {"REFERRALS_DELIVERY": "worker", "REFERRALS_STRICT": True}


@pytest.fixture(params=[10, 2000])
def scene(request: pytest.FixtureRequest, world: World) -> tuple[World, ClientRow]:
    """A referrer with few or many referrals; tiers, milestones, limits and rewards for both sides; caches are warm."""
    count = request.param
    world.terms(
        referee_reward={"amount": "5.00"},
        tiers=[{"from": 3, "amount": "80.00"}],
        milestones=[{"at": count + number, "amount": "100.00"} for number in (1, 2, 3)],
        hold_days=None,
        limits={"per_month": count + 50, "per_year": count + 50, "total": count + 50, "budget": "100000.00"},
    )
    jane = world.client("Jane Smith")
    fill(world, jane, request.param)
    world.client("Warm Up", world.code(jane))
    return world, jane


def cost(step: Callable[[], object]) -> int:
    """How many statements of ours a step takes."""
    with counted() as statements:
        step()
    return len(statements)


def test_a_stranger_costs_one_statement(scene: tuple[World, ClientRow]) -> None:
    """§5: a payment or an invoice by a client who was never referred."""
    world, _ = scene
    invoice = world.invoice(world.client("Stran Ger"), 20000)
    assert cost(lambda: world.referrals.invoice_created(invoice)) == 1
    invoice.paid, invoice.settled = invoice.total, True
    assert cost(lambda: world.referrals.invoice_paid(invoice)) == 1


def test_the_loop_within_its_budgets(scene: tuple[World, ClientRow]) -> None:
    """§5: attribute 5, quote 1, apply 4, paid to reward 6, redeem 4; here to the statement, so that none creeps in."""
    world, jane = scene
    code = world.code(jane)
    kiera = world.client("Kiera Lopez")
    assert cost(lambda: world.referrals.client_registered(kiera, code)) == 4
    db.session.commit()
    from tests.minihost import InvoiceRow

    invoice = InvoiceRow(client_id=kiera.id, subtotal=20000)
    db.session.add(invoice)
    db.session.flush()
    assert cost(lambda: world.referrals.discount(invoice)) == 1
    assert cost(lambda: world.referrals.invoice_created(invoice)) == 3
    db.session.commit()
    invoice.paid, invoice.settled = invoice.total, True
    assert cost(lambda: world.referrals.invoice_paid(invoice)) == 6
    db.session.commit()
    assert world.credit(jane) == 18000  # the tier's 80.00 and the milestone's 100.00
    assert world.credit(kiera) == 500
    own = world.invoice(jane, 3000)
    assert cost(lambda: world.referrals.use_credit(own)) == 4
    db.session.commit()


def test_credit_that_expires_costs_one_statement_more(world: World) -> None:
    """K3: its lots are lowered by a statement of their own, however many of them there are."""
    world.terms(discount=None, credit_expires_days=90)
    jane = world.client("Jane Smith")
    code = world.code(jane)
    for number in range(3):
        world.pay(world.invoice(world.client(f"Kiera {number}", code), 10000))
    own = world.invoice(jane, 12000)
    assert cost(lambda: world.referrals.use_credit(own)) == 5
    db.session.commit()
    assert world.credit(jane) == 3000


def test_a_repeated_payment_costs_one_statement(scene: tuple[World, ClientRow]) -> None:
    """R4: what is done already is seen by the first look."""
    world, jane = scene
    invoice = world.invoice(world.client("Kiera Lopez", world.code(jane)), 20000)
    world.pay(invoice)
    assert cost(lambda: world.referrals.invoice_paid(invoice)) == 1


def test_a_worker_takes_three_statements_a_batch(scene: tuple[World, ClientRow]) -> None:
    """§5: look, claim, mark, beside what every run looks for."""
    world, _ = scene
    db.session.rollback()
    busy = cost(world.referrals.work)
    # Each run ends with a look that finds nothing: deliveries take three, statistics two beside their look.
    assert busy - cost(world.referrals.work) == 3 + 2
