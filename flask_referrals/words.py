"""Sentences for people, made at the edge from codes and facts (A3, R9)."""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, get_currency_symbol, parse_pattern

from .domain.terms import Promise, Terms
from .money import Money, digits

_REFUSALS = {
    "code_not_found": "We don't know this code. Check it, or leave the field empty.",
    "code_mistyped": "There is a typing error in this code. Check the code, character by character.",
    "code_inactive": "This code is no longer in use.",
    "no_invitations": "This address wants no invitations from us. You can still share your link yourself.",
    "message_invalid": "Write a message of at most 1,000 characters.",
    "program_off": "The referral program is closed at the moment.",
    "self_referral": "This is your own code. It is meant for people you recommend us to.",
    "already_referred": "A referral code has been used for you already, and the first one stays.",
    "existing_client": "Referral codes are for new clients, and you are one of ours already.",
    "not_accepted_here": "A referral code can't be entered here.",
    "referrer_blocked": "This code can't be used at the moment.",
    "no_discount": "There is no discount for this invoice.",
    "more_than_promised": "That is a larger discount than was promised.",
    "no_credit": "There is no credit to use.",
    "not_enough_credit": "That is more credit than there is.",
    "more_than_due": "That is more than is left to pay on this invoice.",
    "email_invalid": "This is no email address. Check it, character by character.",
    "already_invited": "You have invited this address already.",
    "too_many_invitations": "That is enough for today. Please go on tomorrow.",
    "code_taken": "This code, or one that looks like it, is taken already. Please choose another one.",
    "code_not_allowed": "This can't be a code. Choose 4 to 16 letters and digits that look like no code of ours.",
    "too_many_codes": "You have chosen as many codes as you can keep.",
    "no_voucher": "There is no free service for anything on this invoice.",
    "currency_mismatch": "The credit is in another currency than this invoice.",
}


def refusal_text(reason: str | None) -> str:
    """What a person is told for a refusal's code; empty for none."""
    return _REFUSALS.get(reason or "", reason or "")


_INVITATIONS = {
    "self_referral": "This is your own address. Invite somebody else.",
    "code_inactive": "Your code has been switched off, so nobody can be invited with it.",
    "referrer_blocked": "You can't invite anybody at the moment.",
}


def invitation_error_text(reason: str | None) -> str:
    """What is said to a client at an address that it can't invite."""
    return _INVITATIONS.get(reason or "") or refusal_text(reason)


def code_error_text(reason: str) -> str:
    """What is said at a form's field for a code that is refused: what is wrong, and that nobody has to have a code."""
    text = refusal_text(reason)
    return text if "leave the field empty" in text else f"{text} Correct it, or leave the field empty."


def link_error_text(reason: str | None) -> str:
    """What is said to the visitor of a link whose code is none of ours."""
    if reason == "code_mistyped":
        return "There is a typing error in the code at the end of this link. Compare it, character by character."
    return "We don't know the code at the end of this link. Perhaps a part of it was lost on the way."


def date_text(at: datetime, zone: tzinfo, locale: str = "en_US") -> str:
    """The day of that time in the org's time zone: `Jan 10, 2026`."""
    return _date_text(at.astimezone(zone).date(), locale)


@lru_cache(maxsize=4096)
def _date_text(day: date, locale: str) -> str:
    return str(format_date(day, "medium", locale=locale))


@lru_cache(maxsize=16384)
def money_text(money: Money, locale: str = "en_US") -> str:
    """An amount as people of that locale write it, with ISO's digits: `$50.00`, `¥500`, `KWD 2.125`."""
    pattern = _pattern(locale, money.currency)
    text = str(pattern.apply(money.amount, locale, currency=money.currency, currency_digits=False))
    return text.replace("-", "\N{MINUS SIGN}")


@lru_cache(maxsize=256)
def _pattern(locale: str, currency: str) -> NumberPattern:
    """The locale's own pattern, told the digits: Babel's are CLDR's, which differ from ISO's for 34 currencies."""
    pattern = Locale.parse(locale).currency_formats["standard"].pattern
    if get_currency_symbol(currency, locale)[-1:].isalpha():
        pattern = re.sub("¤(?=[#0])", "¤\N{NO-BREAK SPACE}", pattern)
    found = parse_pattern(pattern)
    found.frac_prec = (digits(currency), digits(currency))
    return found


def percent_text(percent: Decimal) -> str:
    """A percentage without needless zeros: `15%`, `12.5%`."""
    return f"{percent.normalize():f}%"


