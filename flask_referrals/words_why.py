"""The sentences that say why a referral and its rewards stand as they do, for clients and for staff (R9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo

from .money import Money
from .services.why import Decision, Why, WhyReward
from .words import date_text, days_text, money_text

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
_CASH = {
    "waits_bank_account": "It is cash, and waits until you have linked a bank account. Nothing is lost meanwhile.",
    "waits_min_payout": "It is cash, and goes out with the next payout that is large enough.",
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
    if reward.code in _CASH:
        return _CASH[reward.code]
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


# -- for staff -------------------------------------------------------------------------------------------------------

_SHORT_UNDONE = _UNDONE | {"rejected": "the referral was rejected", "refused_by_staff": "staff refused it"}
_PERIODS = {
    "per_month": ("this month", "It follows by itself when the next month begins"),
    "per_year": ("this year", "It follows by itself when the next year begins"),
    "total": ("in all", "It follows by itself if another reward of this client is undone"),
}
_WORK = "the next run of “flask referrals work”"


@dataclass(frozen=True, slots=True)
class Told:
    """What staff are told: the reasons, a sentence each, and what to do next; `action` if a decision is open."""

    reasons: tuple[str, ...]
    next: str
    action: bool = False


def referral_told(found: Why, zone: tzinfo, locale: str = "en_US") -> Told:
    """Why the referral stands as it does, with the figures, and what to do next (R9)."""
    who, terms = found.referee_name, found.version.terms
    paid = "" if found.paid is None else money_text(found.paid, locale)
    least = "" if terms.min_paid is None else f" with {money_text(terms.min_paid, locale)} or more paid"
    until = "" if found.until is None else f" It expires on {date_text(found.until, zone, locale)} if none is."
    wait = f"Nothing: it qualifies by itself once an invoice{least} is settled.{until}"
    asked = money_text(terms.min_paid, locale) if terms.min_paid is not None else ""
    match found.code:
        case "qualified":
            number = "" if found.n is None else f", as number {found.n} of {found.referrer_name}"
            by = "at registration" if found.paid is None else f"by a payment of {paid}"
            reasons, then = [f"It counts{number}: it qualified {by}."], "Nothing."
        case "waits_for_payment":
            reasons, then = [f"{who} has not paid a first invoice yet."], wait
        case "nothing_paid":
            reasons = [f"{who}'s last invoice was settled with nothing paid, in money or credit."]
            then = wait
        case "below_minimum":
            reasons = [f"{who} paid {paid} of {asked} asked." if paid else f"{who} paid less than {asked}."]
            then = wait
        case "other_currency":
            reasons = [f"{who} paid {paid}, which cannot be compared with the terms' amounts in {terms.currency}."]
            then = f"Nothing: an invoice in {terms.currency}{least} qualifies it.{until}"
        case "undone":
            reasons = [f"It had qualified{paid and ' by a payment of '}{paid}, and that payment was undone."]
            then = wait
        case "expired":
            days = "" if terms.qualify_within_days is None else f" within {days_text(terms.qualify_within_days)}"
            by = "" if found.until is None else f", by {date_text(found.until, zone, locale)}"
            reasons = [f"No invoice qualified it{days}{by}."]
            if found.paid is not None:
                reasons.append(f"The last payment was {paid}{asked and f' of {asked} asked'}.")
            then = "Nothing: it earns nothing any more, and keeps its history."
        case _:
            reasons = ["It was rejected."]
            then = "If the client came by somebody else, enter that referral by hand."
    reasons += [decision_text(one, zone, locale) for one in found.decisions]
    if found.flags:
        reasons.append(f"Flagged: {', '.join(map(flag_text, found.flags))}.")
    return Told(tuple(reasons), then)


_DECIDED = {
    "attributed": "Entered by hand",
    "rejected": "Rejected",
    "reward_approved": "Approved",
    "reward_cancelled": "Cancelled",
    "reward_released": "Let past the limit",
    "reward_reversed": "Taken back",
}


def decision_text(decision: Decision, zone: tzinfo, locale: str = "en_US") -> str:
    """Who decided what, when and why: `Approved by Olivia on Jan 10, 2026: known to us`."""
    day = date_text(decision.at, zone, locale)
    text = f"{_DECIDED[decision.kind]} by {decision.by} on {day}"
    return f"{text}: {decision.note}" if decision.note else f"{text}."


def reward_told(reward: WhyReward, found: Why, zone: tzinfo, locale: str = "en_US") -> Told:
    """Why one of its rewards stands as it does: conditions, limits, decisions, what was taken back, what comes next."""
    state, _, reason = reward.code.partition("_")
    match state:
        case "waits":
            told = _waiting(reward, reason, found, zone, locale)
        case "cancelled" | "reversed":
            told = _undone(reward, state, reason, zone, locale)
        case _:
            told = _given(reward, found, zone, locale)
    decided = (decision_text(one, zone, locale) for one in reward.decisions)
    return replace(told, reasons=(*told.reasons, *decided))


def _waiting(reward: WhyReward, reason: str, found: Why, zone: tzinfo, locale: str) -> Told:
    made = date_text(reward.made_at, zone, locale)
    if reason == "approval":
        flagged = f" (flagged: {', '.join(map(flag_text, found.flags))})" if found.flags else ""
        return Told((f"It waits since {made} until staff approve it{flagged}.",), "Approve or refuse it.", action=True)
    if reason == "hold":
        days = found.version.terms.hold_days
        until = "" if reward.hold_until is None else f" until {date_text(reward.hold_until, zone, locale)}"
        kept = "" if days is None else f", {days_text(days)} after it was earned"
        return Told(
            (f"It is held{until}{kept}, in case the payment is undone.",), f"Nothing: {_WORK} after that issues it."
        )
    if reason == "bank_account":
        text = "It is cash, and the client has linked no account that takes payouts."
        return Told((text,), "Nothing: the client links one on its portal, or takes the reward as credit.")
    if reason == "min_payout":
        return Told((f"It is cash, and goes into the next payout that is large enough, with {_WORK}.",), "Nothing.")
    release = ", or release it now."
    if reward.most is None:
        return Told(
            ("It waited for a limit that the terms in force do not have any more.",), f"Nothing: {_WORK} issues it."
        )
    if reason == "budget":
        most, used = Money(reward.most, reward.amount.currency), Money(reward.used, reward.amount.currency)
        left = Money(max(0, most.minor - used.minor), most.currency)
        text = f"{money_text(used, locale)} of the budget of {money_text(most, locale)} is used"
        why = f"{text}; {money_text(left, locale)} is left, and this reward is {money_text(reward.amount, locale)}."
        return Told((why,), f"Raise the budget, and it follows by itself{release}", action=True)
    period, follows = _PERIODS[reason]
    text = f"{reward.used} of {reward.most} rewards {period} are given; this one is beyond."
    if reward.used < reward.most:
        text = f"A place is free by now: {reward.used} of {reward.most} rewards {period} are given."
        follows = f"It follows by itself, oldest first, with {_WORK}"
    return Told((text,), f"{follows}{release}", action=True)


def _undone(reward: WhyReward, state: str, reason: str, zone: tzinfo, locale: str) -> Told:
    because = _SHORT_UNDONE.get(reason, reason.replace("_", " "))
    day = "" if reward.closed_at is None else f" on {date_text(reward.closed_at, zone, locale)}"
    then = "Nothing: a new qualifying payment makes a new reward."
    if reason == "rejected":
        then = "Nothing: a rejected referral earns nothing more."
    elif reason == "refused_by_staff":
        then = "Nothing: it is not made again for this payment. An adjustment by hand is possible."
    if state == "cancelled":
        return Told((f"It was cancelled{day} before it was issued, since {because}.",), then)
    if reward.service is not None:
        kept = reward.voucher == "used"
        what = "The free service had been used and was not taken back" if kept else "Its voucher was taken back"
        then = "Decide whether to ask for the service's price; nothing is booked by itself." if kept else then
        return Told((f"{what}{day}, since {because}.",), then)
    reasons = [f"{money_text(reward.reversed, locale)} was taken back{day}, since {because}."]
    reasons += _gone(reward, locale)
    if reward.owed is not None:
        reasons.append(f"Some of it was spent already: the balance is {money_text(-reward.owed, locale)}.")
        then = "Nothing: later credit fills that first."
    return Told(tuple(reasons), then)


def _gone(reward: WhyReward, locale: str) -> list[str]:
    """What had left the reward by a part of a refund, or by expiry."""
    found = []
    if reward.taken:
        taken, whole = money_text(reward.taken, locale), money_text(reward.amount, locale)
        found.append(f"{taken} of {whole} had gone back before, in proportion to a part of the payment.")
    if reward.expired:
        found.append(f"{money_text(reward.expired, locale)} of it had expired, and is not taken back a second time.")
    return found


def _given(reward: WhyReward, found: Why, zone: tzinfo, locale: str) -> Told:
    day = "" if reward.issued_at is None else f" on {date_text(reward.issued_at, zone, locale)}"
    cause = ""
    if reward.milestone is not None:
        cause = f", as the extra for {reward.milestone} referrals"
    elif reward.tier:
        cause = f", by the tier for number {reward.n}"
    reasons = [f"It was given{day}{cause}."]
    then = "Nothing."
    if reward.taken:
        taken, whole = money_text(reward.taken, locale), money_text(reward.amount, locale)
        reasons.append(f"{taken} of {whole} was taken back, in proportion to the part of the payment that went back.")
    if reward.expired:
        reasons.append(f"{money_text(reward.expired, locale)} of it expired unspent.")
        then = "Nothing; an adjustment by hand can give it again."
    elif reward.expires_at is not None:
        reasons.append(f"What is not spent by {date_text(reward.expires_at, zone, locale)} expires.")
    if reward.voucher == "open":
        reasons.append("Its voucher has not been used yet.")
        then = f"Nothing: it comes off an invoice that has a line for {reward.service}."
    elif reward.voucher == "used":
        reasons.append("Its voucher was used.")
    if reward.owed is not None:
        reasons.append(f"The client's balance is {money_text(-reward.owed, locale)}; credit fills that first.")
    return Told(tuple(reasons), then)
