"""What a worker process of the payout tests does: it runs the payouts once, and may be killed at any step of them."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from typing import Any

from sqlalchemy import event

from flask_referrals.adapters.state import get_state
from flask_referrals.adapters.stripe import StripeGateway
from flask_referrals.adapters.worker import work
from flask_referrals.testing import FrozenClock
from tests.minihost import create_app, db


def main(url: str, api: str, now: datetime, killed_at: int, told: Any) -> None:
    """Run the payouts; with `killed_at`, this process kills itself (kill -9) at that step.

    Steps are commits of the database and calls of Stripe, each before and after; `told` gets how many there were.
    """
    gateway = StripeGateway("sk_test_standin", api=api, retries=0)
    steps = [0]

    def step(*_: Any) -> None:
        steps[0] += 1
        if steps[0] == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    ask = gateway.call

    def call(*args: Any, **values: Any) -> dict[str, Any]:
        step()
        found = ask(*args, **values)
        step()
        return found

    gateway.call = call  # type: ignore[method-assign]
    app = create_app(url, FrozenClock(now), gateway=gateway, REFERRALS_DELIVERY="worker")
    with app.app_context():
        event.listen(db.engine, "commit", step)
        work(get_state(), only="payouts")
        db.session.remove()
        db.engine.dispose()
    told.value = steps[0]
