"""Credit repeated on Stripe's customer balance: each entry once, whatever happens; our ledger stays the truth (K1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from example_app.standin import Standin
from flask_referrals import Money
from flask_referrals.adapters.state import get_state
from flask_referrals.adapters.stripe import StripeGateway
from flask_referrals.testing import FrozenClock
from tests.databases import fresh_database
from tests.minihost import create_app, db
from tests.standin.test_webhooks import SECRETS, StripeWorld


@pytest.fixture
def mirrored(standin: Standin, clock: FrozenClock) -> Iterator[StripeWorld]:
    """Where every client but number 2 is a customer of Stripe's."""
    customer = standin.desk.customer({})["id"]
    gateway = StripeGateway(
        standin.key, webhook_secrets=SECRETS, api=standin.url, retries=0,
        mirror=lambda org, client_id: None if client_id == "2" else customer,
    )  # fmt: skip
    with fresh_database("sqlite") as url:
        app = create_app(url, clock, gateway=gateway)
        with app.app_context():
            db.create_all()
            app.extensions["referrals_object"].create_all()
            found = StripeWorld(app, clock)
            found.standin = standin
            found.terms(discount=None)
            yield found
            db.session.remove()
            db.engine.dispose()


def balances(standin: Standin) -> list[int]:
    """The customers' balances, as Stripe counts them: below zero is credit."""
    return [one["balance"] for one in standin.books.customers.values()]


def test_every_entry_once(mirrored: StripeWorld) -> None:
    """Up and down, a lost answer and forgotten keys; a second run repeats nothing."""
    jane = mirrored.client("Jane Smith")
    mirrored.earn(jane, "Ann Ash")
    mirrored.standin.fail("cut_done", path="/v1/customers")
    mirrored.work(hours=1)
    mirrored.standin.forget_keys()
    mirrored.work(hours=30)
    assert balances(mirrored.standin) == [-5000]
    mirrored.referrals.adjust(mirrored.value(jane), Money(-1500, "USD"), by="sam", note="spent")
    db.session.commit()
    mirrored.work(hours=1)
    mirrored.work(hours=1)
    assert balances(mirrored.standin) == [-3500]
    assert mirrored.credit(jane) == 3500
    assert len(mirrored.standin.books.customer_entries) == 2


def test_who_is_no_customer_waits(mirrored: StripeWorld) -> None:
    """Its credit is ours alone, until it is one."""
    mirrored.client("Jane Smith")
    ann = mirrored.client("Ann Ash")
    assert ann.id == 2
    mirrored.referrals.adjust(mirrored.value(ann), Money(700, "USD"), by="sam", note="hello")
    db.session.commit()
    mirrored.work(hours=1)
    assert balances(mirrored.standin) == [0]
    gateway = get_state().gateway
    assert isinstance(gateway, StripeGateway)
    customer = next(iter(mirrored.standin.books.customers))
    gateway.mirrors = lambda org, client_id: customer
    mirrored.work(hours=1)
    assert balances(mirrored.standin) == [-700]
