"""Sentences for people, made at the edge from codes and facts (A3, R9)."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_currency

from .domain.terms import Terms
from .money import Money, digits

_REFUSALS = {
    "code_not_found": "We don't know this code. Check it, or leave the field empty.",
    "code_mistyped": "There is a typing error in this code. Check the code, character by character.",
    "code_inactive": "This code is no longer in use.",
    "program_off": "The referral program is closed at the moment.",
    "self_referral": "This is your own code. It is meant for people you recommend us to.",
    "already_referred": "A referral code has been used for you already, and the first one stays.",
    "existing_client": "Referral codes are for new clients, and you are one of ours already.",
    "not_accepted_here": "A referral code can't be entered here.",
    "referrer_blocked": "This code can't be used at the moment.",
    "no_credit": "There is no credit to use.",
    "not_enough_credit": "That is more credit than there is.",
    "more_than_due": "That is more than is left to pay on this invoice.",
    "currency_mismatch": "The credit is in another currency than this invoice.",
}


def refusal_text(reason: str | None) -> str:
    """What a person is told for a refusal's code; empty for none."""
    return _REFUSALS.get(reason or "", reason or "")


def money_text(money: Money, locale: str = "en_US") -> str:
    """An amount as people of that locale write it, with ISO's digits: `$50.00`, `¥500`, `KWD 2.125`."""
    places = digits(money.currency)
    pattern_digits = "0" * places
    pattern = "¤#,##0." + pattern_digits if places else "¤#,##0"
    if locale.startswith("en"):
        text = format_currency(abs(money.amount), money.currency, pattern, locale=locale, currency_digits=False)
        return ("-" if money.minor < 0 else "") + text
    return str(
        format_currency(
            money.amount.quantize(Decimal(1).scaleb(-places)), money.currency, locale=locale, currency_digits=False
        )
    )


def percent_text(percent: Decimal) -> str:
    """A percentage without needless zeros: `15%`, `12.5%`."""
    return f"{percent.normalize():f}%"


def discount_text(terms: Terms, locale: str = "en_US") -> str | None:
    """What the new client gets off the first invoice, in words; None for nothing."""
    deal = terms.discount
    if deal is None:
        return None
    if deal.percent is not None:
        text = f"{percent_text(deal.percent)} off the first invoice"
        if deal.cap is not None:
            text += f" (at most {money_text(deal.cap, locale)})"
    else:
        assert deal.amount is not None
        text = f"{money_text(deal.amount, locale)} off the first invoice"
    if terms.discount_min_invoice is not None:
        text += f" of {money_text(terms.discount_min_invoice, locale)} or more"
    return text


def referee_text(terms: Terms, locale: str = "en_US") -> str:
    """What a new client gets, in words."""
    parts = []
    if (discount := discount_text(terms, locale)) is not None:
        parts.append(discount)
    if terms.referee_reward is not None:
        parts.append(f"{money_text(terms.referee_reward, locale)} credit once it is paid")
    return ", and ".join(parts) if parts else "a warm welcome"


def referrer_text(terms: Terms, locale: str = "en_US") -> str:
    """What the referrer gets, in words."""
    text = f"{money_text(terms.referrer_reward, locale)} credit when they pay their first invoice"
    if terms.min_paid is not None:
        text += f" of {money_text(terms.min_paid, locale)} or more"
    return text
