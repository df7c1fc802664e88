"""Amounts and percentages as a person types them: exact, or answered with a sentence on what to write (M1, M2)."""

from __future__ import annotations

import re
from decimal import Decimal

from ..errors import MoneyError
from ..money import MAX_MINOR, Money, digits, parse_percent

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
#: No number that is meant has more characters.
_LONGEST = 30


class Mistake(ValueError):
    """What is wrong with something typed, in a sentence that says what to do."""


def read_currency(text: str) -> str:
    """The ISO 4217 code that was typed, in upper case."""
    code = text.strip().upper()
    if not code:
        raise Mistake("Write the currency as its three letters, such as USD or EUR.")
    try:
        digits(code)
    except MoneyError:
        raise Mistake("There is no such currency. Write its three letters, such as USD or EUR.") from None
    return code


def read_amount(text: str, currency: str | None) -> Decimal | None:
    """The amount above zero that was typed, None for an empty text; without a currency only its form is checked."""
    if not text.strip():
        return None
    value = _number(text, "Write the amount with digits and a point only, such as 50 or 49.50.")
    if value <= 0:
        raise Mistake("Write an amount above zero, or leave the field empty for none.")
    if currency is None:
        return value
    places = digits(currency)
    if value * 10**places > MAX_MINOR:
        raise Mistake("This is more than any price. Check the number of digits.")
    try:
        Money.of(value, currency)
    except MoneyError:
        raise Mistake(
            f"Write at most {places} digits after the point: {currency} has no smaller coin."
            if places
            else f"Write a whole number: {currency} has no decimals."
        ) from None
    return value


def read_percent(text: str) -> Decimal:
    """The percentage that was typed, with or without its sign."""
    typed = text.strip().removesuffix("%")
    if not typed.strip():
        raise Mistake("Write how many percent, such as 15, or choose another kind of discount.")
    value = _number(typed, "Write the percentage with digits and a point only, such as 15 or 12.5.")
    if value <= 0:
        raise Mistake("Write a percentage above 0, or choose no discount.")
    if value > 100:
        raise Mistake("Write a percentage of at most 100: nobody gets more off than the whole price.")
    try:
        return parse_percent(value)
    except MoneyError:
        raise Mistake("Write at most two digits after the point, such as 12.25.") from None


def _number(text: str, sentence: str) -> Decimal:
    typed = text.strip()
    if len(typed) > _LONGEST or not _NUMBER.fullmatch(typed):
        raise Mistake(sentence)
    return Decimal(typed)
