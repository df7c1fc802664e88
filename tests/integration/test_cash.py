"""Cash: what waits for it, payouts made and sent once, what goes wrong, what comes back (R6, P1 to P7), on each
database, by the gateway in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from flask_referrals.adapters.manual import ManualGateway
from flask_referrals.adapters.state import get_state
from flask_referrals.models import PayoutRow, ReversalRow
from flask_referrals.services import banks, cashbook, payees, recalls, transfers
from flask_referrals.testing import FakeGateway, FrozenClock
from tests.minihost import ClientRow, InvoiceRow, create_app, db
from tests.worlds import World, usd

CASH = {"kinds": ["cash"], "amount": "50.00"}
EITHER = {"kinds": ["credit", "cash"], "amount": "50.00"}


class CashWorld(World):
    """A world with a gateway."""

    gateway: FakeGateway

    def earn(self, jane: ClientRow, name: str, subtotal: int = 6000) -> InvoiceRow:
        """Somebody comes by Jane and pays a first invoice."""
        invoice = self.invoice(self.client(name, self.code(jane)), subtotal)
        self.pay(invoice)
        return invoice

    def link(self, row: ClientRow) -> str:
        """The client links an account and finishes the onboarding."""
        state = get_state()
        client = self.value(row)
        bank = state.run(lambda unit: banks.begin(unit, client.org, client.id), commit=True)
        key = state.run(lambda unit: banks.key_of(unit, bank), commit=True)
        account_id = self.gateway.create_account(client, key)
        state.run(lambda unit: banks.opened(unit, bank, account_id), commit=True)
        self.gateway.onboard(account_id)
        self.look(account_id)
        return account_id

    def look(self, account_id: str) -> None:
        """The gateway is asked how the account stands."""
        status = self.gateway.account("default", account_id)
        get_state().run(lambda unit: banks.observe(unit, account_id, status), commit=True)

    def work(self, **delta: float) -> None:
        """Time passes, then the worker runs once."""
        self.clock.advance(**delta)
        self.referrals.work()

    def payouts(self, row: ClientRow) -> list[tuple[int, str, str | None]]:
        """Amount, state and reason of each payout."""
        return [(one.amount.minor, one.state, one.reason) for one in self.referrals.payouts(self.value(row))]

    def rewards(self, row: ClientRow) -> list[tuple[str, str, str | None]]:
        """Kind, state of each reward, and what it waits for."""
        return [(one.kind, one.state, one.waits_for) for one in self.referrals.rewards(self.value(row))]


def worlds(url: str, gateway: Any, clock: FrozenClock) -> Iterator[CashWorld]:
    """A world with this gateway; the books must be right after every test."""
    app = create_app(url, clock, gateway=gateway)
    with app.app_context():
        found = CashWorld(app, clock)
        found.gateway = gateway
        found.terms(discount=None, referrer_reward=CASH)
        yield found
        db.session.rollback()
        assert found.faults() == []
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def cash(url: str) -> Iterator[CashWorld]:
    """With the gateway in memory."""
    clock = FrozenClock()
    yield from worlds(url, FakeGateway(clock), clock)


@pytest.fixture
def by_hand(url: str) -> Iterator[CashWorld]:
    """Where staff pay by hand."""
    yield from worlds(url, ManualGateway(), FrozenClock())


def test_it_waits_for_a_bank_account_and_is_sent_once(cash: CashWorld) -> None:
    """R6, P7: without an account nothing is lost; with one it goes into a payout, which issues it, and is sent."""
    jane = cash.client("Jane Smith")
    cash.earn(jane, "Ann Ash")
    assert cash.rewards(jane) == [("cash", "pending", "bank_account")]
    cash.work(hours=1)
    assert cash.payouts(jane) == []
    account = cash.link(jane)
    assert cash.rewards(jane) == [("cash", "pending", "min_payout")]
    cash.work(hours=1)
    assert cash.rewards(jane) == [("cash", "issued", None)]
    assert cash.payouts(jane) == [(5000, "sent", None)]
    cash.work(hours=30)
    assert cash.gateway.reached(account) == 5000
    assert len(cash.gateway.transfers_made()) == 1
    kinds = cash.kinds(jane)
    assert [kind for kind in kinds if kind.startswith("payout")] == ["payout_queued", "payout_sent"]
    assert cash.credit(jane) == 0


def test_the_choice_at_the_time_of_issue_counts(cash: CashWorld) -> None:
    """R6: the first kind is the default; a choice goes for all that is not issued yet, and can be taken back."""
    cash.terms(discount=None, referrer_reward=EITHER, hold_days=7)
    jane = cash.client("Jane Smith")
    cash.earn(jane, "Ann Ash")
    cash.work(days=7)
    assert cash.rewards(jane) == [("credit", "issued", None)]
    cash.earn(jane, "Ben Birch")
    assert cash.referrals.choose(cash.value(jane), "cash") == 1
    db.session.commit()
    cash.work(days=7)
    assert cash.rewards(jane)[1] == ("cash", "pending", "bank_account")
    cash.referrals.choose(cash.value(jane), "credit")
    db.session.commit()
    assert cash.rewards(jane)[1] == ("credit", "issued", None)
    assert cash.credit(jane) == 10000
    cash.earn(jane, "Cy Cedar")
    cash.work(days=7)
    assert cash.credit(jane) == 15000  # the choice stays


def test_cash_alone_may_be_taken_as_credit_without_an_account(cash: CashWorld) -> None:
    """R6: what was promised as cash only is not lost on a client who links no account; with one it stays cash."""
    jane = cash.client("Jane Smith")
    cash.earn(jane, "Ann Ash")
    cash.referrals.choose(cash.value(jane), "credit")
    db.session.commit()
    assert cash.credit(jane) == 5000
    cash.link(jane)
    cash.earn(jane, "Ben Birch")
    assert cash.rewards(jane)[1] == ("cash", "pending", "min_payout")


def test_small_sums_wait_together(cash: CashWorld) -> None:
    """P7: below the smallest payout rewards wait, and go as one."""
    cash.terms(discount=None, referrer_reward=CASH, min_payout="90.00")
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.work(hours=1)
    assert cash.rewards(jane) == [("cash", "pending", "min_payout")]
    cash.earn(jane, "Ben Birch")
    cash.work(hours=1)
    assert cash.payouts(jane) == [(10000, "sent", None)]
    assert cash.gateway.reached(account) == 10000


@pytest.mark.parametrize(
    ("faults", "tries"),
    [
        (["rate_limit", "server_error"], 1),
        (["timeout_but_done"], 1),
        (["timeout_not_done", "timeout_not_done"], 1),
        (["low_balance"], 1),
        (["low_balance", "rate_limit", "timeout_but_done"], 1),
    ],
)
def test_whatever_goes_wrong_it_is_sent_once(cash: CashWorld, faults: list[str], tries: int) -> None:
    """P2, P3, P4: temporary failures are tried again, doubt is looked up; never a second transfer."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.gateway.fail(*faults)
    for _ in range(10):
        cash.work(hours=13)
    assert cash.payouts(jane) == [(5000, "sent", None)]
    assert cash.gateway.reached(account) == 5000
    assert len(cash.gateway.transfers_made()) == tries


