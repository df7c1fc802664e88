"""What every gateway must do, asked of the one in memory, of Stripe's on the stand-in by either kind of accounts, and,
with `-m live_stripe` and STRIPE_TEST_KEY, of Stripe itself."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from example_app.standin import Standin
from flask_referrals import Client, Gateway, Money
from flask_referrals.adapters.stripe import StripeGateway
from flask_referrals.services.ports import Busy, GatewayError, InDoubt, Order, Recall, Refused
from flask_referrals.testing import FakeGateway, FrozenClock

JANE = Client(id="1", name="Jane Smith", email="jane@smith.example")
RUN = uuid.uuid4().hex[:12]


@dataclass
class Bench:
    """A gateway, and how a test has its way with what is behind it."""

    gateway: Gateway
    onboard: Callable[[str], None]
    fail: Callable[..., None] | None = None
    forget: Callable[[], None] | None = None
    broke: Callable[[], None] | None = None
    drain: Callable[[str], None] | None = None
    close: Callable[[str], None] | None = None


def _fake(clock: FrozenClock, standin: Standin) -> Bench:
    found = FakeGateway(clock)
    return Bench(
        found, found.onboard, found.fail, found.forget_keys, lambda: found.funds.update(USD=1), found.take_balance,
        found.close,
    )  # fmt: skip


_FAULTS = {"timeout_but_done": "cut_done", "timeout_not_done": "cut"}


def _on_standin(accounts: Any) -> Callable[[FrozenClock, Standin], Bench]:
    def make(clock: FrozenClock, standin: Standin) -> Bench:
        def fail(*how: str) -> None:
            standin.fail(*(_FAULTS.get(one, one) for one in how))

        found = StripeGateway(standin.key, api=standin.url, accounts=accounts, retries=0)
        return Bench(
            found, standin.onboard, fail, standin.forget_keys, lambda: standin.set_balance("usd", 1),
            standin.take_balance, standin.close,
        )  # fmt: skip

    return make


def _live(clock: FrozenClock, standin: Standin) -> Bench:
    key = os.environ.get("STRIPE_TEST_KEY", "")
    if "_test_" not in key:
        pytest.skip("STRIPE_TEST_KEY names no test key")
    ready = os.environ.get("STRIPE_TEST_ACCOUNT", "")

    def onboard(account_id: str) -> None:
        if account_id != ready:
            pytest.skip("STRIPE_TEST_ACCOUNT names no onboarded account")

    return Bench(StripeGateway(key), onboard)


@pytest.fixture(
    params=[
        pytest.param(_fake, id="memory"),
        pytest.param(_on_standin("v2"), id="stripe-v2"),
        pytest.param(_on_standin("v1"), id="stripe-v1"),
        pytest.param(_live, id="live", marks=pytest.mark.live_stripe),
    ]
)
def bench(request: pytest.FixtureRequest, clock: FrozenClock, standin: Standin) -> Bench:
    """Each gateway."""
    made: Bench = request.param(clock, standin)
    return made


def account(bench: Bench) -> str:
    """An account that takes transfers."""
    found = os.environ.get("STRIPE_TEST_ACCOUNT") if bench.fail is None else None
    account_id = found or bench.gateway.create_account(JANE, f"{RUN}:acct:1")
    bench.onboard(account_id)
    return account_id


def order(account_id: str, number: int = 1, attempt: int = 1, minor: int = 5000) -> Order:
    """An order of so much."""
    group = f"{RUN}:{number}"
    return Order(
        org="default", payout_id=number, key=f"{group}:{attempt}", group=group, destination=account_id,
        amount=Money(minor, "USD"), metadata={"referrals_payout": group},
    )  # fmt: skip


def recall(transfer_id: str, number: int = 1, minor: int = 2000) -> Recall:
    """A part that is to come back."""
    mark = f"{RUN}:rev:{number}"
    return Recall(org="default", key=f"{mark}:1", mark=mark, transfer_id=transfer_id, amount=Money(minor, "USD"))


def test_an_account_is_made_once_for_a_key(bench: Bench) -> None:
    """YosemiteCrew 1685: two clicks at once make one account."""
    found = bench.gateway.create_account(JANE, f"{RUN}:acct:2")
    assert bench.gateway.create_account(JANE, f"{RUN}:acct:2") == found
    assert bench.gateway.account("default", found).state in ("onboarding", "restricted")
    assert bench.gateway.account("default", found).needs
    assert bench.gateway.onboarding_url("default", found, back="https://x.example/b", again="https://x.example/a")


def test_a_transfer_is_made_once_for_a_key_and_found_by_its_group(bench: Bench) -> None:
    """P2, P3."""
    account_id = account(bench)
    assert bench.gateway.account("default", account_id).state == "ready"
    assert bench.gateway.find(order(account_id)) is None
    found = bench.gateway.send(order(account_id))
    assert bench.gateway.send(order(account_id)) == found
    assert bench.gateway.find(order(account_id)) == found
    since = datetime.now(UTC) - timedelta(days=3650)
    assert [one.id for one in bench.gateway.transfers("default", RUN, since)] == [found]


def test_a_key_with_other_figures_is_in_doubt(bench: Bench) -> None:
    """Then something was tried by this key: it is looked up, never sent under another key at once."""
    account_id = account(bench)
    bench.gateway.send(order(account_id))
    with pytest.raises(InDoubt):
        bench.gateway.send(order(account_id, minor=6000))


def test_an_account_that_is_not_ready_is_refused(bench: Bench) -> None:
    """P4."""
    new = bench.gateway.create_account(JANE, f"{RUN}:acct:3")
    with pytest.raises(Refused) as found:
        bench.gateway.send(order(new, 3))
    assert found.value.kind == "account"


def test_parts_come_back_until_nothing_is_left(bench: Bench) -> None:
    """P6: each part once; more than is left is refused."""
    account_id = account(bench)
    transfer_id = bench.gateway.send(order(account_id))
    first = bench.gateway.recall(recall(transfer_id))
    assert bench.gateway.recall(recall(transfer_id)) == first
    assert bench.gateway.find_recall(recall(transfer_id)) == first
    assert bench.gateway.find_recall(recall(transfer_id, 9)) is None
    with pytest.raises(Refused):
        bench.gateway.recall(recall(transfer_id, 2, 4000))
    bench.gateway.recall(recall(transfer_id, 3, 3000))


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        ("rate_limit", Busy, False),
        ("server_error", InDoubt, False),
        ("timeout_but_done", InDoubt, True),
        ("timeout_not_done", InDoubt, False),
    ],
)
def test_what_an_error_means(bench: Bench, fault: str, error: type[GatewayError], done: bool) -> None:
    """P3, P4: what is certain is told from what is not."""
    if bench.fail is None:
        pytest.skip("Stripe fails by itself")
    account_id = account(bench)
    bench.fail(fault)
    with pytest.raises(error):
        bench.gateway.send(order(account_id))
    assert (bench.gateway.find(order(account_id)) is not None) is done


def test_funds(bench: Bench) -> None:
    """P4: a refusal for want of funds is certain, and answered again under its key; another key goes through."""
    if bench.broke is None or bench.fail is None:
        pytest.skip("Stripe's own balance is not ours to take")
    account_id = account(bench)
    bench.fail("low_balance")
    for _ in range(2):
        with pytest.raises(Refused) as found:
            bench.gateway.send(order(account_id))
        assert found.value.kind == "funds"
    assert bench.gateway.send(order(account_id, attempt=2))
    bench.broke()
    with pytest.raises(Refused):
        bench.gateway.send(order(account_id, 2))


def test_a_closed_account(bench: Bench) -> None:
    """P4: permanent."""
    if bench.close is None:
        pytest.skip("the account is still needed")
    account_id = account(bench)
    bench.close(account_id)
    assert bench.gateway.account("default", account_id).state == "closed"
    with pytest.raises(Refused):
        bench.gateway.send(order(account_id))


def test_what_has_left_the_account_does_not_come_back(bench: Bench) -> None:
    """P6."""
    if bench.drain is None:
        pytest.skip("Stripe pays out by itself")
    account_id = account(bench)
    transfer_id = bench.gateway.send(order(account_id))
    bench.drain(account_id)
    with pytest.raises(Refused):
        bench.gateway.recall(recall(transfer_id))
