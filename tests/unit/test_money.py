"""Money: exact, whole, never mixed (M1 to M3)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import moneyed
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_referrals.errors import MoneyError
from flask_referrals.money import MAX_MINOR, Money, parse_percent, percent_for, round_half_up, spread, spread_by

minors = st.integers(-(10**12), 10**12)
percents = st.integers(1, 10000).map(lambda n: Decimal(n) / 100)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("25.00", "USD", 2500),
        (Decimal("0.1"), "USD", 10),
        (7, "USD", 700),
        ("999", "JPY", 999),
        ("1.500", "KWD", 1500),
        ("1.5", "KWD", 1500),
        ("2.125", "IQD", 2125),
        ("-3.00", "EUR", -300),
    ],
)
def test_decimals_become_minor_units_by_iso_digits(amount: Decimal | int | str, currency: str, minor: int) -> None:
    """M1: ISO's digits count, three for the Iraqi dinar too, where CLDR says none."""
    assert Money.of(amount, currency) == Money.from_minor(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (0.1, "USD", "float"),
        (True, "USD", "Decimal"),
        ("1.005", "USD", "2 decimals"),
        ("1.5", "JPY", "0 decimals"),
        ("12,50", "USD", "not an amount"),
        ("", "USD", "not an amount"),
        ("NaN", "USD", "cannot"),
        ("Infinity", "USD", "cannot"),
        ("1e30", "USD", "cannot"),
        ("99999999999999.00", "USD", "larger than any price"),
        ("1", "ABC", "ISO 4217"),
        ("1", "usd", "ISO 4217"),
    ],
)
def test_what_is_no_amount_is_refused_with_a_reason(amount: str, currency: str, words: str) -> None:
    """M1: a float, too many decimals, an unknown currency: each is told."""
    with pytest.raises(MoneyError, match="(?i)" + words if words != "cannot" else "not an amount that can be booked"):
        Money.of(amount, currency)


def test_minor_units_are_whole() -> None:
    """M1: no float slips in as minor units."""
    with pytest.raises(MoneyError, match="whole"):
        Money(10.0, "USD")  # type: ignore[arg-type]
    assert Money(MAX_MINOR, "USD").minor == MAX_MINOR


@given(minors)
def test_amount_and_minor_say_the_same(minor: int) -> None:
    """M1: what leaves as a decimal comes back as the same whole number."""
    for currency in ("USD", "JPY", "KWD"):
        money = Money(minor, currency)
        assert Money.of(money.amount, currency) == money


def test_another_librarys_money() -> None:
    """M1: py-moneyed's and the like are taken by amount and currency, exactly."""
    assert Money.from_money(moneyed.Money("12.50", "EUR")) == Money(1250, "EUR")
    assert Money.from_money(moneyed.Money("7", "JPY")) == Money(7, "JPY")
    assert Money.from_money(Money(1250, "EUR")) == Money(1250, "EUR")
    with pytest.raises(MoneyError, match="has 2 decimals"):
        Money.from_money(moneyed.Money("12.505", "EUR"))


@given(st.integers(1, 10**9), st.integers(0, 10**9), percents)
def test_the_percentage_for_an_amount(whole: int, part: int, promised: Decimal) -> None:
    """M2: it never takes more, nor a step less than it could, and a promised percentage comes out as it was."""
    price, off = Money(whole, "USD"), Money(part, "USD")
    found = percent_for(off, price)
    assert 0 <= found <= 100
    assert price.percent(found) <= off
    assert found == 100 or (off - price.percent(found)).minor <= 1 + whole // 10000
    exact = price.percent(promised)
    assert price.percent(percent_for(exact, price)) == exact


@given(minors, percents)
def test_a_percentage_is_rounded_once_half_up(minor: int, percent: Decimal) -> None:
    """M2: the result is the nearest whole minor unit, and a half goes away from zero."""
    exact = Fraction(minor) * Fraction(percent) / 100
    found = Money(minor, "USD").percent(percent).minor
    assert abs(found - exact) <= Fraction(1, 2)
    if abs(found - exact) == Fraction(1, 2):
        assert abs(found) > abs(exact)


def test_half_goes_up() -> None:
    """M2: half up, where a banker's rounding would go to the even number."""
    assert [round_half_up(n, 2) for n in (1, 3, 5, -1, -3)] == [1, 2, 3, -1, -2]


@pytest.mark.parametrize("text", ["0", "-1", "100.01", "101", "12.345", "x", "NaN"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    """M2: above 0, at most 100, at most two decimals."""
    with pytest.raises(MoneyError, match="percentage"):
        parse_percent(text)


def test_currencies_never_mix() -> None:
    """M3: neither added, nor taken away, nor compared."""
    dollars, yen = Money.of("1", "USD"), Money.of("1", "JPY")
    for operation in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__, Money.__gt__, Money.__ge__):
        with pytest.raises(MoneyError, match="M3"):
            operation(dollars, yen)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any))
def test_a_spread_returns_every_minor_unit(total: int, weights: list[int]) -> None:
    """D2: the parts add up, and each is within one minor unit of its exact share."""
    parts = spread(Money(total, "USD"), weights)
    assert sum(part.minor for part in parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor - Fraction(total * weight, sum(weights))) < 1


def test_of_equal_remainders_the_earlier_part_goes_first() -> None:
    """D2: 100 over three equal lines is 34, 33, 33."""
    assert [part.minor for part in spread(Money(100, "USD"), [1, 1, 1])] == [34, 33, 33]


def test_nothing_can_be_spread_over_nothing() -> None:
    """D2: a zero over zeros is zeros; anything else over zeros is an error."""
    assert [part.minor for part in spread(Money(0, "USD"), [0, 0])] == [0, 0]
    with pytest.raises(MoneyError):
        spread(Money(1, "USD"), [0, 0])


@given(st.floats(-1e9, 1e9, allow_nan=False))
def test_a_hosts_float_is_rounded_by_its_shortest_text(value: float) -> None:
    """M1: the explicit helper takes what the float prints as, half up."""
    money = Money.from_float(value, "USD")
    assert abs(money.amount - Decimal(repr(value))) <= Decimal("0.005")


def test_a_spread_over_kinds() -> None:
    """D2: in proportion to the sum of each kind; kinds that get nothing, or are below zero, are left out."""
    amounts: list[tuple[str, Any]] = [
        ("20", "90.00"),
        ("5", Decimal("99.95")),
        ("20", Money(4555, "EUR")),
        ("0", 0),
        ("7", "-5"),
    ]
    assert spread_by(Money(3532, "EUR"), amounts) == {"20": Money(2033, "EUR"), "5": Money(1499, "EUR")}
    assert spread_by(Money(0, "EUR"), amounts) == {}
