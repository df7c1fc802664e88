"""Amounts and percentages as a person types them: exact, or answered with a sentence on what to write (M1, M2)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from ..domain.terms import MOST
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


def read_whole(text: str, what: str) -> int | None:
    """The whole number above 0 that was typed, None for an empty text; `what` names an example."""
    typed = text.strip()
    if not typed:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", typed) or not 0 < int(typed) <= MOST:
        raise Mistake(f"Write a whole number from 1 to {MOST}, such as {what}, or leave the field empty for none.")
    return int(typed)


def read_promise(text: str, currency: str | None) -> dict[str, Any] | None:
    """A reward as one text: an amount (`80`), a percentage (`10%`), or a free service (`Lawn mowing`), of which the
    most that it is worth may follow in brackets (`Lawn mowing (45)`); None for an empty text."""
    typed = text.strip()
    if not typed:
        return None
    if typed.endswith("%"):
        return {"percent": read_percent(typed)}
    if re.match(r"[-+.,0-9]", typed):
        return {"amount": read_amount(typed, currency)}
    found = re.fullmatch(r"(.{1,100}?)\s*(?:\(([^()]*)\))?", typed)
    if found is None:
        raise Mistake("Write an amount such as 80, a percentage such as 10%, or the name of a free service.")
    service: dict[str, Any] = {"name": found[1]}
    if found[2] is not None:
        service["value"] = read_amount(found[2], currency)
    return {"service": service}
