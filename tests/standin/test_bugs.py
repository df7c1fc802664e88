"""Bugs of others that can concern us, each named after the thread that tells of it (P, U)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import pytest
from sqlalchemy import select

from example_app.standin import Standin
from flask_referrals import Client, Money
from flask_referrals.adapters.state import get_state
from flask_referrals.adapters.stripe import EVENTS, Accounts, StripeGateway, from_stripe, stripe_amount
from flask_referrals.models import PayoutRow
from flask_referrals.services import banks
from flask_referrals.services.ports import InDoubt, Order
from flask_referrals.testing import FrozenClock
from tests.databases import fresh_database
from tests.minihost import InvoiceRow, MiniHost, db
from tests.standin.test_webhooks import StripeWorld, world_on

JANE = Client(id="1", name="Jane Smith", email="jane@smith.example")


@pytest.fixture
def paid(standin: Standin, clock: FrozenClock) -> Iterator[StripeWorld]:
    """On SQLite."""
    with fresh_database("sqlite") as url:
        yield from world_on(url, standin, clock)


def order(account_id: str) -> Order:
    """Fifty dollars."""
    return Order(
        org="default", payout_id=1, key="i:1:1", group="i:1", destination=account_id, amount=Money(5000, "USD"),
        metadata={"referrals_payout": "i:1"},
    )  # fmt: skip


def attempts() -> list[int]:
    """The attempt of each payout."""
    db.session.rollback()
    return list(db.session.scalars(select(PayoutRow.attempt).order_by(PayoutRow.id)))


def test_eliza_11022_a_refused_transfer_is_tried_by_a_new_key(paid: StripeWorld) -> None:
    """Refused for want of funds, the old key would answer so for a day: the attempt goes up; one transfer is made."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.standin.set_balance("usd", 10)
    paid.work(hours=1)
    paid.standin.set_balance("usd", 100_000)
    paid.work(minutes=10)
    assert attempts() == [2]
    assert len({call.key for call in paid.standin.calls if call.path == "/v1/transfers" and call.key}) == 2
    assert paid.standin.reached(account) == 5000


def test_eliza_10327_an_unknown_outcome_gives_nothing_back(paid: StripeWorld) -> None:
    """While nobody knows, the reward is neither credited again nor put into another payout."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.standin.fail("cut_done")
    paid.work(hours=1)
    paid.referrals.choose(paid.value(jane), "credit")
    db.session.commit()
    assert paid.credit(jane) == 0
    paid.work(hours=1)
    assert paid.payouts(jane) == [(5000, "sent", None)]
    assert paid.standin.reached(account) == 5000


def test_omi_7184_no_date_is_in_the_key(paid: StripeWorld) -> None:
    """Over midnight the same attempt has the same key."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.standin.fail("cut_done")
    paid.work(hours=14, minutes=59)
    paid.standin.fail("server_error", method="GET", path="/v1/transfers")
    paid.work(hours=2)
    paid.work(hours=2)
    assert len({call.key for call in paid.standin.calls if call.path == "/v1/transfers" and call.key}) == 1
    assert paid.standin.reached(account) == 5000


def test_spree_14500_an_unknown_outcome_is_not_a_failure(paid: StripeWorld) -> None:
    """nammayatri 1086 too: the payout is `unknown`, looked up, and never marked as failed."""
    jane = paid.client("Jane Smith")
    paid.link(jane)
    paid.earn(jane, "Ann Ash")
    for fault in ("server_error_done", "html", "in_flight"):
        paid.standin.fail(fault)
        paid.work(hours=1)
        assert paid.payouts(jane)[0][1] in ("unknown", "sent")
    paid.work(hours=2)
    assert len(paid.standin.transfers()) == 1
    assert "payout_failed" not in paid.kinds(jane)


def test_stripe_python_606_a_conflict_is_in_doubt(standin: Standin, stripe_gateway: StripeGateway) -> None:
    """409 comes as a plain APIError: another request by this key is running, so nobody knows."""
    account_id = stripe_gateway.create_account(JANE, "i:acct:1")
    standin.onboard(account_id)
    standin.fail("in_flight")
    with pytest.raises(InDoubt):
        stripe_gateway.send(order(account_id))


