"""What a verb answers: done or refused, for which reason, and what it was about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ..money import Money

#: What a host tells of an invoice.
Verb = Literal["created", "changed", "paid", "refunded", "voided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """A referral as the host may see it. Times are UTC."""

    id: int
    org: str
    referrer_id: str
    referee_id: str
    state: str
    via: str
    attributed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One way of attribution that was tried (A1): by `code` or `link`, the text given, and why it was refused.

    `message` is the sentence for that reason; both are empty for the way that was taken.
    """

    via: str
    text: str
    reason: str | None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to a verb. `ok` is False for a refusal, whose first `reason` and `message` a person can read (A6).

    `failed` says that our own work broke and was put off: nothing was refused, and nothing of the host's is lost.
    """

    ok: bool
    reason: str | None = None
    message: str = ""
    referral: Referral | None = None
    amount: Money | None = None
    tried: tuple[Tried, ...] = field(default=())
    failed: bool = False
