"""Values as the JSON API shows them: exact amounts, times in UTC, people by first name and last initial (M1, G2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ..domain.codes import spoken
from ..money import Money
from ..services import portal
from ..services.cashbook import PayoutLine
from ..services.why import OwnReward
from ..words import entry_text, invitation_error_text, payout_text, referral_text
from ..words_why import reward_what, reward_why
from .cashing import Cash
from .inviting import Draft
from .sharing import Share, qr_code
from .standing import Speech, is_undone

Json = dict[str, Any]


def money(amount: Money, speech: Speech) -> Json:
    """An amount: exact, as a decimal, and as the client reads it."""
    return {"amount": f"{amount.amount:f}", "currency": amount.currency, "text": speech.money(amount)}


def time(at: datetime) -> str:
    """A time, ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def code(text: str, *, active: bool) -> Json:
    """A client's own code."""
    return {"text": text, "shown": spoken(text), "active": active}


def closed(reason: str) -> Json | None:
    """Why there is nothing to share; None for no reason."""
    return {"code": reason, "detail": invitation_error_text(reason)} if reason else None


def sharing(share: Share) -> Json:
    """The link, and the ways to send it."""
    ways = [
        {"name": way.name, "label": way.label, "url": way.url, "begin": way.begin, "web": way.web} for way in share.ways
    ]
    return draft(share) | {"qr_code": str(qr_code(share.link)), "ways": ways}


def draft(share: Share) -> Json:
    """The draft of a recommendation."""
    return {"link": share.link, "subject": share.subject, "message": share.message}


def invitation_draft(found: Draft) -> Json:
    """What an invitation says, or why there can be none."""
    return {"closed": closed(found.closed), "draft": None if found.share is None else draft(found.share)}


def balances(found: Sequence[portal.Balance], speech: Speech) -> list[Json]:
    """Credit, a currency each."""
    return [{"available": money(one.available, speech), "held": money(one.held, speech)} for one in found]


def entry(line: portal.LedgerLine, speech: Speech) -> Json:
    """An entry of the credit history."""
    return {
        "id": line.id,
        "reason": line.reason,
        "text": entry_text(line.reason, line.name),
        "amount": money(line.amount, speech),
        "balance": money(line.balance, speech),
        "at": time(line.at),
    }


def referral(line: portal.ReferralLine, promised: dict[str, str], speech: Speech) -> Json:
    """A referral of the client's."""
    word, detail = referral_text(line.state, line.reward_state)
    return {
        "id": line.id,
        "name": line.name,
        "state": line.state,
        "reward_state": line.reward_state,
        "word": word,
        "detail": detail,
        "amount": None if line.reward is None or line.service is not None else money(line.reward, speech),
        "service": line.service,
        "undone": is_undone(line),
        "at": time(line.attributed_at),
        "promised": promised,
    }


def reward(own: OwnReward, speech: Speech) -> Json:
    """A reward of the client's, with why it stands so (R9)."""
    one = own.reward
    return {
        "id": one.id,
        "referral_id": own.referral_id,
        "name": own.name,
        "side": one.side,
        "what": reward_what(one, speech.locale),
        "amount": None if one.service is not None else money(one.amount, speech),
        "service": one.service,
        "voucher": one.voucher,
        "code": one.code,
        "detail": reward_why(one, speech.state.host.timezone(speech.org), speech.locale),
        "made_at": time(one.made_at),
        "expires_at": None if one.expires_at is None else time(one.expires_at),
    }


def cash(found: Cash, speech: Speech) -> Json:
    """What the client sees of cash."""
    account = None
    if found.bank is not None and found.words is not None:
        word, detail = found.words
        account = {"state": found.bank.state, "word": word, "detail": detail, "needs": found.needs}
    return {
        "offered": found.offered,
        "onboards": found.onboards,
        "account": account,
        "choice": found.choice,
        "kind": found.kind,
        "waiting": [
            {"amount": money(one.amount, speech), "waits_for": one.waits_for, "detail": one.why}
            for one in found.waiting
        ],
        "payouts": [_payout(one, speech) for one in found.payouts],
        "owed": [money(one, speech) for one in found.owed],
    }


def _payout(line: PayoutLine, speech: Speech) -> Json:
    word, detail = payout_text(line.state, line.reason)
    return {
        "id": line.id,
        "amount": money(line.amount, speech),
        "state": line.state,
        "word": word,
        "detail": detail,
        "at": time(line.sent_at or line.made_at),
        "taken_back": money(line.back, speech) if line.back and line.state != "reversed" else None,
    }
