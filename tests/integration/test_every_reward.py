"""Rewards of every kind, and what undoes, holds, limits and expires them, on each database (R, U, K, L)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.minihost import ClientRow, InvoiceRow, db
from tests.worlds import World, usd


def states(world: World, row: ClientRow) -> list[tuple[str, str | None]]:
    """State of each reward, and what it waits for."""
    return [(line.state, line.waits_for) for line in world.referrals.rewards(world.value(row))]


def earn(world: World, jane: ClientRow, name: str, subtotal: int = 10000) -> InvoiceRow:
    """Somebody new comes by Jane's code and pays a first invoice."""
    row = world.client(name, world.code(jane))
    invoice = world.invoice(row, subtotal)
    world.pay(invoice)
    return invoice


def reward(**values: Any) -> dict[str, Any]:
    """What the referrer gets."""
    return {"kinds": ["credit"], **values}


def test_a_percentage_is_of_what_is_charged_before_tax(world: World) -> None:
    """R3, U2: 10% of 85.00 after the discount; refunds take back their part, and paying again brings it back."""
    world.terms(referrer_reward=reward(percent="10", cap="100.00"))
    jane = world.client("Jane Smith")
    invoice = earn(world, jane, "Kiera Lopez")
    assert world.credit(jane) == 850
    world.refund(invoice, 2833)
    assert world.credit(jane) == 567  # 8.50 x 56.67 / 85.00 is 5.667
    world.refund(invoice, 2833)
    assert world.credit(jane) == 283
    invoice.paid += 5666
    world.referrals.invoice_paid(invoice)
    db.session.commit()
    assert world.credit(jane) == 850
    assert "reward_reduced" in world.kinds(jane)
    assert "reward_restored" in world.kinds(jane)
    world.refund(invoice)
    assert world.credit(jane) == 0
    assert world.state(db.session.get_one(ClientRow, invoice.client_id)) == "pending"


def test_a_cap_cannot_be_compared_in_another_currency(world: World) -> None:
    """M4: then the invoice does not qualify, and the reason is on the log; without a cap it does, in its currency."""
    world.terms(discount=None, referrer_reward=reward(percent="10", cap="5.00"))
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    world.pay(world.invoice(kiera, 10000, currency="EUR"))
    assert world.state(kiera) == "pending"
    assert "not_qualified" in world.kinds(jane)
    world.terms(discount=None, referrer_reward=reward(percent="10"))
    mark = world.client("Mark Oak", world.code(jane))
    world.pay(world.invoice(mark, 10000, currency="EUR"))
    assert world.credit(jane, "EUR") == 1000


def test_tiers_count_what_stands_qualified(world: World) -> None:
    """R2: the tier is set by n at that moment; an undo lowers n for the next one only."""
    world.terms(discount=None, tiers=[{"from": 2, "amount": "80.00"}, {"from": 3, "percent": "50"}])
    jane = world.client("Jane Smith")
    first = earn(world, jane, "Ann Ash")
    earn(world, jane, "Ben Birch")
    assert world.credit(jane) == 5000 + 8000
    world.refund(first)
    assert world.credit(jane) == 8000
    earn(world, jane, "Cy Cedar")
    earn(world, jane, "Di Dogwood")
    assert world.credit(jane) == 8000 + 8000 + 5000


def test_a_milestone_never_stands_twice(world: World) -> None:
    """R3: granted when n reaches it, taken back below it, granted again; also while its reward is held."""
    world.terms(discount=None, referrer_reward=reward(amount="10.00"), milestones=[{"at": 2, "amount": "100.00"}])
    jane = world.client("Jane Smith")
    first = earn(world, jane, "Ann Ash")
    earn(world, jane, "Ben Birch")
    assert world.credit(jane) == 12000
    for _ in range(3):
        world.refund(first)
        assert world.credit(jane) == 1000
        world.pay(first)
        assert world.credit(jane) == 12000


