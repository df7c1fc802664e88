"""Referrals and the rewards that they earn."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency, Id, Minor, Name, Ref, UTCDateTime, Word


class ReferralRow(Base):
    """The tie between a referee and a referrer. `live` is 1 until it is rejected, then null (A2).

    `discount_invoice_id` is the invoice that was last offered the discount, `discount_minor` what it took off there:
    above zero, the discount is taken. `epoch` counts the qualifications, so that a new one earns anew (U1).
    """

    __tablename__ = "referrals_referral"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_referral"),
        UniqueConstraint("org", "referee_id", "live", name="uq_referrals_referral_live"),
        ForeignKeyConstraint(["terms_id"], ["referrals_terms.id"], name="fk_referrals_referral_terms"),
        ForeignKeyConstraint(["code_id"], ["referrals_code.id"], name="fk_referrals_referral_code"),
        CheckConstraint("referrer_id <> referee_id", name="ck_referrals_referral_not_self"),
        CheckConstraint("discount_minor >= 0", name="ck_referrals_referral_discount"),
        Index("ix_referrals_referral_referrer", "org", "referrer_id", "id"),
        Index("ix_referrals_referral_state", "org", "state", "id"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    referee_id: Mapped[str] = mapped_column(Ref)
    referrer_id: Mapped[str] = mapped_column(Ref)
    referee_name: Mapped[str] = mapped_column(Name)
    referrer_name: Mapped[str] = mapped_column(Name)
    live: Mapped[int | None]
    state: Mapped[str] = mapped_column(Word)
    epoch: Mapped[int]
    via: Mapped[str] = mapped_column(Word)
    code_id: Mapped[int | None] = mapped_column(Id)
    touched_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attributed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    terms_id: Mapped[int] = mapped_column(Id)
    discount_invoice_id: Mapped[str | None] = mapped_column(Ref)
    discount_minor: Mapped[int] = mapped_column(Minor)
    discount_currency: Mapped[str | None] = mapped_column(Currency)
    qualified_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    qualified_invoice_id: Mapped[str | None] = mapped_column(Ref)


class RewardRow(Base):
    """What one side is owed for one qualification of a referral; the unique key makes it one each (R4)."""

    __tablename__ = "referrals_reward"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_reward"),
        UniqueConstraint("referral_id", "epoch", "beneficiary", "cause", name="uq_referrals_reward_once"),
        ForeignKeyConstraint(["referral_id"], ["referrals_referral.id"], name="fk_referrals_reward_referral"),
        ForeignKeyConstraint(["terms_id"], ["referrals_terms.id"], name="fk_referrals_reward_terms"),
        CheckConstraint("amount_minor > 0", name="ck_referrals_reward_amount"),
        Index("ix_referrals_reward_client", "org", "client_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    referral_id: Mapped[int] = mapped_column(Id)
    epoch: Mapped[int]
    beneficiary: Mapped[str] = mapped_column(Word)
    cause: Mapped[str] = mapped_column(Word)
    client_id: Mapped[str] = mapped_column(Ref)
    kind: Mapped[str] = mapped_column(Word)
    amount_minor: Mapped[int] = mapped_column(Minor)
    currency: Mapped[str] = mapped_column(Currency)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    n: Mapped[int]
    terms_id: Mapped[int] = mapped_column(Id)
    invoice_id: Mapped[str | None] = mapped_column(Ref)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    issued_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