def test_what_moves_money_is_asked_once_by_the_library(standin: Standin) -> None:
    """With repetitions a refusal would say nothing about the first try: only our protocol repeats."""
    gateway = StripeGateway(standin.key, api=standin.url, retries=2)
    account_id = gateway.create_account(JANE, "i:acct:1")
    standin.onboard(account_id)
    standin.calls.clear()
    standin.fail("cut", "lock_timeout")
    with pytest.raises(InDoubt):
        gateway.send(order(account_id))
    assert len(standin.calls) == 1
    standin.fail("cut", method="GET")
    assert gateway.find(order(account_id)) is None


def test_yosemitecrew_1685_two_clicks_make_one_account(paid: StripeWorld) -> None:
    """The row is there before Stripe is asked, and its key makes one account of any number of clicks."""
    jane = paid.value(paid.client("Jane Smith"))
    state = get_state()
    found = set()
    for _ in range(3):
        bank = state.run(lambda unit: banks.begin(unit, jane.org, jane.id), commit=True)
        key = state.run(lambda unit, bank=bank: banks.key_of(unit, bank), commit=True)  # type: ignore[misc]
        assert state.gateway is not None
        found.add(state.gateway.create_account(jane, key))
    assert len(found) == 1
    assert len(paid.standin.books.accounts) == 1


def test_webhook_monitor_11_a_client_is_told_once(paid: StripeWorld) -> None:
    """account.updated comes five or six times in one onboarding: one line on the log."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    for _ in range(5):
        paid.standin.onboard(account)
    paid.hear()
    assert paid.kinds(jane).count("bank_linked") == 1


def test_opencart_7703_a_chargeback_takes_the_reward_back(paid: StripeWorld) -> None:
    """eliza 10920 too: a lost dispute reverses the transfer, and the client is told."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    invoice = paid.earn(jane, "Ann Ash")
    paid.work(hours=1)
    invoice.paid, invoice.settled = 0, False
    paid.referrals.invoice_refunded(invoice, "dispute")
    db.session.commit()
    paid.work(hours=1)
    assert paid.standin.reached(account) == 0
    assert paid.payouts(jane) == [(5000, "reversed", None)]
    assert "payout_reversed" in [line.kind for line in paid.referrals.news(paid.value(jane))]


def test_kilo_2552_and_gumroad_5779_what_was_undone_by_mistake_comes_back(paid: StripeWorld) -> None:
    """A refund that failed, or a dispute that was won: the payment stands again, and earns again, once."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    invoice = paid.earn(jane, "Ann Ash")
    paid.work(hours=1)
    paid.refund(invoice)
    paid.work(hours=1)
    assert paid.standin.reached(account) == 0
    paid.pay(invoice)
    paid.pay(invoice)
    paid.work(hours=1)
    assert paid.standin.reached(account) == 5000
    assert [state for _, state, _ in paid.payouts(jane)] == ["reversed", "sent"]


def test_gumroad_6445_what_was_taken_back_counts_no_more(paid: StripeWorld) -> None:
    """The yearly sum is less what came back."""
    paid.terms(discount=None, referrer_reward={"kinds": ["cash"], "amount": "50.00"}, yearly_limit="80.00")
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.refund(_worked(paid, paid.earn(jane, "Ann Ash")))
    paid.work(hours=1)
    paid.earn(jane, "Ben Birch")
    paid.work(hours=1)
    assert paid.standin.reached(account) == 5000


def _worked(paid: StripeWorld, invoice: InvoiceRow) -> InvoiceRow:
    paid.work(hours=1)
    return invoice


def test_pay_connector_1809_the_second_half_of_an_undo_may_fail(paid: StripeWorld) -> None:
    """The refund stands, the reversal is refused: it is owed, on a list, and neither is undone."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    invoice = paid.earn(jane, "Ann Ash")
    paid.work(hours=1)
    paid.standin.take_balance(account)
    paid.refund(invoice)
    paid.work(hours=1)
    assert paid.payouts(jane) == [(5000, "owed", None)]
    assert paid.rewards(jane) == [("cash", "reversed", None)]


