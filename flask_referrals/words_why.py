"""The sentences that say why a referral and its rewards stand as they do, for clients and for staff (R9)."""

from __future__ import annotations

from datetime import tzinfo

from .services.why import Why, WhyReward
from .words import date_text, money_text

_UNDONE = {
    "refunded": "the payment was refunded",
    "voided": "the invoice was cancelled",
    "dispute": "the payment was taken back by the bank",
    "rejected": "the referral was declined",
    "refused_by_staff": "it was not approved",
}
_LIMITS = {
    "per_month": "the number of rewards for this month is reached; it follows when the next month begins",
    "per_year": "the number of rewards for this year is reached; it follows when the next year begins",
    "total": "the number of rewards that one client can get is reached",
    "budget": "the program's budget is used up at the moment",
}
_FLAGS = {
    "disposable_email": "a throw-away email address",
    "many_registrations": "many registrations in a short time",
    "exchanged_contacts": "two clients bring each other's contacts",
    "same_address": "the same address as the referrer",
    "same_device": "the same device as the referrer",
    "same_payment": "the same way of paying as the referrer",
}


def flag_text(flag: str) -> str:
    """What a flag of a referral means, in a few words (L2)."""
    return _FLAGS.get(flag, flag.replace("_", " "))


def referral_why(found: Why, zone: tzinfo, locale: str = "en_US") -> str:
    """Why the referral stands as it does, in a sentence that its referrer may read too."""
    who = found.referee_name
    until = "" if found.until is None else f" by {date_text(found.until, zone, locale)}"
    least = found.version.terms.min_paid
    amount = "" if least is None else f" of {money_text(least, locale)} or more"
    sentences = {
        "qualified": f"{who} has done what was asked for: the reward is earned.",
        "waits_for_payment": f"{who} has not paid a first invoice yet. The reward comes once that is done{until}.",
        "nothing_paid": f"{who}'s invoice was settled without a payment. The next paid one{amount} counts.",
        "below_minimum": f"What {who} paid was less than the program asks for. The next payment{amount} counts.",
        "other_currency": f"{who} paid in a currency in which the program's amounts cannot be compared.",
        "undone": f"{who}'s payment was undone. The next one brings the reward again{until}.",
        "expired": f"{who} did not pay a first invoice in time{until and ','}{until}.",
        "rejected": "This referral was declined.",
    }
    return sentences.get(found.code, found.code.replace("_", " ").capitalize() + ".")


def reward_what(reward: WhyReward, locale: str = "en_US") -> str:
    """What the reward is: an amount, or a free service."""
    if reward.service is not None:
        return f"Free: {reward.service}"
    return money_text(reward.amount, locale)


def reward_why(reward: WhyReward, zone: tzinfo, locale: str = "en_US") -> str:
    """Why the reward stands as it does, in a sentence that its client can read."""
    if reward.code == "waits_approval":
        return "It waits to be approved by staff."
    if reward.code == "waits_hold":
        day = "the end of the waiting time" if reward.hold_until is None else date_text(reward.hold_until, zone, locale)
        return f"It is held until {day}, in case the payment is undone."
    if reward.code.startswith("waits_"):
        return f"It waits, since {_LIMITS.get(reward.code.removeprefix('waits_'), 'a limit is reached')}."
    for state, verb in (("cancelled", "It was cancelled"), ("reversed", "It was taken back")):
        if reward.code.startswith(f"{state}_"):
            reason = reward.code.removeprefix(f"{state}_")
            kept = " The service that was used already stays." if reward.voucher == "used" else ""
            return f"{verb}, since {_UNDONE.get(reason, reason.replace('_', ' '))}.{kept}"
    return " ".join(_issued(reward, zone, locale))


def _issued(reward: WhyReward, zone: tzinfo, locale: str) -> list[str]:
    found = ["It was given."]
    if reward.milestone is not None:
        found = [f"It is the extra for {reward.milestone} referrals, and was given."]
    elif reward.tier:
        found = [f"It is the reward from a higher tier, since this was referral number {reward.n}, and was given."]
    if reward.taken:
        found.append(f"{money_text(reward.taken, locale)} of it went back with a part of the payment.")
    if reward.expired:
        found.append(f"{money_text(reward.expired, locale)} of it has expired.")
    elif reward.expires_at is not None:
        found.append(f"What is not spent by {date_text(reward.expires_at, zone, locale)} expires.")
    if reward.voucher is not None:
        found.append({"open": "It can be used on an invoice.", "used": "It was used."}.get(reward.voucher, ""))
    return found