def test_in_the_hold_an_undo_costs_nothing(world: World) -> None:
    """R5, U1: pending until the hold ends at that very instant, and cancelled by a refund before it."""
    world.terms(discount=None, referee_reward={"amount": "5.00"}, hold_days=14)
    jane = world.client("Jane Smith")
    first = earn(world, jane, "Ann Ash")
    second = earn(world, jane, "Ben Birch")
    assert states(world, jane) == [("pending", "hold")] * 2
    world.refund(first)
    world.clock.advance(days=14, seconds=-1)
    assert world.referrals.work().issued == 0
    world.clock.advance(seconds=1)
    assert world.referrals.work().issued == 2
    assert states(world, jane) == [("cancelled", None), ("issued", None)]
    assert (world.credit(jane), world.credit(db.session.get_one(ClientRow, second.client_id))) == (5000, 500)
    assert world.referrals.work().issued == 0


def test_approval_then_hold_then_limit(world: World) -> None:
    """R8, L1: a pending reward says the first that applies, and goes from one to the next."""
    world.terms(discount=None, approval="all", hold_days=2, limits={"per_month": 1})
    jane = world.client("Jane Smith")
    for name in ("Ann Ash", "Ben Birch"):
        earn(world, jane, name)
    assert states(world, jane) == [("pending", "approval")] * 2
    for name in ("Ann Ash", "Ben Birch"):
        row = db.session.query(ClientRow).filter_by(name=name).one()
        assert world.referrals.approve(world.value(row), by="sam", reason="known").ok
        assert not world.referrals.approve(world.value(row), by="sam", reason="known").ok
    db.session.commit()
    assert states(world, jane) == [("pending", "hold")] * 2
    world.clock.advance(days=2)
    world.referrals.work()
    assert states(world, jane) == [("issued", None), ("pending", "limit")]
    assert world.credit(jane) == 5000


def test_a_refused_reward_is_gone_and_the_referral_stands(world: World) -> None:
    """R8: cancelled with refused_by_staff; the host repeating the payment makes no new one."""
    world.terms(discount=None, approval="all")
    jane = world.client("Jane Smith")
    invoice = earn(world, jane, "Ann Ash")
    ann = db.session.get_one(ClientRow, invoice.client_id)
    world.referrals.refuse(world.value(ann), by="sam", reason="same household")
    db.session.commit()
    world.pay(invoice)
    (line,) = world.referrals.rewards(world.value(jane))
    assert (line.state, line.reason, world.state(ann)) == ("cancelled", "refused_by_staff", "qualified")


def test_terms_without_approval_release_what_waits_for_it(world: World) -> None:
    """L1: approval is that in force at the time of issue."""
    world.terms(discount=None, approval="all")
    jane = world.client("Jane Smith")
    earn(world, jane, "Ann Ash")
    world.terms(discount=None)
    assert world.referrals.work().issued == 1
    assert world.credit(jane) == 5000


def test_a_limit_queues_and_the_oldest_goes_first(world: World) -> None:
    """L1: beyond it rewards wait; an undo frees its place for the oldest, not for whoever comes next."""
    world.terms(discount=None, limits={"per_month": 2})
    jane = world.client("Jane Smith")
    first = earn(world, jane, "Ann Ash")
    for name in ("Ben Birch", "Cy Cedar", "Di Dogwood"):
        earn(world, jane, name)
    assert states(world, jane)[2:] == [("pending", "limit")] * 2
    world.refund(first)
    earn(world, jane, "Ed Elm")
    assert states(world, jane)[4] == ("pending", "limit")
    world.referrals.work()
    assert [state for state, _ in states(world, jane)] == ["reversed", "issued", "issued", "pending", "pending"]
    world.clock.advance(days=31)
    assert world.referrals.work().issued == 2
    assert world.credit(jane) == 4 * 5000


def test_limits_of_the_year_and_in_all(world: World) -> None:
    """L1: each is counted by the time of issue in the org's time zone."""
    world.clock.move_to(datetime(2026, 12, 30, tzinfo=UTC))
    world.terms(discount=None, limits={"per_year": 1, "total": 2})
    jane = world.client("Jane Smith")
    for name in ("Ann Ash", "Ben Birch", "Cy Cedar"):
        earn(world, jane, name)
    world.clock.move_to(datetime(2027, 1, 1, tzinfo=UTC))
    world.referrals.work()
    assert [state for state, _ in states(world, jane)] == ["issued", "issued", "pending"]
    world.clock.move_to(datetime(2028, 1, 1, tzinfo=UTC))
    world.referrals.work()
    assert world.credit(jane) == 10000
    world.terms(discount=None)
    world.referrals.work()
    assert world.credit(jane) == 15000


