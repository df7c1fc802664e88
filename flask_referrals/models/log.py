"""The activity log, which is also the outbox, and the list of work that failed and waits to be done again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, PrimaryKeyConstraint, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency, Id, Minor, Name, Ref, UTCDateTime, Word


class ActivityRow(Base):
    """One line on a client's log; never changed, by trigger, but for its delivery (G1).

    What concerns both sides stands on both records; `announces` marks the one line of the two that goes out as a
    signal. `waits` is 1 until it is delivered, then null; `claimed_until` is a worker's lease on it. `mail_at` is when
    the client is to be told by email, next or for the first time; null where not, or not any more.
    `unrolled` is 1 until the statistics have counted it, then null.
    """

    __tablename__ = "referrals_activity"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_activity"),
        Index("ix_referrals_activity_client", "org", "client_id", "id"),
        Index("ix_referrals_activity_referral", "referral_id", "id"),
        Index("ix_referrals_activity_waits", "waits", "id"),
        Index("ix_referrals_activity_mail", "mail_at"),
        Index("ix_referrals_activity_unrolled", "unrolled", "id"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    other_id: Mapped[str | None] = mapped_column(Ref)
    kind: Mapped[str] = mapped_column(Word)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(Name)
    referral_id: Mapped[int | None] = mapped_column(Id)
    invoice_id: Mapped[str | None] = mapped_column(Ref)
    terms_id: Mapped[int | None] = mapped_column(Id)
    amount_minor: Mapped[int | None] = mapped_column(Minor)
    currency: Mapped[str | None] = mapped_column(Currency)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    announces: Mapped[bool]
    waits: Mapped[int | None]
    claimed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    mail_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    mail_tries: Mapped[int] = mapped_column(default=0, server_default="0")
    unrolled: Mapped[int | None]


class RetryRow(Base):
    """A fact of the host's that we failed to act on: `flask referrals work` does it again from the host's records."""

    __tablename__ = "referrals_retry"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_retry"),
        UniqueConstraint("org", "verb", "subject_id", name="uq_referrals_retry_once"),
        Index("ix_referrals_retry_next", "next_at", "id"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    verb: Mapped[str] = mapped_column(Word)
    subject_id: Mapped[str] = mapped_column(Ref)
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    error: Mapped[str] = mapped_column(Text)
    tries: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    next_at: Mapped[datetime] = mapped_column(UTCDateTime)
