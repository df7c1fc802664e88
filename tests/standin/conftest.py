"""The stand-in for Stripe, served for each test; nothing that it answers may break Stripe's description."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from example_app.standin import Standin
from flask_referrals.adapters.stripe import StripeGateway
from flask_referrals.testing import FrozenClock


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands still."""
    return FrozenClock()


@pytest.fixture
def standin(clock: FrozenClock) -> Iterator[Standin]:
    """A stand-in with empty books."""
    found = Standin(now=clock)
    found.serve()
    yield found
    found.stop()
    assert found.violations == []


@pytest.fixture
def stripe_gateway(standin: Standin) -> StripeGateway:
    """The gateway that asks it."""
    return StripeGateway(standin.key, api=standin.url, retries=0)