def test_a_budget_is_the_orgs(world: World) -> None:
    """L1: it counts what stood issued before it was set, holds both sides back, and warns staff at 80 and 100%."""
    world.terms(discount=None)
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    first = earn(world, jane, "Ann Ash")
    world.terms(discount=None, limits={"budget": "120.00"}, referee_reward={"amount": "20.00"})
    second = earn(world, mark, "Ben Birch")
    assert world.referrals.work().warnings == 1
    assert world.referrals.work().warnings == 0
    earn(world, mark, "Cy Cedar")
    assert states(world, mark) == [("issued", None), ("pending", "limit")]
    assert world.credit(db.session.get_one(ClientRow, second.client_id)) == 2000
    world.refund(first)
    world.referrals.work()
    assert states(world, mark)[1] == ("issued", None)


def test_credit_expires_earliest_first(world: World) -> None:
    """K3: spent earliest expiry first, notices at 30, 7 and 1 days, expiry by an entry, once."""
    world.terms(discount=None, credit_expires_days=90)
    jane = world.client("Jane Smith")
    earn(world, jane, "Ann Ash")
    world.clock.advance(days=60)
    earn(world, jane, "Ben Birch")
    assert world.referrals.work().notices == 1
    invoice = world.invoice(jane, 2000)
    world.referrals.use_credit(invoice)
    world.pay(invoice)
    for days, notices in ((23, 1), (6, 1)):
        world.clock.advance(days=days)
        assert world.referrals.work().notices == notices
    world.clock.advance(days=1)
    assert world.credit(jane) == 5000  # lapsed credit is no more, whether or not `work` came by
    done = world.referrals.work()
    assert (done.lapsed, done.notices) == (1, 0)
    world.refund(invoice)
    assert world.credit(jane) == 5000  # what came back had lapsed
    world.clock.advance(days=60)
    world.referrals.work()
    assert world.credit(jane) == 0
    assert world.kinds(jane).count("credit_expired") == 3


def test_lapsed_credit_cannot_be_used(world: World) -> None:
    """K3: it ends at that very instant; using credit lets it leave first."""
    world.terms(discount=None, credit_expires_days=10)
    jane = world.client("Jane Smith")
    earn(world, jane, "Ann Ash")
    world.clock.advance(days=10)
    outcome = world.referrals.use_credit(world.invoice(jane, 2000))
    db.session.commit()
    assert (outcome.ok, outcome.reason) == (False, "no_credit")


def test_held_credit_keeps_its_date(world: World) -> None:
    """K4: what is held does not lapse; released after its date it leaves at once, captured it was spent."""
    world.terms(discount=None, credit_expires_days=10)
    jane = world.client("Jane Smith")
    earn(world, jane, "Ann Ash")
    held, spent = world.invoice(jane, 2000), world.invoice(jane, 1000)
    for invoice in (held, spent):
        world.referrals.use_credit(invoice)
        db.session.commit()
    world.clock.advance(days=11)
    world.referrals.work()
    balance = world.referrals.balance(world.value(jane), "USD")
    assert (balance.available.minor, balance.held.minor) == (0, 3000)
    world.pay(spent)
    world.referrals.take_off_credit(held)
    db.session.commit()
    assert world.credit(jane) == 0
    assert world.referrals.balance(world.value(jane), "USD").held.minor == 0


def test_expired_credit_is_not_taken_back_again(world: World) -> None:
    """K5: of 50.00, 20.00 were spent and 30.00 expired: a refund takes the 20.00; later credit fills it first."""
    world.terms(discount=None, credit_expires_days=10)
    jane = world.client("Jane Smith")
    invoice = earn(world, jane, "Ann Ash")
    own = world.invoice(jane, 2000)
    world.referrals.use_credit(own)
    world.pay(own)
    world.clock.advance(days=10)
    world.referrals.work()
    world.refund(invoice)
    assert world.credit(jane) == -2000
    earn(world, jane, "Ben Birch")
    assert world.credit(jane) == 3000
    world.clock.advance(days=10)
    world.referrals.work()
    assert world.credit(jane) == 0