def discount_text(terms: Terms, locale: str = "en_US", *, whose: str = "the") -> str | None:
    """What the new client gets off the first invoice, in words; None for nothing. `whose` is "the", "your", "their"."""
    deal = terms.discount
    if deal is None:
        return None
    if deal.percent is not None:
        text = f"{percent_text(deal.percent)} off {whose} first invoice"
        if deal.cap is not None:
            text += f" (at most {money_text(deal.cap, locale)})"
    else:
        assert deal.amount is not None
        text = f"{money_text(deal.amount, locale)} off {whose} first invoice"
    if terms.discount_min_invoice is not None:
        text += f" of {money_text(terms.discount_min_invoice, locale)} or more"
    return text


def referee_text(terms: Terms, locale: str = "en_US", *, whose: str = "the") -> str:
    """What a new client gets, in words."""
    parts = []
    if (discount := discount_text(terms, locale, whose=whose)) is not None:
        parts.append(discount)
    if terms.referee_reward is not None:
        once = "it is paid" if parts else f"{whose} first invoice is paid"
        if terms.qualifies_on == "registration":
            parts.append(f"{money_text(terms.referee_reward, locale)} credit for registering")
            return ", and ".join(parts)
        least = "" if terms.min_paid is None else f" with {money_text(terms.min_paid, locale)} or more"
        parts.append(f"{money_text(terms.referee_reward, locale)} credit once {once}{least}")
    return ", and ".join(parts) if parts else "a warm welcome"


def referrer_text(terms: Terms, locale: str = "en_US") -> str:
    """What the referrer gets, in words: the reward, its tiers and extras, and what is asked for."""
    when = "when they register" if terms.qualifies_on == "registration" else "when they pay their first invoice"
    base = terms.referrer_reward
    text = "" if base is None else f"{promise_text(base, locale, terms.kinds)} {when}"
    if terms.min_paid is not None and terms.qualifies_on != "registration":
        text += f", with {money_text(terms.min_paid, locale)} or more" if text else ""
    more = [
        f"{promise_text(tier.promise, locale, terms.kinds)} from the {ordinal(tier.start)} on" for tier in terms.tiers
    ]
    more += [f"{money_text(one.amount, locale)} extra for the {ordinal(one.at)}" for one in terms.milestones]
    parts = [part for part in (text, *more) if part]
    return "; ".join(parts) if parts else "our thanks"


_AS = {("cash",): "cash", ("credit", "cash"): "credit or cash", ("cash", "credit"): "cash or credit"}


def promise_text(promise: Promise, locale: str = "en_US", kinds: tuple[str, ...] = ("credit",)) -> str:
    """One reward in words: `$50.00 credit`, `10% of the invoice as credit (at most $100.00)`, `a free Lawn mowing`."""
    if promise.service is not None:
        worth = promise.service.value
        return f"a free {promise.service.name}" + (
            "" if worth is None else f" (worth up to {money_text(worth, locale)})"
        )
    what = _AS.get(kinds, "credit")
    if promise.percent is not None:
        most = "" if promise.cap is None else f" (at most {money_text(promise.cap, locale)})"
        return f"{percent_text(promise.percent)} of the invoice as {what}{most}"
    return "" if promise.amount is None else f"{money_text(promise.amount, locale)} {what}"


def conditions_text(terms: Terms, locale: str = "en_US") -> list[str]:
    """What else goes for the reward, a sentence each: hold, days, expiry, approval, limits (T2)."""
    found = []
    if terms.hold_days is not None:
        found.append(f"The reward is given {days_text(terms.hold_days)} after that, in case the payment is undone.")
    if terms.qualify_within_days is not None:
        found.append(f"The first invoice is to be paid within {days_text(terms.qualify_within_days)}.")
    if terms.credit_expires_days is not None:
        found.append(f"Credit that is not spent within {days_text(terms.credit_expires_days)} expires.")
    if "cash" in terms.kinds and terms.min_payout is not None:
        found.append(f"Cash is paid out from {money_text(terms.min_payout, locale)} on; smaller sums wait together.")
    if terms.approval != "none":
        which = "Each reward is" if terms.approval == "all" else "Some rewards are"
        found.append(f"{which} approved by staff first.")
    limits = terms.limits
    counted = [(limits.per_month, "a month"), (limits.per_year, "a year"), (limits.total, "in all")]
    if stated := [f"{most} {period}" for most, period in counted if most is not None]:
        found.append(f"One client gets at most {' and '.join(stated)}; what goes beyond waits.")
    return found


