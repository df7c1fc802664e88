"""Money: a whole number of minor units and a currency; the only rounding and the only spread over parts.

Rules M1 to M3. The number of digits is ISO 4217's (py-moneyed's table), not CLDR's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from typing import Any, TypeVar

import moneyed

from .errors import MoneyError

Key = TypeVar("Key", bound=Hashable)
#: The largest amount that is accepted, in minor units: anything above is a typing error, not a price.
MAX_MINOR = 10**15


@cache
def digits(currency: str) -> int:
    """How many decimals ISO 4217 gives the currency (USD 2, JPY 0, KWD 3); MoneyError if there is no such currency."""
    try:
        unit = moneyed.get_currency(code=currency).sub_unit
    except moneyed.CurrencyDoesNotExist:
        raise MoneyError(
            f"{currency!r} is not an ISO 4217 currency code, such as 'USD' or 'EUR'", currency=currency
        ) from None
    return len(str(unit)) - 1


def round_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded half up, away from zero, in whole numbers (M2)."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    top, bottom = abs(numerator), abs(denominator)
    return sign * ((2 * top + bottom) // (2 * bottom))


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount: `minor` whole minor units of `currency` (ISO 4217). Made by `of`, `from_minor`, `from_float`."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise MoneyError(f"minor units are a whole number, not {self.minor!r}; use Money.of for decimals")
        digits(self.currency)
        if abs(self.minor) > MAX_MINOR:
            raise MoneyError(f"{self.minor} minor units of {self.currency} is larger than any price", minor=self.minor)

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Money from an exact decimal in major units; MoneyError for a float or for too many decimals (M1)."""
        if isinstance(amount, float):
            raise MoneyError(
                f"{amount!r} is a float, and floats are not exact: pass a Decimal, or Money.from_float if you must",
                amount=amount,
            )
        if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
            raise MoneyError(f"an amount is a Decimal, an int or a str, not {type(amount).__name__}", amount=amount)
        try:
            value = Decimal(amount)
        except InvalidOperation:
            raise MoneyError(f"{amount!r} is not an amount, such as '25.00'", amount=amount) from None
        places = digits(currency)
        if not value.is_finite() or value.adjusted() > 18:
            raise MoneyError(f"{amount} {currency} is not an amount that can be booked", amount=amount)
        scaled = value.scaleb(places)
        if scaled != scaled.to_integral_value():
            raise MoneyError(f"{currency} has {places} decimals, and {amount} has more", amount=amount)
        return cls(int(scaled), currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Money:
        """Money from whole minor units (cents for USD, yen for JPY)."""
        return cls(minor, currency)

    @classmethod
    def from_float(cls, amount: float, currency: str) -> Money:
        """Money from a host's float, rounded half up by its shortest decimal text; for hosts that store floats (M1)."""
        value = Decimal(repr(float(amount)))
        if not value.is_finite():
            raise MoneyError(f"{amount!r} is not an amount", amount=amount)
        return cls.of(value.quantize(Decimal(1).scaleb(-digits(currency)), ROUND_HALF_UP), currency)

    @classmethod
    def from_money(cls, money: Any) -> Money:
        """Money from another library's object with `amount` and `currency`, such as py-moneyed's; exact, as `of` is."""
        return cls.of(money.amount, str(getattr(money.currency, "code", money.currency)))

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in this currency."""
        return cls(0, currency)

    @property
    def amount(self) -> Decimal:
        """The exact decimal in major units, with as many decimals as the currency has."""
        return Decimal(self.minor).scaleb(-digits(self.currency))

    def same(self, other: Money) -> Money:
        """`other`, after making sure that both are of one currency; MoneyError otherwise (M3)."""
        if other.currency != self.currency:
            raise MoneyError(
                f"{self.currency} and {other.currency} cannot be put together (M3)",
                currencies=(self.currency, other.currency),
            )
        return other

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self.same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self.same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self.same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self.same(other).minor

    def __gt__(self, other: Money) -> bool:
        return self.minor > self.same(other).minor

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self.same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def percent(self, percent: Decimal) -> Money:
        """That percentage of the amount, rounded once, half up (M2)."""
        top, bottom = percent.as_integer_ratio()
        return Money(round_half_up(self.minor * top, bottom * 100), self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


def parse_percent(value: Decimal | int | str) -> Decimal:
    """A percentage above 0 and at most 100 with at most two decimals; MoneyError otherwise, also for a float (M2)."""
    if isinstance(value, float | bool):
        raise MoneyError(f"{value!r} is not an exact percentage: pass a Decimal", percent=value)
    try:
        percent = Decimal(value)
    except InvalidOperation:
        raise MoneyError(f"{value!r} is not a percentage, such as '12.5'", percent=value) from None
    if not percent.is_finite() or not 0 < percent <= 100:
        raise MoneyError(f"a percentage is above 0 and at most 100, not {value}", percent=value)
    if percent != percent.quantize(Decimal("0.01")):
        raise MoneyError(f"a percentage has at most two decimals, not {value}", percent=value)
    return percent.normalize()


def percent_for(part: Money, whole: Money) -> Decimal:
    """The percentage with two decimals that takes `part` off `whole`, rounded half up, or the least bit less (M2).

    For hosts whose invoices have a percentage and no amount: exact wherever a percentage was promised; for a flat
    amount maybe some minor units less.
    """
    if part.minor <= 0 or whole.same(part).minor <= 0:
        return Decimal(0)
    hundredths = min(round_half_up(part.minor * 10000, whole.minor), 10000)
    while whole.percent(Decimal(hundredths) / 100) > part:
        hundredths -= 1
    return Decimal(hundredths) / 100


def spread(total: Money, weights: Sequence[int]) -> list[Money]:
    """`total` over parts in proportion to `weights`, exact to the last minor unit (largest remainder, D2).

    Each part is first rounded down; what is left goes, one minor unit each, to the largest remainders, of equal
    ones to the earlier part. Weights are whole and not negative; all zero only for a total of zero.
    """
    whole = sum(weights)
    if any(weight < 0 for weight in weights) or (whole == 0 and total.minor != 0):
        raise MoneyError("cannot spread an amount over parts of nothing", weights=list(weights))
    if whole == 0:
        return [Money.zero(total.currency) for _ in weights]
    sign = -1 if total.minor < 0 else 1
    shares = [divmod(abs(total.minor) * weight, whole) for weight in weights]
    parts = [quotient for quotient, _ in shares]
    missing = abs(total.minor) - sum(parts)
    for index in sorted(range(len(parts)), key=lambda i: (-shares[i][1], i))[:missing]:
        parts[index] += 1
    return [Money(sign * part, total.currency) for part in parts]


def spread_by(total: Money, amounts: Iterable[tuple[Key, Money | Decimal | int | str]]) -> dict[Key, Money]:
    """`total` over what is of one kind, such as of one tax rate, in proportion to the sum of its amounts (D2).

    `amounts` are pairs of the kind and an amount in the total's currency. Kinds that get nothing are left out, and so
    are those whose sum is below zero.
    """
    sums: dict[Key, int] = {}
    for kind, amount in amounts:
        money = amount if isinstance(amount, Money) else Money.of(amount, total.currency)
        sums[kind] = sums.get(kind, 0) + total.same(money).minor
    parts = spread(total, [max(0, minor) for minor in sums.values()])
    return {kind: part for kind, part in zip(sums, parts, strict=True) if part}
