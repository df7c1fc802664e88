"""What a client is told, in the portal's list and by email; by email in the client's own language (gettext catalogs).

Every sentence is a whole one and goes through `say`, which is how the catalogs' texts are found (docs/howto/mail.md).
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

Say = Callable[[str], str]
#: The languages' catalogs.
TRANSLATIONS = Path(__file__).parent / "translations"
DOMAIN = "referrals"


@lru_cache(maxsize=64)
def speaker(locale: str) -> Say:
    """Turns our sentences into those of that locale; English where there is no catalog for it."""
    languages = [locale, locale.partition("_")[0]]
    return gettext.translation(DOMAIN, TRANSLATIONS, languages=languages, fallback=True).gettext


def english(text: str) -> str:
    """The sentence as it stands."""
    return text


def kind_text(kind: str, say: Say = english) -> str:
    """A kind of news in a few words: the label of its switch, and the subject of its email."""
    match kind:
        case "attributed":
            return say("Somebody came by your recommendation")
        case "reward_issued":
            return say("You got a reward")
        case "reward_pending":
            return say("A reward is on its way")
        case "reward_reversed":
            return say("A reward was taken back")
        case "reward_cancelled":
            return say("A reward is not due")
        case "reward_reduced":
            return say("A part of a reward was taken back")
        case "reward_restored":
            return say("A part of a reward is back")
        case "credit_adjusted":
            return say("Your credit was changed")
        case "credit_expiring":
            return say("Some of your credit expires soon")
        case "credit_expired":
            return say("Some of your credit has expired")
        case "voucher_issued":
            return say("You have a free service")
        case "voucher_reopened":
            return say("Your free service is there again")
        case "voucher_cancelled":
            return say("Your free service is not there any more")
        case "payout_sent":
            return say("Money is on its way to you")
        case "payout_paid":
            return say("Your bank has your money")
        case "payout_failed":
            return say("A payout did not go through")
        case "payout_reversed":
            return say("A payout was taken back")
        case "bank_trouble":
            return say("Your account for payouts needs you")
        case "expired":
            return say("A recommendation has expired")
        case "rejected":
            return say("A recommendation was declined")
    return kind.replace("_", " ").capitalize()


def news_text(
    kind: str,
    name: str,
    amount: str,
    *,
    as_referrer: bool,
    registered: bool = False,
    data: Mapping[str, Any] = MappingProxyType({}),
    say: Say = english,
) -> str:
    """A line of what a client was told; `name` is the other side as this client may see it (G2).

    `registered` says that a registration earned the reward, and no invoice.
    """
    service = data.get("service")
    what = say("{amount} credit").format(amount=amount)
    if service:
        what = say("a free {service}").format(service=service)
    elif data.get("given_as") == "cash":
        what = say("{amount} in cash").format(amount=amount)
    facts = {"name": name, "amount": amount, "what": what, "service": service}
    declined = data.get("reason") in ("rejected", "refused_by_staff")
    found = _sentence(kind, data, say, as_referrer=as_referrer, registered=registered, declined=declined)
    facts |= {"days": data.get("days", 1), "number": str(data.get("cause") or "").rpartition(":")[2]}
    text = kind.replace("_", " ").capitalize() if found is None else found.format(**facts)
    return f"{text} {data['note']}" if kind == "credit_adjusted" and data.get("note") else text


def _sentence(
    kind: str, data: Mapping[str, Any], say: Say, *, as_referrer: bool, registered: bool, declined: bool
) -> str | None:
    match kind:
        case "attributed" if as_referrer:
            return say("{name} came by your recommendation.")
        case "attributed":
            return say("{name} recommended us to you.")
        case "reward_issued" if data.get("cause"):
            return say("You reached {number} referrals, and got {what} extra. Thank you!")
        case "reward_issued" if registered and as_referrer:
            return say("{name} came by a recommendation, and you got {what}. Thank you!")
        case "reward_issued" if registered:
            return say("You came by a recommendation, and you got {what}. Thank you!")
        case "reward_issued" if as_referrer:
            return say("{name} paid the first invoice, and you got {what}. Thank you!")
        case "reward_issued":
            return say("You paid your first invoice, and got {what}.")
        case "reward_pending":
            return _pending(data, say, as_referrer=as_referrer)
        case "reward_reversed" if declined:
            return say("This referral was not approved, so {what} was taken back.")
        case "reward_reversed" if as_referrer:
            return say("{name}'s payment was undone, so {what} was taken back. The next payment brings it again.")
        case "reward_reversed":
            return say("Your payment was undone, so {what} was taken back. The next payment brings it again.")
        case "reward_cancelled" if declined:
            return say("This referral was not approved, so {what} is not due.")
        case "reward_cancelled" if as_referrer:
            return say("{name}'s payment was undone, so {what} is not due. The next payment brings it again.")
        case "reward_cancelled":
            return say("Your payment was undone, so {what} is not due. The next payment brings it again.")
        case "reward_reduced":
            return say("A part of the payment went back, and so did {amount} of your credit.")
        case "reward_restored":
            return say("The payment was made again, and so {amount} of your credit is back.")
        case "credit_expiring" if data.get("days", 1) == 1:
            return say("{amount} of your credit expires in 1 day. Use it on an invoice before.")
        case "credit_expiring":
            return say("{amount} of your credit expires in {days} days. Use it on an invoice before.")
        case "credit_expired":
            return say("{amount} of your credit has expired.")
        case "credit_adjusted":
            return say("Your credit was changed by {amount}.")
        case "voucher_issued":
            return say("You have a free {service}, to use on an invoice.")
        case "voucher_reopened":
            return say("Your free {service} is there again, since its invoice was undone.")
        case "voucher_cancelled":
            return say("Your free {service} is not there any more.")
        case "payout_sent":
            return say("{amount} is on its way to your bank account.")
        case "payout_paid":
            return say("{amount} has reached your bank account.")
        case "payout_failed":
            return _not_paid(data, say)
        case "payout_reversed":
            return say("{amount} of a payout was taken back, since the payment behind it was undone.")
        case "bank_trouble":
            return say("Your account does not take payouts at the moment. Open it, and see what is missing.")
        case "expired" if as_referrer:
            return say("{name} did not pay a first invoice in time.")
        case "expired":
            return say("Your recommendation has expired.")
        case "rejected" if as_referrer:
            return say("Your referral of {name} was declined.")
        case "rejected":
            return say("Your recommendation was declined.")
    return None


def _not_paid(data: Mapping[str, Any], say: Say) -> str:
    match data.get("reason"):
        case "account_closed":
            return say("{amount} could not be paid out: your account is closed. Link another one, then it is sent.")
        case "account_restricted":
            return say("{amount} could not be paid out: your account needs more details.")
        case "bank_refused":
            return say("Your bank has sent {amount} back. Check your bank details.")
    return say("{amount} could not be paid out. We look into it.")


def _pending(data: Mapping[str, Any], say: Say, *, as_referrer: bool) -> str:
    match data.get("waits_for"), as_referrer:
        case "bank_account", _:
            return say("{name} came by a recommendation. Link a bank account to get your {what}.")
        case "min_payout", _:
            return say("{name} came by a recommendation. Your {what} goes out with the next payout.")
        case "approval", True:
            return say("{name} came by a recommendation, and your reward of {what} waits to be approved.")
        case "approval", False:
            return say("You came by a recommendation, and your reward of {what} waits to be approved.")
        case "hold", True:
            return say(
                "{name} came by a recommendation, and your reward of {what} is held for some days, in case the payment "
                "is undone."
            )
        case "hold", False:
            return say(
                "You came by a recommendation, and your reward of {what} is held for some days, in case the payment is "
                "undone."
            )
        case _, True:
            return say(
                "{name} came by a recommendation, and your reward of {what} waits for its turn, since a limit is "
                "reached."
            )
    return say("You came by a recommendation, and your reward of {what} waits for its turn, since a limit is reached.")


def letter(
    sentence: str, name: str, org_name: str, portal: str, settings: str, say: Say = english
) -> tuple[str, str, tuple[str, str], tuple[str, str]]:
    """The parts of an email around a sentence: greeting, close, and two links with their labels (portal, settings)."""
    hello = say("Hello {name},").format(name=name)
    close = say("You get this email as a client of {org}.").format(org=org_name)
    return hello, close, (say("See your referrals"), portal), (say("Choose which emails you get"), settings)


def invitation_footer(org_name: str, say: Say = english) -> tuple[str, str]:
    """What stands below an invitation that we send: whose it is, and the label of the link that ends them."""
    why = say("{org} sent this for a client who recommends them to you.").format(org=org_name)
    return why, say("No more such invitations")
