"""Amounts of money: whole minor units inside, decimals where people read and write them."""

from __future__ import annotations

import re
from decimal import Decimal

import moneyed
from babel.numbers import get_currency_symbol

LARGEST_MAJOR = 10**12
NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


class AmountError(ValueError):
    """What was typed is not an amount; the message says why to the person who typed it."""


def is_currency(code: str) -> bool:
    """Whether ISO 4217 knows the code."""
    return code in moneyed.CURRENCIES


def digits(currency: str) -> int:
    """How many decimals the currency has."""
    return len(str(moneyed.get_currency(currency).sub_unit)) - 1


def parse_decimal(text: str) -> Decimal:
    """The number that was typed, exactly."""
    text = text.strip()
    if "," in text:
        raise AmountError("Please write it with a point and without commas, such as 1250.50.")
    if len(text) > 40 or not NUMBER.fullmatch(text):
        raise AmountError("Please enter a number, such as 1250.50.")
    return Decimal(text)


def parse_amount(text: str, currency: str) -> int:
    """The minor units of an amount that was typed in major units; never negative."""
    value = parse_decimal(text)
    if value < 0:
        raise AmountError("The amount cannot be negative.")
    if value > LARGEST_MAJOR:
        raise AmountError("This amount is too large. Please check it.")
    places = digits(currency)
    minor = value.scaleb(places)
    if max(0, -int(value.as_tuple().exponent)) > places:
        allowed = "no decimals" if places == 0 else f"at most {places} decimals"
        raise AmountError(f"An amount in {currency} has {allowed}.")
    return int(minor)


def parse_percent(text: str) -> int:
    """The thousandths of a percent that was typed; nothing typed is no percent."""
    if not text.strip():
        return 0
    value = parse_decimal(text)
    if not 0 <= value <= 100:
        raise AmountError("A tax rate is between 0 and 100 percent.")
    if value != round(value, 3):
        raise AmountError("A tax rate has at most 3 decimals.")
    return int(value * 1000)


def plain(minor: int, currency: str) -> str:
    """The amount as one types it, such as 1250.50."""
    return f"{Decimal(minor).scaleb(-digits(currency)):f}"


def show(minor: int, currency: str) -> str:
    """The amount as one reads it, such as $1,250.50."""
    symbol = get_currency_symbol(currency, "en_US")
    gap = "\N{NO-BREAK SPACE}" if symbol[-1].isalpha() else ""
    sign = "\N{MINUS SIGN}" if minor < 0 else ""
    return f"{sign}{symbol}{gap}{Decimal(abs(minor)).scaleb(-digits(currency)):,f}"


def plain_percent(millipercent: int) -> str:
    """The rate as one types it, such as 8.875."""
    whole, rest = divmod(millipercent, 1000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)


def percent(millipercent: int) -> str:
    """The rate as one reads it, such as 8.875 %."""
    return f"{plain_percent(millipercent)}\N{NO-BREAK SPACE}%"
