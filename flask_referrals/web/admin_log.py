"""A client's log as staff read it, line by line; flags and what a reward waits for, in words (G1, L2, R9)."""

from __future__ import annotations

from ..services.clients import Line
from ..services.queue import Waiting
from ..words import refusal_text
from .admin_words import Voice

_FLAGS = {
    "disposable_email": "A throw-away email address",
    "many_registrations": "Many registrations in a short time",
    "exchanged_contacts": "The two refer each other's contacts",
    "same_address": "Both at the same address",
    "same_device": "Both on the same device",
    "same_payment": "Both with the same means of payment",
}
_VIA = {
    "code": "by the code",
    "link": "through the link",
    "invitation": "by an invitation",
    "staff": "as entered by staff",
}


def flag_text(flag: str) -> str:
    """A reason for a closer look."""
    return _FLAGS.get(flag, flag.replace("_", " ").capitalize())


def reward_text(voice: Voice, one: Waiting) -> str:
    """What is to be given: an amount of credit, or a service."""
    return f"A free {one.service}" if one.service else voice.money(one.amount)


def log_text(voice: Voice, name: str, line: Line) -> str:
    """What happened, in a sentence. `name` is the client's whose log it is."""
    who, other = (name, line.other_name) if line.mine else (line.other_name or "The other side", name)
    service = str(line.data.get("service") or "")
    amount = f"a free {service}" if service else "" if line.amount is None else voice.money(line.amount)
    referrer, referee = (name, line.other_name) if line.as_referrer else (line.other_name, name)
    match line.kind:
        case "code_created":
            return f"A code was made for {who}"
        case "code_disabled":
            return f"The code {voice.code(str(line.data.get('code', '')))} was switched off"
        case "link_visited":
            return f"Somebody opened the link of {who}"
        case "invited":
            return f"{who} invited somebody by email"
        case "attributed":
            return f"{referee} was recommended by {referrer}, {_VIA.get(str(line.data.get('via')), 'by a code')}"
        case "attribution_refused":
            return f"A code was refused for {who}"
        case "referrer_blocked":
            return f"{who} was blocked: its codes are refused"
        case "referrer_unblocked":
            return f"{who} was unblocked"
        case "discount_applied":
            return f"{referee} got {amount} off an invoice"
        case "discount_waits":
            return f"{referee} got nothing off an invoice: the discount waits for the next one"
        case "not_qualified":
            return f"{referee} paid, but the referral still waits"
        case "discount_released":
            return f"The discount of {amount} is free again for the next invoice of {referee}"
        case "qualified":
            return f"{referee} qualified as a referral of {referrer}"
        case "reward_pending":
            return f"A reward for {who}, {amount}, waits{voice.wait(str(line.data.get('waits_for')))}"
        case "reward_issued" if line.data.get("given_as") == "cash":
            return f"{who} is paid {amount} in cash{_for(line, other)}"
        case "reward_issued":
            return f"{who} was {'given' if service else 'credited'} {amount}{_for(line, other)}"
        case "reward_approved":
            return f"A reward of {who} was approved"
        case "reward_released":
            return f"A reward of {who} was let past the limit"
        case "reward_cancelled":
            return f"The reward for {who}, {amount}, was cancelled"
        case "reward_reversed":
            return f"The reward of {who}, {amount}, was taken back"
        case "reward_reduced":
            return f"{amount} of a reward of {who} was taken back, as part of the payment went back"
        case "reward_restored":
            return f"{amount} of a reward of {who} was given back"
        case "voucher_issued":
            return f"{who} got a voucher: {amount}"
        case "voucher_used":
            return f"{who} used a voucher: {amount}"
        case "voucher_reopened":
            return f"{who} may use a voucher again: {amount}"
        case "voucher_cancelled":
            return f"A voucher of {who} was cancelled: {amount}"
        case "credit_waits":
            return f"{who} has credit for a new invoice, and there is nothing to pay on it yet"
        case "credit_held":
            return f"{who} put {amount} of credit on an invoice"
        case "credit_captured":
            return f"{who} paid {amount} with credit"
        case "credit_released":
            return f"{amount} of credit went back to {who} from an invoice"
        case "credit_expired":
            return f"{amount} of credit expired"
        case "credit_adjusted":
            return f"The credit of {who} was adjusted by {amount}"
        case "payout_queued":
            return f"A payout of {amount} to {who} was made"
        case "payout_sent":
            return f"A payout of {amount} was sent to {who}"
        case "payout_paid":
            return f"{amount} reached the bank of {who}"
        case "payout_failed":
            return f"A payout of {amount} to {who} did not go through"
        case "payout_cancelled":
            return f"A payout of {amount} to {who} was cancelled before it was sent"
        case "payout_reversed":
            return f"{amount} of a payout to {who} came back"
        case "payout_owed":
            return f"{amount} of a payout to {who} could not be taken back, and is owed"
        case "debt_settled":
            return f"{amount} that {who} owed is settled"
        case "bank_linked":
            return f"{who} linked an account for payouts"
        case "bank_trouble":
            return f"The account of {who} takes no payouts at the moment"
        case "bank_unlinked":
            return f"{who} has no linked account any more"
        case "reward_chosen":
            return f"{who} wants rewards as {line.data.get('choice')}"
        case "expired":
            return f"The referral of {referee} by {referrer} expired"
        case "rejected":
            return f"The referral of {referee} by {referrer} was rejected"
        case _:
            return line.kind.replace("_", " ").capitalize() + (f": {amount}" if amount else "")


def _for(line: Line, other: str) -> str:
    return f" for recommending {other}" if line.mine and line.as_referrer and other else ""


def log_details(voice: Voice, line: Line) -> list[str]:
    """What else is known of a line: why, staff's note, who did it."""
    found = []
    reason = str(line.data.get("reason") or "")
    if reason:
        refused = refusal_text(reason)
        found.append(refused if refused != reason else voice.because(reason))
    if line.data.get("note"):
        found.append(f"Note: {line.data['note']}")
    if by := voice.by(line.actor):
        found.append(by)
    return found