def test_the_answer_is_lost_and_the_key_forgotten(cash: CashWorld) -> None:
    """P3: a transfer that was made is found by its group, however late; never a second one."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    for number in range(20):
        cash.earn(jane, f"Ann {'abcdefghijklmnopqrst'[number]}")
        cash.gateway.fail("timeout_but_done")
        cash.work(hours=1)
        cash.gateway.forget_keys()
        cash.work(days=3)
    assert cash.gateway.reached(account) == 20 * 5000
    assert len(cash.gateway.transfers_made()) == 20


def test_nothing_is_sent_between_23_and_25_hours(cash: CashWorld) -> None:
    """P3: while nobody can say whether the key is still known, the gateway is only asked."""
    jane = cash.client("Jane Smith")
    cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.gateway.fail("timeout_not_done")
    cash.work(hours=1)
    assert cash.payouts(jane)[0][1] == "unknown"
    cash.work(hours=24)
    assert cash.payouts(jane)[0][1] == "unknown"
    assert cash.gateway.transfers_made() == []
    cash.work(hours=2)
    assert cash.payouts(jane)[0][1] == "sent"
    attempt = select(PayoutRow.attempt)
    assert db.session.scalar(attempt) == 2


def test_a_closed_account_stops_it_and_another_one_frees_it(cash: CashWorld) -> None:
    """P4, P7: it fails with a reason, the reward stays issued, and another payout carries it."""
    jane = cash.client("Jane Smith")
    cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.gateway.fail("account_closed")
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "failed", "account_closed")]
    assert cash.rewards(jane) == [("cash", "issued", None)]
    assert "payout_failed" in [line.kind for line in cash.referrals.news(cash.value(jane))]
    account = cash.link(jane)
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "failed", "account_closed"), (5000, "sent", None)]
    assert cash.gateway.reached(account) == 5000


def test_funds_come_and_it_is_paid_once(cash: CashWorld) -> None:
    """P4: a refusal for want of funds is certain, so that a new key goes out once they are there."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.gateway.funds["USD"] = 10
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "queued", "low_balance")]
    cash.gateway.funds["USD"] = 100_000
    cash.work(minutes=10)
    cash.work(minutes=10)
    assert cash.payouts(jane) == [(5000, "sent", None)]
    assert cash.gateway.reached(account) == 5000
    assert len(cash.gateway.transfers_made()) == 1


