"""Terms: read as a whole, kept as plain data, in force by time (T2, T3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_referrals.domain.terms import (
    APPROVALS,
    Discount,
    Limits,
    Milestone,
    Promise,
    Service,
    Terms,
    Tier,
    Version,
    in_force,
)
from flask_referrals.errors import TermsError
from flask_referrals.money import Money

START = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN: dict[str, Any] = {"currency": "USD", "referrer_reward": {"kinds": ["credit"], "amount": "50.00"}}
amounts = st.integers(1, 10**9).map(lambda minor: Money(minor, "USD"))
discounts = st.one_of(
    st.none(),
    st.builds(Discount, amount=amounts),
    st.builds(
        Discount,
        percent=st.integers(1, 10000).map(lambda n: (Decimal(n) / 100).normalize()),
        cap=st.none() | amounts,
    ),
)
promises = st.one_of(
    st.builds(Promise, amount=amounts),
    st.builds(Promise, percent=st.integers(1, 10000).map(lambda n: (Decimal(n) / 100).normalize())),
    st.builds(Promise, service=st.builds(Service, st.sampled_from(["Lawn mowing", "Hedge"]), st.none() | amounts)),
)
days = st.none() | st.integers(1, 400)
points = st.sampled_from([("link",), ("registration", "invoice"), ("link", "registration", "invoice")])
terms = st.builds(
    Terms,
    currency=st.just("USD"),
    discount=discounts,
    discount_min_invoice=st.none() | amounts,
    referee_reward=st.none() | amounts,
    referrer_reward=st.none() | promises,
    tiers=st.lists(st.builds(Tier, st.integers(1, 99), promises), max_size=4, unique_by=lambda tier: tier.start).map(
        lambda found: tuple(sorted(found, key=lambda tier: tier.start))
    ),
    milestones=st.lists(
        st.builds(Milestone, st.integers(1, 99), amounts), max_size=3, unique_by=lambda one: one.at
    ).map(lambda found: tuple(sorted(found, key=lambda one: one.at))),
    hold_days=days,
    qualify_within_days=days,
    credit_expires_days=days,
    approval=st.sampled_from(APPROVALS),
    limits=st.builds(Limits, days, days, days, st.none() | amounts),
    auto_apply_credit=st.booleans(),
    min_paid=st.none() | amounts,
    accept_codes_at=points,
)


@given(terms)
def test_terms_come_back_from_their_document_unchanged(promised: Terms) -> None:
    """T2: what is saved is what is read, to the last digit."""
    assert Terms.from_document(promised.document()) == promised


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"currency": "ABC"}, "currency"),
        ({"currency": ""}, "currency"),
        ({"discount": {"percent": "101"}}, "discount.percent"),
        ({"discount": {"percent": "0"}}, "discount.percent"),
        ({"discount": {"percent": "12.345"}}, "discount.percent"),
        ({"discount": {"amount": "-5"}}, "discount.amount"),
        ({"discount": {"amount": "0"}}, "discount.amount"),
        ({"discount": {"amount": 5.0}}, "discount.amount"),
        ({"discount": {"amount": "5", "cap": "1"}}, "discount.cap"),
        ({"discount": {"amount": "5", "percent": "1"}}, "discount"),
        ({"discount_min_invoice": "1.005"}, "discount_min_invoice"),
        ({"min_paid": "99999999999999999"}, "min_paid"),
        ({"referee_reward": {"amount": "x"}}, "referee_reward.amount"),
        ({"referrer_reward": {"kinds": ["credit"]}}, "referrer_reward.amount"),
        ({"referrer_reward": {"kinds": ["gold"], "amount": "5"}}, "referrer_reward.kinds"),
        ({"hold_days": "7"}, "hold_days"),
        ({"hold_days": -1}, "hold_days"),
        ({"referrer_reward": {"kinds": ["cash", "cash"], "amount": "5"}}, "referrer_reward.kinds"),
        ({"referrer_reward": {"kinds": [], "amount": "5"}}, "referrer_reward.kinds"),
        ({"min_payout": "0"}, "min_payout"),
        ({"referrer_reward": {"kinds": ["credit"], "amount": "5", "cap": "1"}}, "referrer_reward.cap"),
        ({"referrer_reward": {"kinds": ["service"], "service": {"name": " "}}}, "referrer_reward.service.name"),
        ({"qualifies_on": "registration", "referrer_reward": {"percent": "5"}}, "referrer_reward.percent"),
        ({"qualifies_on": "birth"}, "qualifies_on"),
        ({"approval": "some"}, "approval"),
        ({"tiers": [{"from": 0, "amount": "5"}]}, "tiers.0.from"),
        ({"tiers": [{"from": 2, "amount": "5"}, {"from": 2, "amount": "6"}]}, "tiers.1.from"),
        ({"tiers": [{"from": 2}]}, "tiers.0.amount"),
        ({"milestones": [{"at": 2, "amount": "0"}]}, "milestones.0.amount"),
        ({"limits": {"per_month": 0}}, "limits.per_month"),
        ({"limits": {"budget": "x"}}, "limits.budget"),
        ({"favours": 7}, "favours"),
        ({"accept_codes_at": []}, "accept_codes_at"),
        ({"accept_codes_at": ["telephone"]}, "accept_codes_at"),
    ],
)
def test_wrong_terms_name_the_field(change: dict[str, Any], field: str) -> None:
    """T2: terms that contradict themselves are refused, by field, with a sentence."""
    with pytest.raises(TermsError) as caught:
        Terms.from_document(PLAIN | change)
    assert list(caught.value.fields) == [field]
    assert len(caught.value.fields[field]) > 10


def test_all_that_is_wrong_is_told_at_once() -> None:
    """T2: a form shows every error, not the first."""
    with pytest.raises(TermsError) as caught:
        Terms.from_document(PLAIN | {"min_paid": "-1", "discount": {"percent": "200"}})
    assert set(caught.value.fields) == {"min_paid", "discount.percent"}


def version(number: int, hours: int) -> Version:
    """The `number`th version saved, in force so many hours after the start."""
    return Version(number, "acme", Terms.from_document(PLAIN), START + timedelta(hours=hours), START, "sam")


def test_the_newest_version_that_has_begun_is_in_force() -> None:
    """T3: scheduled ones wait; of two that begin at once, the one saved later counts."""
    versions = [version(1, 0), version(2, 24), version(3, 24), version(4, 48), version(5, 12)]
    at = {hours: in_force(versions, START + timedelta(hours=hours)) for hours in (-1, 0, 12, 24, 47, 48)}
    assert {hours: found and found.id for hours, found in at.items()} == {-1: None, 0: 1, 12: 5, 24: 3, 47: 3, 48: 4}