def test_registration_may_qualify(world: World) -> None:
    """R1: the reward is there at once, and no refund takes it back."""
    world.terms(qualifies_on="registration", referee_reward={"amount": "5.00"})
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    assert (world.state(kiera), world.credit(jane), world.credit(kiera)) == ("qualified", 5000, 500)
    invoice = world.invoice(kiera, 10000)
    assert invoice.discount == 1500
    world.pay(invoice)
    world.refund(invoice)
    assert (world.state(kiera), world.credit(jane)) == ("qualified", 5000)


def test_a_referral_expires_at_its_instant(world: World) -> None:
    """U3: also where `work` has not come by; undone after its days, it expires; qualified, it never does."""
    world.terms(qualify_within_days=60)
    jane = world.client("Jane Smith")
    rows = [world.client(name, world.code(jane)) for name in ("Ann Ash", "Ben Birch", "Cy Cedar")]
    invoices = [world.invoice(row, 10000) for row in rows]
    world.pay(invoices[0])
    world.clock.advance(days=60)
    world.pay(invoices[1])
    assert world.state(rows[1]) == "expired"
    assert world.referrals.work().expired == 1
    assert [world.state(row) for row in rows] == ["qualified", "expired", "expired"]
    world.refund(invoices[0])
    assert world.state(rows[0]) == "pending"
    world.referrals.work()
    assert world.state(rows[0]) == "expired"
    assert world.credit(jane) == 0


def test_staff_reject_and_attribute_anew(world: World) -> None:
    """A8, U4: the old one is closed, never overwritten; a discount that was had is not had twice (D3)."""
    world.terms()
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    ann = world.client("Ann Ash", world.code(mark))
    invoice = world.invoice(ann, 10000)
    assert invoice.discount == 1500
    value = world.value(ann)
    again = world.referrals.attribute(value, world.value(jane), by="sam", note="it was Jane")
    assert again.reason == "already_referred"
    world.referrals.reject(value, by="sam", reason="it was Jane")
    assert world.referrals.attribute(value, world.value(jane), by="sam", note="it was Jane").ok
    db.session.commit()
    assert world.invoice(ann, 10000).discount == 0
    world.pay(invoice)
    assert (world.credit(jane), world.credit(mark)) == (5000, 0)
    world.referrals.reject(value, by="sam", reason="fraud")
    db.session.commit()
    assert (world.state(ann), world.credit(jane)) == ("rejected", 0)
    assert world.referrals.attribute(value, world.value(jane), by="sam", note="no").reason == "existing_client"


def test_an_adjustment_is_booked_once(world: World) -> None:
    """K6: up and down, with a note, and the same form twice is one entry; below zero nothing can be redeemed (K5)."""
    world.terms()
    jane = world.client("Jane Smith")
    value = world.value(jane)
    for _ in range(2):
        world.referrals.adjust(value, usd(500), by="sam", note="for the trouble", key="form-1")
    world.referrals.adjust(value, usd(-700), by="sam", note="a mistake")
    db.session.commit()
    assert world.credit(jane) == -200
    assert world.referrals.use_credit(world.invoice(jane, 1000)).reason == "no_credit"
    with pytest.raises(ValueError, match="not zero"):
        world.referrals.adjust(value, usd(0), by="sam", note="nothing")


def test_credit_is_used_by_itself(world: World) -> None:
    """K6: on each new invoice, where the org says so."""
    world.terms(discount=None, auto_apply_credit=True)
    jane = world.client("Jane Smith")
    earn(world, jane, "Ann Ash")
    assert world.invoice(jane, 2000).credit == 2000
    assert world.invoice(jane, 9000).credit == 3000
    assert world.invoice(jane, 9000).credit == 0
    assert world.credit(jane) == 0
