"""Stripe's events: what is refused, what is ignored, what is done once, in any order (P5)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from example_app.standin import Standin
from example_app.standin.hooks import signed
from flask_referrals.adapters.state import get_state
from flask_referrals.adapters.stripe import StripeGateway
from flask_referrals.models import EventRow
from flask_referrals.services import banks
from flask_referrals.testing import FrozenClock
from tests.databases import fresh_database
from tests.integration.test_cash import CASH, CashWorld
from tests.minihost import ClientRow, create_app, db

SECRETS = ("whsec_own", "whsec_connected", "whsec_thin", "whsec_old")
PATH = "/referrals/stripe/webhook"


class StripeWorld(CashWorld):
    """A world whose gateway is Stripe's, on the stand-in."""

    standin: Standin

    def link(self, row: ClientRow) -> str:
        """The client links an account; Stripe's events tell that it is ready."""
        state, client = get_state(), self.value(row)
        bank = state.run(lambda unit: banks.begin(unit, client.org, client.id), commit=True)
        key = state.run(lambda unit: banks.key_of(unit, bank), commit=True)
        assert state.gateway is not None
        account_id = state.gateway.create_account(client, key)
        state.run(lambda unit: banks.opened(unit, bank, account_id), commit=True)
        self.standin.onboard(account_id)
        self.hear()
        return account_id

    def hear(self, *, backwards: bool = False, times: int = 1) -> None:
        """The app hears what Stripe has to tell."""
        told = self.standin.untold(SECRETS[:3])
        for secret, event in reversed(told) if backwards else told:
            for _ in range(times):
                assert self.post(*self.standin.signed(event, secret)) == 200

    def post(self, body: str | bytes, header: str | None = None) -> int:
        """One request of a webhook's."""
        headers = {} if header is None else {"Stripe-Signature": header}
        return self.app.test_client().post(PATH, data=body, headers=headers).status_code

    def events(self) -> int:
        """How many events are stored."""
        db.session.rollback()
        return db.session.scalar(select(func.count()).select_from(EventRow)) or 0


def world_on(url: str, standin: Standin, clock: FrozenClock) -> Iterator[StripeWorld]:
    """A world with Stripe's gateway."""
    gateway = StripeGateway(standin.key, webhook_secrets=SECRETS, api=standin.url, retries=0)
    app = create_app(url, clock, gateway=gateway)
    with app.app_context():
        db.create_all()
        app.extensions["referrals_object"].create_all()
        found = StripeWorld(app, clock)
        found.standin = standin
        found.terms(discount=None, referrer_reward=CASH)
        yield found
        db.session.rollback()
        assert found.faults() == []
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def paid(standin: Standin, clock: FrozenClock) -> Iterator[StripeWorld]:
    """On SQLite: what is told here is no matter of databases."""
    with fresh_database("sqlite") as url:
        yield from world_on(url, standin, clock)


def body_of(**values: Any) -> str:
    """An event of Stripe's."""
    event = {"id": "evt_1", "object": "event", "type": "account.updated", "livemode": False, "account": "acct_1"}
    return json.dumps(event | {"data": {"object": {"id": "acct_1"}}} | values)


def now_signed(body: str, secret: str = "whsec_own", age: float = 0) -> str:
    """The header of a body that was signed so many seconds ago."""
    return signed(body, secret, int(time.time() - age))


def test_what_nobody_has_signed_is_refused(paid: StripeWorld) -> None:
    """A wrong secret, no header, nonsense, an old stamp, a broken or non-UTF-8 body, 2 MB: nothing is kept."""
    body = body_of()
    assert paid.post(body, now_signed(body, "whsec_wrong")) == 400
    assert paid.post(body) == 400
    assert paid.post(body, "nonsense") == 400
    assert paid.post(body, now_signed(body, age=400)) == 400
    assert paid.post(body + " ", now_signed(body)) == 400
    assert paid.post(b"\xff\xfe{", "t=1,v1=00") == 400
    for broken in ("{", "[]", "null", '"text"', "{}", '{"id": 7, "type": "x"}'):
        assert paid.post(broken, now_signed(broken)) == 400
    large = body_of(padding="x" * 2_000_000)
    assert paid.post(large, now_signed(large)) == 413
    assert paid.events() == 0


def test_what_is_none_of_ours_is_ignored(paid: StripeWorld) -> None:
    """An unknown type, an unknown account, another mode: 200, so that Stripe does not send it for three days."""
    for values in ({"type": "plan.created"}, {"livemode": True}):
        body = body_of(**values)
        assert paid.post(body, now_signed(body)) == 200
    assert paid.events() == 0
    body = body_of(account="acct_unknown")
    assert paid.post(body, now_signed(body)) == 200
    assert paid.post(body_of(id="evt_2"), now_signed(body_of(id="evt_2"), "whsec_old")) == 200


