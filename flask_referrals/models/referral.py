"""Referrals and the rewards that they earn."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency, Id, Minor, Name, Ref, UTCDateTime, Word


class ReferralRow(Base):
    """The tie between a referee and a referrer. `live` is 1 until it is rejected, then null (A2).

    `discount_invoice_id` is the invoice that was last offered the discount, `discount_minor` what it took off there:
    above zero, the discount is taken. `epoch` counts the qualifications, so that a new one earns anew (U1).
    `expires_at` stands only while it is pending (U3). `email_key` is the referee's address, hashed (A1, G3); `flags`
    are the reasons for a closer look, by spaces (L2).
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
        Index("ix_referrals_referral_expiry", "expires_at"),
        Index("ix_referrals_referral_email", "org", "email_key"),
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
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    email_key: Mapped[str | None] = mapped_column(String(64))
    flags: Mapped[str] = mapped_column(Name, default="", server_default="")


class RewardRow(Base):
    """What one side is owed for one qualification of a referral; the unique key makes it one each (R4).

    While pending, `waits_for` says for what, and `hold_until` when its hold ends (R5, R8, L1). `paid_minor` is what was
    paid of the invoice, for a reward that shrinks with it; `taken_minor` what was taken back so far (U2). `milestone`
    is its number while it stands (R3). `issued_month` is the month of its issue in the org's time zone, YYYY-MM (L1).

    Credit with an expiry is a lot (K3): `remaining_minor` is what is left of it, `expired_minor` what has expired, and
    `lapses_at` repeats `expires_at` while something is left. `noticed` is the last notice given, in days before.
    `choices` are the kinds that the client may choose among, the default first (R6). Cash is in payouts;
    `payable_minor` is what of it is still to be put into one (P7).
    A free service is a voucher (R7): `voucher` is its state, and `voucher_minor` what it took off which invoice.
    """

    __tablename__ = "referrals_reward"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_reward"),
        UniqueConstraint("referral_id", "epoch", "beneficiary", "cause", name="uq_referrals_reward_once"),
        ForeignKeyConstraint(["referral_id"], ["referrals_referral.id"], name="fk_referrals_reward_referral"),
        ForeignKeyConstraint(["terms_id"], ["referrals_terms.id"], name="fk_referrals_reward_terms"),
        CheckConstraint("amount_minor >= 0", name="ck_referrals_reward_amount"),
        CheckConstraint("remaining_minor >= 0", name="ck_referrals_reward_remaining"),
        Index("ix_referrals_reward_client", "org", "client_id", "id"),
        Index("ix_referrals_reward_milestone", "org", "client_id", "milestone"),
        Index("ix_referrals_reward_lots", "org", "client_id", "lapses_at"),
        Index("ix_referrals_reward_lapses", "lapses_at"),
        Index("ix_referrals_reward_waits", "waits_for", "hold_until", "id"),
        Index("ix_referrals_reward_voucher", "org", "voucher_invoice_id"),
        Index("ix_referrals_reward_payable", "payable_minor", "org", "client_id"),
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
    waits_for: Mapped[str | None] = mapped_column(Word)
    hold_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    approved_by: Mapped[str | None] = mapped_column(Name)
    issued_month: Mapped[str | None] = mapped_column(String(7))
    milestone: Mapped[int | None]
    paid_minor: Mapped[int | None] = mapped_column(Minor)
    taken_minor: Mapped[int] = mapped_column(Minor, default=0, server_default="0")
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    lapses_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    remaining_minor: Mapped[int] = mapped_column(Minor, default=0, server_default="0")
    expired_minor: Mapped[int] = mapped_column(Minor, default=0, server_default="0")
    noticed: Mapped[int | None]
    service: Mapped[str | None] = mapped_column(Name)
    voucher: Mapped[str | None] = mapped_column(Word)
    voucher_invoice_id: Mapped[str | None] = mapped_column(Ref)
    voucher_minor: Mapped[int] = mapped_column(Minor, default=0, server_default="0")
    choices: Mapped[str | None] = mapped_column(Word)
    payable_minor: Mapped[int] = mapped_column(Minor, default=0, server_default="0")