def test_an_undo_before_sending_cancels_the_payout(cash: CashWorld) -> None:
    """P6: what else was in it goes into the next one."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    first = cash.earn(jane, "Ann Ash")
    cash.earn(jane, "Ben Birch")
    cash.gateway.fail("rate_limit")
    cash.work(hours=1)
    assert cash.payouts(jane) == [(10000, "queued", "busy")]
    cash.refund(first)
    assert cash.payouts(jane) == [(10000, "cancelled", "undone")]
    assert cash.rewards(jane) == [("cash", "reversed", None), ("cash", "issued", None)]
    cash.work(hours=1)
    assert cash.payouts(jane)[1:] == [(5000, "sent", None)]
    assert cash.gateway.reached(account) == 5000


def test_an_undo_after_sending_takes_it_back(cash: CashWorld) -> None:
    """P6: the transfer is reversed, by its own part."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    first = cash.earn(jane, "Ann Ash")
    second = cash.earn(jane, "Ben Birch")
    cash.work(hours=1)
    cash.refund(first)
    cash.work(hours=1)
    assert cash.gateway.reached(account) == 5000
    assert cash.payouts(jane) == [(10000, "sent", None)]
    cash.refund(second)
    cash.gateway.fail("timeout_but_done")
    cash.work(hours=1)
    cash.work(hours=1)
    assert cash.gateway.reached(account) == 0
    assert cash.payouts(jane) == [(10000, "reversed", None)]
    assert cash.kinds(jane).count("payout_reversed") == 2


def test_in_doubt_and_undone(cash: CashWorld) -> None:
    """P3, P6: a payout that may have gone out when its payment is undone is looked up, and taken back or cancelled."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    for fault, state in (("timeout_but_done", "reversed"), ("timeout_not_done", "cancelled")):
        invoice = cash.earn(jane, f"Somebody {state}")
        cash.gateway.fail(fault)
        cash.work(hours=1)
        cash.refund(invoice)
        cash.work(hours=1)
        cash.work(hours=1)
        assert cash.payouts(jane)[-1][1] == state
        assert cash.gateway.reached(account) == 0


def test_what_cannot_be_taken_back_is_owed_and_settled_by_the_next(cash: CashWorld) -> None:
    """P6: it stands on staff's list, and the next payouts keep it back."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    invoice = cash.earn(jane, "Ann Ash")
    cash.work(hours=1)
    cash.gateway.take_balance(account)
    cash.refund(invoice)
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "owed", None)]
    (debt,) = cashbook.debts(db.session.connection(), "default")
    assert (debt.open, debt.client_id) == (usd(5000), str(jane.id))
    cash.terms(discount=None, referrer_reward={"kinds": ["cash"], "amount": "80.00"})
    later = cash.earn(jane, "Ben Birch")
    cash.work(hours=1)
    assert cash.payouts(jane)[1:] == [(3000, "sent", None)]
    assert cashbook.debts(db.session.connection(), "default") == []
    cash.refund(later)
    cash.work(hours=1)
    assert cash.gateway.reached(account) == 5000
    assert [one.open for one in cashbook.debts(db.session.connection(), "default")] == [usd(5000)]
    assert get_state().run(lambda unit: recalls.settle_by_hand(unit, "default", _owed(), "paid back"), commit=True)
    assert cashbook.debts(db.session.connection(), "default") == []


