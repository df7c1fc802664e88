"""Why a referral and its rewards stand as they do: a code and a sentence for each (R9)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from flask_referrals.adapters.state import get_state
from flask_referrals.errors import NotFoundError
from flask_referrals.services.why import Why, why
from flask_referrals.words_why import referral_why, reward_why
from tests.minihost import ClientRow, db
from tests.worlds import World


def ask(world: World, row: ClientRow, referral_id: int = 1) -> Why:
    """What the client may know."""
    programs = get_state().programs
    return why(db.session.connection(), programs, "default", referral_id, str(row.id))


def told(world: World, row: ClientRow) -> tuple[str, list[str], str]:
    """The codes, and all sentences."""
    found = ask(world, row)
    sentences = [referral_why(found, UTC), *(reward_why(one, UTC) for one in found.rewards)]
    return found.code, [one.code for one in found.rewards], " ".join(sentences)


def referred(world: World, **terms: Any) -> tuple[ClientRow, ClientRow]:
    """Jane, and Kiera who came by her."""
    world.terms(discount=None, **terms)
    jane = world.client("Jane Smith")
    return jane, world.client("Kiera Lopez", world.code(jane))


def test_before_and_after_the_payment(world: World) -> None:
    """Waiting, too small, qualified, undone; and nobody else may ask (G2)."""
    jane, kiera = referred(world, min_paid="50.00")
    assert told(world, jane)[:2] == ("waits_for_payment", [])
    world.pay(world.invoice(kiera, 1000))
    code, _, text = told(world, jane)
    assert code == "below_minimum"
    assert "Kiera L." in text
    assert "$50.00 or more" in text
    invoice = world.invoice(kiera, 9000)
    world.pay(invoice)
    assert told(world, jane)[:2] == ("qualified", ["issued"])
    world.refund(invoice)
    assert told(world, jane)[1] == ["reversed_refunded"]
    assert "the payment was refunded" in told(world, jane)[2]
    with pytest.raises(NotFoundError):
        ask(world, world.client("Mark Oak"))


@pytest.mark.parametrize(
    ("terms", "code", "words"),
    [
        ({"hold_days": 14}, "waits_hold", "held until Jan 24, 2026"),
        ({"approval": "all"}, "waits_approval", "approved by staff"),
        ({"limits": {"budget": "1.00"}}, "waits_budget", "budget is used up"),
    ],
)
def test_what_a_reward_waits_for(world: World, terms: dict[str, Any], code: str, words: str) -> None:
    """L1, R5, R8: each in words."""
    jane, kiera = referred(world, **terms)
    world.pay(world.invoice(kiera, 9000))
    _, codes, text = told(world, jane)
    assert codes == [code]
    assert words in text


def test_reduced_and_expired(world: World) -> None:
    """U2, K3: what went back, and what expired."""
    jane, kiera = referred(world, referrer_reward={"percent": "10"}, credit_expires_days=30)
    invoice = world.invoice(kiera, 10000)
    world.pay(invoice)
    world.refund(invoice, 5000)
    _, codes, text = told(world, jane)
    assert codes == ["reduced"]
    assert "$5.00 of it went back" in text
    world.clock.advance(days=30)
    world.referrals.work()
    assert "$5.00 of it has expired" in told(world, jane)[2]