def days_text(days: int) -> str:
    """A number of days in words: `1 day`, `14 days`."""
    return "1 day" if days == 1 else f"{days} days"


_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


def ordinal(number: int) -> str:
    """A place in a row: `1st`, `2nd`, `13th`."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{_ORDINALS.get(number % 10, 'th')}"


def share_subject(org_name: str) -> str:
    """The subject of the email by which a client recommends the business."""
    return f"A recommendation: {org_name}"


def share_message(terms: Terms, org_name: str, link: str, locale: str = "en_US") -> str:
    """The draft of a client's recommendation, which it may edit; ends with the link."""
    gets = referee_text(terms, locale, whose="your")
    return f"Hi! I'm happy with {org_name}, and I think you would be too. With my link you get {gets}: {link}"


def invitation_text(name: str, terms: Terms, locale: str = "en_US") -> str:
    """What a visitor who came by a link reads on the registration page."""
    return f"You were recommended by {name}: {referee_text(terms, locale, whose='your')}"


_REFERRAL_STATES = {
    "pending": ("Waiting", "Waits for the first payment"),
    "qualified": ("Qualified", "Has paid the first invoice"),
    "expired": ("Expired", "There was no payment in time"),
    "rejected": ("Declined", "This referral was declined"),
}
_REWARD_STATES = {
    "issued": ("Rewarded", "Has paid the first invoice"),
    "pending": ("Qualified", "The reward is on its way"),
    "reversed": ("Taken back", "The payment was undone; waits for the next one"),
    "cancelled": ("Waiting", "The payment was undone; waits for the next one"),
}


def referral_text(state: str, reward_state: str | None) -> tuple[str, str]:
    """A referral's state in a word or two, and what it waits for or why it stands so, as its referrer reads it (R9)."""
    if state == "qualified" and reward_state in ("cancelled", "reversed"):
        return "Not given", "The reward was not approved"
    if state in ("pending", "qualified") and reward_state in _REWARD_STATES:
        return _REWARD_STATES[reward_state]
    return _REFERRAL_STATES.get(state, (state.capitalize(), ""))


_ENTRIES = {
    "reward": "Credit for your first invoice",
    "reversal": "Taken back, since your payment was undone",
    "redemption": "Used on an invoice",
    "release": "Back from an invoice",
    "adjustment": "Changed by staff",
    "expiry": "Expired",
}


def entry_text(reason: str, name: str | None = None) -> str:
    """Why an entry stands in a client's credit history; `name` is whom it was recommending, if anybody."""
    if name is not None and reason == "reward":
        return f"For recommending {name}"
    if name is not None and reason == "reversal":
        return f"Taken back, since {name}'s payment was undone"
    return _ENTRIES.get(reason, reason.replace("_", " ").capitalize())


_PAYOUT_STATES = {
    "queued": ("Waiting", "It goes out with the next run"),
    "sending": ("On its way", "It is being sent"),
    "unknown": ("On its way", "It is being checked whether it went out"),
    "sent": ("Sent", "It is on its way to your bank"),
    "paid": ("Paid", "Your bank has it"),
    "failed": ("Not sent", "It could not be sent"),
    "cancelled": ("Cancelled", "Its payment was undone before it went out"),
    "reversed": ("Taken back", "Its payment was undone"),
    "owed": ("Open", "Its payment was undone; later rewards settle it"),
}
_PAYOUT_REASONS = {
    "bank_account": "It waits for a bank account",
    "paused": "Payouts are paused at the moment",
    "tax_details": "It waits for your tax details for this year",
    "by_hand": "It goes out with the next bank run",
    "low_balance": "It follows as soon as the business has funded it",
    "busy": "It is tried again shortly",
    "account_closed": "Your account is closed; link another one, and it is sent again",
    "account_restricted": "Your account needs more details; add them, and it is sent again",
    "bank_refused": "Your bank has sent it back; check your bank details",
    "refused": "The business looks into it",
    "netted": "It settled what was still open from an undone payment",
}


def payout_text(state: str, reason: str | None) -> tuple[str, str]:
    """A payout's state in a word or two, and what it waits for or why it stands so, as its client reads it (P4)."""
    word, why = _PAYOUT_STATES.get(state, (state.capitalize(), ""))
    return word, _PAYOUT_REASONS.get(reason or "", why)