def test_each_secret_goes_while_they_are_rolled(paid: StripeWorld) -> None:
    """Two endpoints have two secrets, and an old one goes on until it is taken away."""
    for number, secret in enumerate(SECRETS):
        body = body_of(id=f"evt_{number}")
        assert paid.post(body, now_signed(body, secret)) == 200
    assert paid.events() == 4


def test_a_whole_way(paid: StripeWorld) -> None:
    """P1, P5: linked, sent, landed, by Stripe's events alone, backwards and thrice each."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.work(hours=1)
    assert paid.payouts(jane) == [(5000, "sent", None)]
    paid.clock.advance(hours=1)
    paid.standin.land(account)
    paid.hear(backwards=True, times=3)
    assert paid.payouts(jane) == [(5000, "paid", None)]
    assert paid.kinds(jane).count("payout_paid") == 1


def test_incacook_21_an_old_snapshot_overwrites_nothing(paid: StripeWorld) -> None:
    """An account.updated that says "not ready", sent again late, does not switch payouts off."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    body = body_of(id="evt_late", account=account, data={"object": {"id": account, "payouts_enabled": False}})
    assert paid.post(body, now_signed(body)) == 200
    paid.earn(jane, "Ann Ash")
    assert paid.rewards(jane) == [("cash", "pending", "min_payout")]


def test_memories_397_a_late_event_does_not_undo_a_newer_one(paid: StripeWorld) -> None:
    """payout.paid that comes after payout.failed of the same payout: Stripe is asked how it stands now."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.work(hours=1)
    paid.clock.advance(hours=1)
    paid.standin.land(account)
    paid.clock.advance(days=1)
    paid.standin.bounce(account)
    paid.hear(backwards=True)
    assert paid.payouts(jane) == [(5000, "sent", "bank_refused")]


def test_mirakl_146_a_bounced_payout_is_told(paid: StripeWorld) -> None:
    """payout.failed is heard, also after payout.paid: the client knows that its bank sent it back."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.work(hours=1)
    paid.standin.land(account)
    paid.hear()
    assert paid.payouts(jane)[0][1] == "paid"
    paid.clock.advance(days=2)
    paid.standin.bounce(account)
    paid.hear()
    assert paid.payouts(jane) == [(5000, "paid", "bank_refused")]
    assert "payout_failed" in [line.kind for line in paid.referrals.news(paid.value(jane))]


def test_unicon_42_an_event_is_done_only_once_its_work_is(paid: StripeWorld) -> None:
    """Where acting fails, 200 is right, since it is stored, but it is not done: the worker does it."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.standin.restrict(account, "individual.id_number")
    paid.standin.fail("server_error", method="GET", path="/v2/core/accounts", times=1)
    paid.standin.fail("server_error", method="GET", path="/v2/core/accounts", times=1)
    paid.hear()
    open_events = select(func.count()).select_from(EventRow).where(EventRow.done_at.is_(None))
    assert db.session.scalar(open_events)
    db.session.rollback()
    paid.work(minutes=10)
    assert db.session.scalar(open_events) == 0
    paid.earn(jane, "Ann Ash")
    assert paid.rewards(jane) == [("cash", "pending", "bank_account")]


def test_events_that_failed_are_done_again_by_hand(paid: StripeWorld) -> None:
    """`flask referrals stripe events` lists them, with an exit code; `--failed` does them."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.standin.restrict(account)
    paid.standin.fail(*["server_error"] * 2, method="GET", path="/v2/core/accounts")
    paid.hear()
    db.session.rollback()
    runner = paid.app.test_cli_runner()
    listed = runner.invoke(args=["referrals", "stripe", "events"])
    assert listed.exit_code == 1
    assert "account.updated" in listed.output
    done = runner.invoke(args=["referrals", "stripe", "events", "--failed"])
    assert (done.exit_code, done.output) == (0, "0 events are not done\n")


def test_deauthorised(paid: StripeWorld) -> None:
    """The client has cut us off: rewards wait, nothing is sent, and the client is asked to link again."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.standin.deauthorise(account)
    paid.hear()
    paid.earn(jane, "Ann Ash")
    assert paid.rewards(jane) == [("cash", "pending", "bank_account")]
    again = paid.link(jane)
    assert again != account
    paid.work(hours=1)
    assert paid.standin.reached(again) == 5000


def test_incacook_5_the_deauthorisation_is_seen_though_its_event_was_lost(paid: StripeWorld) -> None:
    """A transfer that Stripe refuses with 403 says the same."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.standin.deauthorise(account)
    paid.work(hours=1)
    assert paid.payouts(jane) == [(5000, "failed", "account_closed")]
    again = paid.link(jane)
    paid.work(hours=1)
    assert paid.standin.reached(again) == 5000


