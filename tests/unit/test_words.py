"""Amounts and refusals as people read them."""

from __future__ import annotations

import pytest

from flask_referrals.domain.attribution import REFUSALS
from flask_referrals.money import Money
from flask_referrals.words import money_text, refusal_text


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "text"),
    [
        (5000, "USD", "en_US", "$50.00"),
        (-123456, "USD", "en_US", "\N{MINUS SIGN}$1,234.56"),
        (500, "JPY", "en_US", "¥500"),
        (2125, "KWD", "en_US", "KWD\N{NO-BREAK SPACE}2.125"),
        (2125, "KWD", "de_DE", "2,125\N{NO-BREAK SPACE}KWD"),
        (1000, "IQD", "en_US", "IQD\N{NO-BREAK SPACE}1.000"),
        (99, "EUR", "fr_FR", "0,99\N{NO-BREAK SPACE}€"),
    ],
)
def test_amounts_in_a_persons_language_with_isos_digits(minor: int, currency: str, locale: str, text: str) -> None:
    """M1: as many decimals as ISO 4217 gives the currency, wherever it is read."""
    assert money_text(Money(minor, currency), locale) == text


def test_every_refusal_has_a_sentence() -> None:
    """A3: a person reads a sentence, not a code."""
    for reason in REFUSALS:
        assert refusal_text(reason).endswith(".")
        assert "_" not in refusal_text(reason)
