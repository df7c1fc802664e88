"""Facts that we announce after the commit: ids, money and times, never a database object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, as it stands in the activity log.

    `id` is the log's own and grows; the same event may be announced twice after a crash, so a receiver that must not
    repeat itself remembers it. `at` is UTC. `client_id` is whose record it is about, `other_id` the other side.
    """

    id: int
    kind: str
    org: str
    at: datetime
    client_id: str
    other_id: str | None = None
    referral_id: int | None = None
    invoice_id: str | None = None
    amount: Money | None = None