def test_a_transfer_that_is_told_of_closes_its_payout(paid: StripeWorld) -> None:
    """The answer was lost, and transfer.created comes before anybody looks: it is known, once."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.standin.fail("cut_done")
    paid.work(hours=1)
    assert paid.payouts(jane)[0][1] == "unknown"
    paid.hear(times=2)
    assert paid.payouts(jane) == [(5000, "sent", None)]
    paid.work(days=2)
    assert paid.standin.reached(account) == 5000


def test_a_transfer_of_another_installation_is_left_alone(paid: StripeWorld) -> None:
    """Two databases on one Stripe account: the group says whose it is."""
    data = {"object": {"id": "tr_1", "destination": "acct_1", "metadata": {"referrals_payout": "other:1"}}}
    body = body_of(type="transfer.created", data=data)
    assert paid.post(body, now_signed(body)) == 200


@pytest.mark.slow
def test_one_event_fifty_times_at_once(backend: str, standin: Standin, clock: FrozenClock) -> None:
    """P5: one row, one effect, on each database."""
    with fresh_database(backend) as url:
        for paid in world_on(url, standin, clock):
            jane = paid.client("Jane Smith")
            account = paid.link(jane)
            paid.earn(jane, "Ann Ash")
            paid.work(hours=1)
            before = paid.events()
            paid.standin.land(account)
            ((secret, event),) = [one for one in paid.standin.untold(SECRETS[:3]) if one[1]["type"] == "payout.paid"]
            with ThreadPoolExecutor(8) as pool:
                signed_now = paid.standin.signed(event, secret)
                found = [one.result() for one in [pool.submit(paid.post, *signed_now) for _ in range(50)]]
            assert set(found) <= {200, 503}
            assert found.count(200) >= 1
            assert paid.events() == before + 1
            paid.work(hours=1)
            assert paid.payouts(jane) == [(5000, "paid", None)]
            assert paid.kinds(jane).count("payout_paid") == 1


def test_reconcile_tells_what_differs(paid: StripeWorld) -> None:
    """Both ways, with an exit code: all well; a transfer of ours that we do not know; one that went twice."""
    jane = paid.client("Jane Smith")
    account = paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.work(hours=1)
    run = paid.app.test_cli_runner()
    fine = run.invoke(args=["referrals", "stripe", "reconcile"])
    assert (fine.exit_code, fine.output) == (0, "1 transfers of the last 30 days: 0 differences\n")
    first = paid.standin.transfers()[0]
    gateway = get_state().gateway
    assert isinstance(gateway, StripeGateway)
    gateway.call(
        "default", "post", "/v1/transfers", amount=5000, currency="usd", destination=account,
        transfer_group=first["transfer_group"],
    )  # fmt: skip
    paid.standin.books.transfers[first["id"]]["amount_reversed"] = 100
    wrong = run.invoke(args=["referrals", "stripe", "reconcile"])
    assert wrong.exit_code == 1
    assert "sent 2 times" in wrong.output
    assert "taken back here" in wrong.output


def test_check_names_the_events_that_no_endpoint_hears(paid: StripeWorld) -> None:
    """mirakl 98: the endpoint for connected accounts is the one that is forgotten."""
    paid.standin.add_endpoint("https://x.example/a", "s", events=("transfer.created", "transfer.reversed"))
    run = paid.app.test_cli_runner()
    found = run.invoke(args=["referrals", "stripe", "check"])
    assert found.exit_code == 1
    assert "wrong no endpoint for connected accounts hears account.application.deauthorized" in found.output
    assert paid.standin.key not in found.output
    paid.standin.add_endpoint("https://x.example/b", "s", connect=True)
    assert run.invoke(args=["referrals", "stripe", "check"]).exit_code == 0


def test_no_key_is_told(paid: StripeWorld, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in logs nor in what is kept with a payout, also where Stripe refuses the key."""
    jane = paid.client("Jane Smith")
    paid.link(jane)
    paid.earn(jane, "Ann Ash")
    paid.standin.key = "sk_test_rolled"
    caplog.set_level("DEBUG", logger="flask_referrals")
    paid.work(hours=1)
    assert paid.payouts(jane) == [(5000, "queued", "busy")]
    kept = paid.referrals.payouts(paid.value(jane))[0].error or ""
    assert "sk_test_standin" not in caplog.text + kept + repr(get_state().gateway)
    paid.standin.key = "sk_test_standin"
    paid.work(hours=1)
    assert paid.payouts(jane) == [(5000, "sent", None)]


def test_an_old_delivery_is_refused(paid: StripeWorld) -> None:
    """The stand-in's own deliveries are signed as Stripe signs; an old stamp is refused."""
    event = {"id": "evt_9", "object": "event", "type": "account.updated", "livemode": False}
    body, header = paid.standin.signed(event | {"data": {"object": {"id": "acct_1"}}}, "whsec_own")
    assert paid.post(body, header) == 200
    old = signed(body, "whsec_own", int(time.time() - timedelta(hours=1).total_seconds()))
    assert paid.post(body, old) == 400
