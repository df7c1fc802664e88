"""Cash: linked bank accounts, payouts with what is in them, what is taken back of them, and Stripe's events (P)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency, Id, Key, Minor, Name, Ref, UTCDateTime, Word


class InstallationRow(Base):
    """This database's own name, in every idempotency key: two installations on one Stripe account never collide."""

    __tablename__ = "referrals_installation"
    __table_args__ = (PrimaryKeyConstraint("id", name="pk_referrals_installation"),)

    id: Mapped[int] = mapped_column(Id, autoincrement=False)
    name: Mapped[str] = mapped_column(Key)


class BankRow(Base):
    """A client's account with the gateway. `live` is 1 for the one that is used, null once it was unlinked.

    `state` is `new` (being made), `onboarding`, `ready`, `restricted` or `closed`; `needs` is what the gateway still
    wants, in its own words. `seen_at` is when it was last asked.
    """

    __tablename__ = "referrals_bank"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_bank"),
        UniqueConstraint("org", "client_id", "live", name="uq_referrals_bank_live"),
        UniqueConstraint("account_id", name="uq_referrals_bank_account"),
        Index("ix_referrals_bank_state", "state", "seen_at"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    live: Mapped[int | None]
    account_id: Mapped[str | None] = mapped_column(Key)
    state: Mapped[str] = mapped_column(Word)
    needs: Mapped[list[str]] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)


class PayeeRow(Base):
    """What staff decided about paying a client (P7); `client_id` "" is for all of the org's.

    `tax_year` is the last year for which the client's tax details are there.
    """

    __tablename__ = "referrals_payee"
    __table_args__ = (PrimaryKeyConstraint("org", "client_id", name="pk_referrals_payee"),)

    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    paused: Mapped[bool]
    tax_year: Mapped[int | None]


class PayoutRow(Base):
    """Cash on its way to a client. The row is committed before anything is sent (P2).

    `attempt` is in the idempotency key, and goes up only after a refusal that is certain; `key_at` is when the present
    key was first used. A queued one is tried from `next_at` on, and says in `reason` what keeps it; a `sending` one
    whose `lease_until` is over is unknown. `withdrawn` is 1 when it is not to be sent any more, should it come back
    from sending. `netted` lists what of it settled debts: [reversal id, minor units] each. `reversed_minor` is what of
    it came back, `owed_minor` what should have.
    """

    __tablename__ = "referrals_payout"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_payout"),
        UniqueConstraint("transfer_id", name="uq_referrals_payout_transfer"),
        CheckConstraint("amount_minor >= 0", name="ck_referrals_payout_amount"),
        CheckConstraint("reversed_minor + owed_minor <= amount_minor", name="ck_referrals_payout_back"),
        Index("ix_referrals_payout_due", "state", "next_at", "id"),
        Index("ix_referrals_payout_client", "org", "client_id", "id"),
        Index("ix_referrals_payout_destination", "destination", "state"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    amount_minor: Mapped[int] = mapped_column(Minor)
    currency: Mapped[str] = mapped_column(Currency)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    error: Mapped[str | None] = mapped_column(Text)
    attempt: Mapped[int]
    tries: Mapped[int]
    key_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_at: Mapped[datetime] = mapped_column(UTCDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    destination: Mapped[str | None] = mapped_column(Key)
    transfer_id: Mapped[str | None] = mapped_column(Key)
    withdrawn: Mapped[int]
    netted: Mapped[list[list[int]]] = mapped_column(JSON)
    reversed_minor: Mapped[int] = mapped_column(Minor)
    owed_minor: Mapped[int] = mapped_column(Minor)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class PayoutItemRow(Base):
    """A reward's part of a payout, and what of that was taken back again."""

    __tablename__ = "referrals_payout_item"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_payout_item"),
        UniqueConstraint("payout_id", "reward_id", name="uq_referrals_payout_item_once"),
        ForeignKeyConstraint(["payout_id"], ["referrals_payout.id"], name="fk_referrals_payout_item_payout"),
        ForeignKeyConstraint(["reward_id"], ["referrals_reward.id"], name="fk_referrals_payout_item_reward"),
        CheckConstraint("taken_minor <= amount_minor", name="ck_referrals_payout_item_taken"),
        Index("ix_referrals_payout_item_reward", "reward_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    payout_id: Mapped[int] = mapped_column(Id)
    reward_id: Mapped[int] = mapped_column(Id)
    amount_minor: Mapped[int] = mapped_column(Minor)
    taken_minor: Mapped[int] = mapped_column(Minor)


class ReversalRow(Base):
    """What an undo takes back of a payout (P6): its own intent, key and attempts.

    Where the gateway cannot, it is `owed`: `open_minor` is what is left of it, and later payouts settle that.
    """

    __tablename__ = "referrals_reversal"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_reversal"),
        ForeignKeyConstraint(["payout_id"], ["referrals_payout.id"], name="fk_referrals_reversal_payout"),
        ForeignKeyConstraint(["reward_id"], ["referrals_reward.id"], name="fk_referrals_reversal_reward"),
        CheckConstraint("open_minor >= 0", name="ck_referrals_reversal_open"),
        Index("ix_referrals_reversal_due", "state", "next_at", "id"),
        Index("ix_referrals_reversal_payout", "payout_id"),
        Index("ix_referrals_reversal_owed", "org", "client_id", "state"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    payout_id: Mapped[int] = mapped_column(Id)
    reward_id: Mapped[int] = mapped_column(Id)
    amount_minor: Mapped[int] = mapped_column(Minor)
    open_minor: Mapped[int] = mapped_column(Minor)
    currency: Mapped[str] = mapped_column(Currency)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    error: Mapped[str | None] = mapped_column(Text)
    attempt: Mapped[int]
    tries: Mapped[int]
    key_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_at: Mapped[datetime] = mapped_column(UTCDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    reversal_id: Mapped[str | None] = mapped_column(Key)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str | None] = mapped_column(Name)


class EventRow(Base):
    """An event that the gateway sent: stored once, then acted on; `done_at` is set in the transaction that did (P5)."""

    __tablename__ = "referrals_event"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_event"),
        UniqueConstraint("source", "event_id", name="uq_referrals_event_once"),
        Index("ix_referrals_event_waits", "next_at", "id"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    source: Mapped[str] = mapped_column(Key)
    event_id: Mapped[str] = mapped_column(Key)
    kind: Mapped[str] = mapped_column(Name)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    came_at: Mapped[datetime] = mapped_column(UTCDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    tries: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)
