"""Discount, qualification, credit, states: the decisions, without a database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_referrals.domain.credit import CreditRefused, credit_to_hold
from flask_referrals.domain.discounts import discount_for
from flask_referrals.domain.rewards import plan, qualifies
from flask_referrals.domain.states import HOLD, REFERRAL, REWARD, step
from flask_referrals.domain.terms import Terms
from flask_referrals.errors import MoneyError, StateError
from flask_referrals.money import Money


def terms(currency: str = "USD", **change: Any) -> Terms:
    """Plain terms with some of them changed."""
    document = {"currency": currency, "referrer_reward": {"kinds": ["credit"], "amount": "50"}}
    return Terms.from_document(document | change)


def usd(amount: str) -> Money:
    """Dollars."""
    return Money.of(amount, "USD")


@pytest.mark.parametrize(
    ("deal", "subtotal", "off"),
    [
        ({}, "200.00", "0"),
        ({"discount": {"percent": "15"}}, "200.00", "30.00"),
        ({"discount": {"percent": "10"}}, "333.33", "33.33"),
        ({"discount": {"percent": "12.5"}}, "0.04", "0.01"),
        ({"discount": {"percent": "15", "cap": "40.00"}}, "1000.00", "40.00"),
        ({"discount": {"percent": "100"}}, "80.00", "80.00"),
        ({"discount": {"amount": "25.00"}}, "10.00", "10.00"),
        ({"discount": {"amount": "25.00"}}, "0", "0"),
        ({"discount": {"amount": "20.00"}, "discount_min_invoice": "50.00"}, "49.99", "0"),
        ({"discount": {"amount": "20.00"}, "discount_min_invoice": "50.00"}, "50.00", "20.00"),
    ],
)
def test_discount(deal: dict[str, Any], subtotal: str, off: str) -> None:
    """D2, D4: min(base, cap, rounded percentage or flat amount), none below the smallest invoice."""
    assert discount_for(terms(**deal), usd(subtotal)) == usd(off)


@pytest.mark.parametrize(
    ("deal", "off"),
    [
        ({"discount": {"percent": "10"}}, "2.00"),
        ({"discount": {"percent": "10", "cap": "500"}}, "0"),
        ({"discount": {"percent": "10"}, "discount_min_invoice": "1"}, "0"),
        ({"discount": {"amount": "5"}}, "0"),
    ],
)
def test_an_invoice_in_another_currency_gets_a_plain_percentage_only(deal: dict[str, Any], off: str) -> None:
    """M3, M4: no flat amount, and none where a cap or a smallest amount would have to be compared."""
    assert discount_for(terms("JPY", **deal), usd("20.00")) == usd(off)


@given(st.integers(0, 10**9), st.integers(1, 10000), st.none() | st.integers(1, 10**9))
def test_a_discount_is_never_below_zero_nor_above_the_base(subtotal: int, hundredths: int, cap: int | None) -> None:
    """D2: whatever the deal, the price stays at or above zero, and the cap holds."""
    deal = {"percent": str(Decimal(hundredths) / 100)} | ({} if cap is None else {"cap": f"{Money(cap, 'USD').amount}"})
    off = discount_for(terms(discount=deal), Money(subtotal, "USD")).minor
    assert 0 <= off <= subtotal
    assert cap is None or off <= cap


def test_what_qualifies() -> None:
    """R1, M4: above zero, at least the smallest amount, which speaks of its own currency only."""
    assert qualifies(terms(), usd("0.01"))
    assert not qualifies(terms(), usd("0"))
    assert qualifies(terms(min_paid="60"), usd("60"))
    assert not qualifies(terms(min_paid="60"), usd("59.99"))
    assert qualifies(terms("JPY"), usd("1"))
    assert not qualifies(terms("JPY", min_paid="1"), usd("60"))


def test_both_sides_have_a_reward_of_their_own() -> None:
    """R4: one for each beneficiary that the terms name."""
    found = plan(terms(referee_reward={"amount": "5"}), 1, None)
    assert [(reward.beneficiary, reward.amount) for reward in found] == [("referrer", usd("50")), ("referee", usd("5"))]
    assert [reward.beneficiary for reward in plan(terms(), 1, None)] == ["referrer"]


@pytest.mark.parametrize(
    ("available", "due", "asked", "found"),
    [
        ("50", "33", None, "33"),
        ("17", "33", None, "17"),
        ("0", "33", None, "no_credit"),
        ("-5", "33", "1", "no_credit"),
        ("33", "0", None, "more_than_due"),
        ("33", "33", "40", "not_enough_credit"),
        ("50", "33", "40", "more_than_due"),
        ("30", "20", "40", "not_enough_credit"),
        ("33", "33", "10", "10"),
    ],
)
def test_credit_on_an_invoice(available: str, due: str, asked: str | None, found: str) -> None:
    """K2, K5: never more than there is, nor than is due; what is more than there is goes before."""
    wanted = None if asked is None else usd(asked)
    if found[0].isdigit():
        assert credit_to_hold(usd(available), usd(due), wanted) == usd(found)
    else:
        with pytest.raises(CreditRefused) as refused:
            credit_to_hold(usd(available), usd(due), wanted)
        assert refused.value.reason == found


@pytest.mark.parametrize("asked", ["0", "-1"])
def test_nothing_cannot_be_asked_for(asked: str) -> None:
    """K2: a request of nothing or less is an error, not a release by the back door."""
    with pytest.raises(MoneyError):
        credit_to_hold(usd("10"), usd("10"), usd(asked))


@pytest.mark.parametrize(
    ("thing", "steps"), [("referral", REFERRAL), ("reward", REWARD), ("credit on an invoice", HOLD)]
)
def test_a_step_that_does_not_exist_names_both_states(thing: str, steps: dict[str, frozenset[str]]) -> None:
    """States: every step of the table is possible, every other an error with both names."""
    for old, allowed in steps.items():
        for new in steps:
            if new in allowed:
                assert step(thing, old, new) == new
            else:
                with pytest.raises(StateError, match=f"'{old}' to '{new}'"):
                    step(thing, old, new)