def _owed() -> int:
    return int(db.session.scalar(select(ReversalRow.id).where(ReversalRow.state == "owed")) or 0)


def test_a_debt_larger_than_the_next_payout(cash: CashWorld) -> None:
    """P6: then nothing is sent at all, and the rest stays open."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    invoice = cash.earn(jane, "Ann Ash")
    cash.work(hours=1)
    cash.gateway.take_balance(account)
    cash.refund(invoice)
    cash.work(hours=1)
    cash.terms(discount=None, referrer_reward={"kinds": ["cash"], "amount": "20.00"})
    cash.earn(jane, "Ben Birch")
    cash.work(hours=1)
    assert cash.payouts(jane)[1:] == [(0, "paid", "netted")]
    assert [one.open for one in cashbook.debts(db.session.connection(), "default")] == [usd(3000)]
    assert len(cash.gateway.transfers_made()) == 1


def test_a_percentage_in_cash_shrinks(cash: CashWorld) -> None:
    """U2, P6: a partial refund takes its part back, before and after sending; a new payment brings it again."""
    cash.terms(discount=None, referrer_reward={"kinds": ["cash"], "percent": "10"})
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    invoice = cash.earn(jane, "Ann Ash", 10000)
    cash.gateway.fail("rate_limit")
    cash.work(hours=1)
    cash.refund(invoice, 2000)
    cash.work(hours=1)
    assert cash.gateway.reached(account) == 800
    cash.refund(invoice, 2000)
    cash.work(hours=1)
    assert cash.gateway.reached(account) == 600
    invoice.paid += 4000
    cash.referrals.invoice_paid(invoice)
    db.session.commit()
    cash.work(hours=1)
    assert cash.gateway.reached(account) == 1000


def test_staff_pause_and_resume(cash: CashWorld) -> None:
    """P7: for one client or for all; nothing is lost."""
    jane = cash.client("Jane Smith")
    cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.referrals.pause_payouts("default", cash.value(jane), on=True, by="sam")
    cash.referrals.pause_payouts("default", on=True, by="sam")
    db.session.commit()
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "queued", "paused")]
    cash.referrals.pause_payouts("default", cash.value(jane), on=False, by="sam")
    db.session.commit()
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "queued", "paused")]
    cash.referrals.pause_payouts("default", on=False, by="sam")
    db.session.commit()
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "sent", None)]


def test_the_yearly_limit_waits_for_tax_details(cash: CashWorld) -> None:
    """P7: once the org's limit for a client is reached in a calendar year; a new year begins anew."""
    cash.terms(discount=None, referrer_reward=CASH, yearly_limit="100.00")
    jane = cash.client("Jane Smith")
    cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.work(hours=1)
    cash.earn(jane, "Ben Birch")
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "sent", None), (5000, "queued", "tax_details")]
    cash.referrals.tax_details(cash.value(jane), 2026, by="sam")
    db.session.commit()
    cash.work(hours=1)
    assert cash.payouts(jane)[1] == (5000, "sent", None)
    cash.clock.advance(days=365)
    cash.earn(jane, "Cy Cedar")
    cash.work(hours=1)
    assert cash.payouts(jane)[2] == (5000, "sent", None)