@pytest.mark.parametrize("losses", ["application", "stripe"])
def test_openvpm_83_the_responsibilities_are_settings(
    standin: Standin, losses: Literal["application", "stripe"]
) -> None:
    """They must fit the platform's profile at Stripe, so that no code decides them."""
    for accounts in get_args(Accounts):
        found = StripeGateway(standin.key, api=standin.url, accounts=accounts, fees=losses, losses=losses, retries=0)
        assert found.create_account(JANE, f"i:{accounts}:{losses}")


class BillsByStripe(MiniHost):
    """A host whose invoices are Stripe's: it knows them by their ids there."""

    known: dict[str, int] = {}

    def find_stripe_invoice(self, stripe_invoice_id: str) -> InvoiceRow | None:
        number = self.known.get(stripe_invoice_id)
        return None if number is None else db.session.get(InvoiceRow, number)


def test_stripe_ruby_1580_a_refund_finds_its_invoice(paid: StripeWorld) -> None:
    """Since 2025 neither names the other: by the payments of the invoice; and an event that is early is tried again."""
    state = get_state()
    host = BillsByStripe()
    state.host = host
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    invoice = paid.invoice(paid.client("Ann Ash", paid.code(jane)), 6000)
    stripe_id = paid.standin.bill(6000)
    host.known = {stripe_id: invoice.id}
    paid.hear()
    assert paid.rewards(jane) == []  # the host does not say yet that it is paid
    invoice.paid, invoice.settled = 6000, True
    db.session.commit()
    paid.work(hours=1)
    paid.work(hours=1)
    assert paid.standin.reached(account) == 5000
    invoice.paid, invoice.settled = 0, False
    db.session.commit()
    paid.standin.refund(stripe_id, 6000)
    paid.hear(times=2)
    paid.work(hours=1)
    assert paid.standin.reached(account) == 0


def test_a_lost_dispute_and_a_refund_that_failed(paid: StripeWorld) -> None:
    """charge.dispute.closed takes the reward back where it was lost; refund.failed brings it again."""
    state = get_state()
    host = BillsByStripe()
    state.host = host
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    invoice = paid.earn(jane, "Ann Ash")
    stripe_id = paid.standin.bill(6000)
    host.known = {stripe_id: invoice.id}
    paid.work(hours=1)
    paid.hear()
    assert paid.standin.reached(account) == 5000
    invoice.paid, invoice.settled = 0, False
    db.session.commit()
    paid.standin.lose_dispute(stripe_id)
    paid.hear()
    paid.work(hours=1)
    assert paid.standin.reached(account) == 0
    invoice.paid, invoice.settled = 6000, True
    db.session.commit()
    paid.standin.fail_refund(stripe_id)
    paid.hear(times=2)
    paid.work(hours=1)
    assert paid.standin.reached(account) == 5000


def test_an_invoice_of_nothing_earns_nothing(paid: StripeWorld) -> None:
    """invoice.paid also comes for a trial, or a coupon over all of it."""
    state = get_state()
    host = BillsByStripe()
    state.host = host
    invoice = paid.invoice(paid.client("Ann Ash"), 6000)
    host.known = {paid.standin.bill(0): invoice.id}
    paid.hear()
    assert paid.kinds(paid.client("Jane Smith")) == []


def test_the_events_that_we_ask_for_are_heard() -> None:
    """What `check` asks the endpoints for is what is acted on."""
    from flask_referrals.adapters.stripe_events import _ACTS

    asked = {event for events in EVENTS.values() for event in events}
    assert asked - {"transfer.reversed"} == set(_ACTS)


@pytest.mark.parametrize(
    ("amount", "stripes"),
    [
        (Money(5000, "USD"), 5000),
        (Money(500, "JPY"), 500),
        (Money(500, "MGA"), 5),
        (Money(550, "MGA"), None),
        (Money(5, "ISK"), 500),
        (Money(5, "UGX"), 500),
        (Money(5000, "HUF"), 5000),
        (Money(5050, "HUF"), None),
        (Money(1230, "KWD"), 1230),
        (Money(1234, "KWD"), None),
    ],
)
def test_no_amount_that_stripe_would_round(amount: Money, stripes: int | None) -> None:
    """M1: the table of docs.stripe.com/currencies; refused rather than rounded."""
    assert stripe_amount(amount) == stripes
    if stripes is not None:
        assert from_stripe(stripes, amount.currency.lower()) == amount
