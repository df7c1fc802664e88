"""The settings form turns what a person typed into terms, or says at each field what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from flask_referrals import Promise, Terms
from flask_referrals.domain.terms import Version
from flask_referrals.money import Money
from flask_referrals.services.programs import Program
from flask_referrals.web.admin_example import example_invoice
from flask_referrals.web.settings_form import Draft, SettingsForm, values_of

NOW = datetime(2026, 1, 10, 9, 0, 30, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
GOOD: dict[str, Any] = {
    "currency": "USD",
    "discount_kind": "percent",
    "discount_percent": "12.5",
    "referrer_reward": "50",
    "accept_codes_at": ["link", "registration"],
}
USUAL = Terms.from_document({"currency": "USD", "referrer_reward": {"amount": "25.00"}})
PROGRAM = Program("default", True, 1, (Version(1, "default", USUAL, NOW, NOW, "Olivia"),))


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    """Forms look at the app for the scheme against forgery."""
    app = Flask(__name__)
    app.secret_key = "test"
    with app.test_request_context():
        yield


def fill(**changes: Any) -> SettingsForm:
    return SettingsForm(MultiDict(GOOD | changes))


def read(**changes: Any) -> Draft:
    draft = fill(**changes).read(PROGRAM, UTC, NOW)
    assert draft is not None
    return draft


def errors(zone: Any = UTC, program: Program = PROGRAM, **changes: Any) -> dict[str, list[str]]:
    form = fill(**changes)
    assert form.read(program, zone, NOW) is None
    return dict(form.errors)


def test_a_full_form_becomes_terms() -> None:
    """Every field lands in the terms, exact, and in the chosen currency."""
    draft = read(
        discount_cap="30.00", discount_min_invoice="100", referee_reward=" 5.5 ", min_paid="0.01", currency=" usd "
    )
    terms = draft.terms
    assert terms.currency == "USD"
    assert terms.discount is not None
    assert (terms.discount.percent, terms.discount.cap) == (Decimal("12.5"), Money.of("30", "USD"))
    assert terms.discount_min_invoice == Money.of("100", "USD")
    assert terms.referee_reward == Money.of("5.50", "USD")
    assert terms.referrer_reward == Promise(amount=Money.of("50", "USD"))
    assert terms.min_paid == Money.of("0.01", "USD")
    assert terms.accept_codes_at == ("link", "registration")
    assert (draft.effective_from, draft.ends_at) == (None, None)


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("discount_percent", "101", "at most 100"),
        ("discount_percent", "100.01", "at most 100"),
        ("discount_percent", "0", "above 0"),
        ("discount_percent", "-5", "above 0"),
        ("discount_percent", "12.345", "two digits"),
        ("discount_percent", "1e1", "digits and a point"),
        ("discount_percent", "", "how many percent"),
        ("discount_percent", "٥", "digits and a point"),
        ("discount_cap", "-1", "above zero"),
        ("discount_cap", "<b>5</b>", "digits and a point"),
        ("discount_min_invoice", "0", "above zero"),
        ("referrer_reward", "1.005", "at most 2 digits"),
        ("referrer_reward", "1e9", "digits and a point"),
        ("referrer_reward", "1,000", "digits and a point"),
        ("referrer_reward", "NaN", "digits and a point"),
        ("referrer_reward", "99999999999999", "more than any price"),
        ("referrer_reward", "9" * 5000, "digits and a point"),
        ("referrer_reward", "", "how much the referrer gets"),
        ("referee_reward", "-5", "above zero"),
        ("min_paid", "five", "digits and a point"),
        ("currency", "USX", "no such currency"),
        ("currency", "", "three letters"),
        ("currency", "<script>", "no such currency"),
        ("discount_kind", "free", "Choose one"),
        ("accept_codes_at", [], "at least one"),
        ("accept_codes_at", ["link", "anywhere"], "at least one"),
        ("effective_from", "2026-02-30T09:00", "no such date"),
        ("effective_from", "2026-02-03T25:00", "no such date"),
        ("effective_from", "tomorrow", "such as 2026"),
        ("effective_from", "2026-01-10T08:59", "has passed"),
        ("effective_from", "2062-01-10T08:59", "Check the year"),
        ("effective_from", "0001-01-01T00:00", "Check the year"),
        ("until", "2026-02-30", "no such day"),
        ("until", "2026-01-09", "has passed"),
        ("until", "9999-12-31", "Check the year"),
        ("until", "31.5.2026", "such as 2026"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(field: str, value: Any, part: str) -> None:
    """One wrong field gets a sentence of its own, the others none."""
    found = errors(**{field: value})
    assert set(found) == {field}
    assert part in found[field][0]


def test_all_errors_are_told_at_once() -> None:
    """Nobody has to press the button once per mistake, not even where the currency is one of them."""
    found = errors(currency="XX", discount_percent="101", referrer_reward="-1", until="2026-02-30", accept_codes_at=[])
    assert set(found) == {"currency", "discount_percent", "referrer_reward", "until", "accept_codes_at"}


def test_fields_of_another_kind_of_discount_are_ignored() -> None:
    """What was typed for a percentage neither counts nor errs once a fixed amount, or none, is chosen."""
    fixed = read(discount_kind="amount", discount_amount="20", discount_percent="999", discount_cap="x").terms
    assert fixed.discount is not None
    assert (fixed.discount.amount, fixed.discount.percent, fixed.discount.cap) == (Money.of("20", "USD"), None, None)
    none = read(discount_kind="none", discount_percent="999", discount_min_invoice="100").terms
    assert (none.discount, none.discount_min_invoice) == (None, None)


@pytest.mark.parametrize(("currency", "good", "bad"), [("JPY", "500", "500.5"), ("KWD", "2.125", "2.1255")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, good: str, bad: str) -> None:
    """Yen have none, Kuwaiti dinars three (M1)."""
    terms = read(currency=currency, referrer_reward=good).terms
    assert terms.referrer_reward == Promise(amount=Money.of(good, currency))
    assert set(errors(currency=currency, referrer_reward=bad)) == {"referrer_reward"}


def test_times_are_in_the_orgs_zone_and_the_last_day_counts() -> None:
    """Nine in New York is two in the afternoon in UTC, and the end is the midnight after the last day (T4)."""
    draft = fill(effective_from="2026-01-12T09:00", until="2026-03-07").read(PROGRAM, NEW_YORK, NOW)
    assert draft is not None
    assert draft.effective_from == datetime(2026, 1, 12, 14, tzinfo=UTC)
    assert draft.ends_at == datetime(2026, 3, 8, 5, tzinfo=UTC)


def test_seconds_may_be_given_and_this_minute_is_now() -> None:
    """A browser that knows minutes only can still say now."""
    assert read(effective_from="2026-01-10T09:00").effective_from is None
    assert read(effective_from="2026-01-10T09:00:31").effective_from == datetime(2026, 1, 10, 9, 0, 31, tzinfo=UTC)


def test_an_hour_that_the_clocks_skip_is_refused() -> None:
    """Half past two does not exist in New York on the night of the change."""
    assert "skip" in errors(NEW_YORK, effective_from="2026-03-08T02:30")["effective_from"][0]


def test_an_end_before_the_start_is_refused() -> None:
    """A campaign cannot end before it begins; on the day of its start it can."""
    assert "before the start" in errors(effective_from="2026-02-10T09:00", until="2026-02-09")["until"][0]
    assert read(effective_from="2026-02-10T09:00", until="2026-02-10").ends_at == datetime(2026, 2, 11, tzinfo=UTC)


def test_an_end_without_terms_to_go_back_to_is_refused() -> None:
    """The very first terms cannot end: there would be nothing after them."""
    empty = Program("default", False, 0, ())
    assert "Save the usual terms first" in errors(program=empty, until="2026-02-10")["until"][0]


def test_terms_shown_in_the_form_are_read_back_the_same() -> None:
    """Opening the form and saving it changes nothing that was promised."""
    document = {
        "currency": "KWD",
        "discount": {"percent": "12.25", "cap": "3.500"},
        "discount_min_invoice": "10.000",
        "referee_reward": {"amount": "1.000"},
        "referrer_reward": {"amount": "2.125"},
        "min_paid": "4.000",
        "accept_codes_at": ["invoice"],
    }
    terms = Terms.from_document(document)
    draft = SettingsForm(MultiDict(values_of(terms))).read(PROGRAM, UTC, NOW)
    assert draft is not None
    assert draft.terms == terms


def test_the_example_invoice_is_worked_out_by_the_rules() -> None:
    """200 less 12.5% capped at 20 is 180; with 10% tax 198 are paid, and 50 are earned."""
    example = example_invoice(read(discount_cap="20").terms)
    usd = [Money.of(amount, "USD") for amount in ("200", "20", "180", "18", "198", "50")]
    found = [example.subtotal, example.discount, example.taxable, example.tax, example.total, example.referrer_gets]
    assert found == usd


def test_the_example_invoice_grows_with_what_the_terms_ask_for() -> None:
    """Where only invoices of 5,000 count, the example is no smaller; absurd minimums do not break it."""
    assert example_invoice(read(discount_min_invoice="5000").terms).subtotal == Money.of("20000", "USD")
    assert not example_invoice(read(min_paid="9999999999999").terms).qualifies