def test_limits_count_what_is_in_a_payout(cash: CashWorld) -> None:
    """L1: cash takes its place when it is issued; beyond a limit it waits for that, and follows when it turns."""
    cash.terms(discount=None, referrer_reward=CASH, limits={"per_month": 1})
    jane = cash.client("Jane Smith")
    cash.earn(jane, "Ann Ash")
    cash.earn(jane, "Ben Birch")
    cash.link(jane)
    cash.work(hours=1)
    assert cash.rewards(jane) == [("cash", "issued", None), ("cash", "pending", "limit")]
    assert cash.payouts(jane) == [(5000, "sent", None)]
    cash.work(days=31)
    assert cash.rewards(jane)[1] == ("cash", "issued", None)
    assert cash.payouts(jane)[1] == (5000, "sent", None)


def test_unlinked_what_is_queued_waits_for_another_account(cash: CashWorld) -> None:
    """P1: a payout goes to the account that is linked when it is sent."""
    jane = cash.client("Jane Smith")
    first = cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.gateway.fail("rate_limit")
    cash.work(hours=1)
    client = cash.value(jane)
    assert get_state().run(lambda unit: banks.unlink(unit, client.org, client.id), commit=True)
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "queued", "bank_account")]
    second = cash.link(jane)
    cash.work(hours=1)
    assert (cash.gateway.reached(first), cash.gateway.reached(second)) == (0, 5000)


def test_an_account_that_needs_something_holds_its_rewards(cash: CashWorld) -> None:
    """R6, P4: the client is told; once it is in order all goes on."""
    jane = cash.client("Jane Smith")
    account = cash.link(jane)
    cash.gateway.restrict(account, "individual.id_number")
    cash.work(days=2)  # asked once a day, in case an event was lost
    assert "bank_trouble" in [line.kind for line in cash.referrals.news(cash.value(jane))]
    cash.earn(jane, "Ann Ash")
    assert cash.rewards(jane) == [("cash", "pending", "bank_account")]
    cash.gateway.onboard(account)
    cash.work(hours=2)
    cash.work(hours=1)
    assert cash.payouts(jane) == [(5000, "sent", None)]


def test_by_hand(by_hand: CashWorld) -> None:
    """Without any gateway's account: payouts wait for staff, who mark what they have paid; an undo of that is owed."""
    jane = by_hand.client("Jane Smith")
    invoice = by_hand.earn(jane, "Ann Ash")
    by_hand.work(hours=1)
    assert by_hand.payouts(jane) == [(5000, "queued", None)]
    payout_id = by_hand.referrals.payouts(by_hand.value(jane))[0].id
    mark = get_state()
    assert mark.run(lambda unit: payees.mark_paid(unit, "default", [payout_id]), commit=True) == [payout_id]
    assert mark.run(lambda unit: payees.mark_paid(unit, "default", [payout_id]), commit=True) == []
    assert by_hand.payouts(jane) == [(5000, "paid", None)]
    by_hand.refund(invoice)
    by_hand.work(hours=1)
    assert by_hand.payouts(jane) == [(5000, "owed", None)]


def test_what_the_bank_sends_back_is_told(cash: CashWorld) -> None:
    """P4: the money is with the gateway then, so that the payout stays what it is, and says why."""
    jane = cash.client("Jane Smith")
    cash.link(jane)
    cash.earn(jane, "Ann Ash")
    cash.work(hours=1)
    payout_id = cash.referrals.payouts(cash.value(jane))[0].id
    state = get_state()
    assert state.run(lambda unit: transfers.paid(unit, payout_id), commit=True)
    assert not state.run(lambda unit: transfers.paid(unit, payout_id), commit=True)
    assert state.run(lambda unit: transfers.bounced(unit, payout_id), commit=True)
    assert not state.run(lambda unit: transfers.bounced(unit, payout_id), commit=True)
    assert cash.payouts(jane) == [(5000, "paid", "bank_refused")]
    assert "payout_failed" in [line.kind for line in cash.referrals.news(cash.value(jane))]
