"""Credit: one account per client and currency, its append-only entries, and what is held on invoices."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency, Id, Key, Minor, Name, Ref, UTCDateTime, Word

#: The currency of the row that counts a client's referrals.
COUNTS = ""
#: The owner of the row that holds what of the org's budget is used.
ORG_ITSELF = ""


class AccountRow(Base):
    """A client's credit in one currency. Balance, seq and head are carried forward by the ledger's trigger alone.

    `balance` is the sum of the entries; `held` is put on open invoices; what can be spent is balance - held (K4).
    The client's row without a currency (`COUNTS`) holds no money: it counts the client's referrals, `referred` in all
    and `qualified` that stand so now (R2), whatever the currency of their terms; and its rewards as a referrer for the
    limits (L1): `issued` in all, `in_month` of `month` and `in_year` of that month's year, `waiting` for a place.
    The org's own row in a currency (`client_id` ORG_ITSELF), there once a budget was set, has `issued` in minor units.
    Also on that row: `chosen`, as what the client wants rewards of money (R6, null for the default), and `linked`, 1
    once it has a bank account that takes payouts. `mirrored` is the number of the last entry of a money account that
    the gateway's own customer balance repeats, where that is wanted.
    The rewards' trigger alone carries `issued`, `waiting`, `month`, `in_month` and `in_year`.
    """

    __tablename__ = "referrals_account"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_account"),
        UniqueConstraint("org", "client_id", "currency", name="uq_referrals_account_owner"),
        CheckConstraint("held >= 0", name="ck_referrals_account_held"),
        CheckConstraint("qualified >= 0", name="ck_referrals_account_qualified"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    currency: Mapped[str] = mapped_column(Currency)
    balance: Mapped[int] = mapped_column(Minor)
    held: Mapped[int] = mapped_column(Minor)
    seq: Mapped[int] = mapped_column(Minor)
    head: Mapped[str] = mapped_column(String(64))
    referred: Mapped[int]
    qualified: Mapped[int]
    issued: Mapped[int] = mapped_column(Minor, default=0, server_default="0")
    waiting: Mapped[int] = mapped_column(default=0, server_default="0")
    month: Mapped[str] = mapped_column(String(7), default="", server_default="")
    in_month: Mapped[int] = mapped_column(default=0, server_default="0")
    in_year: Mapped[int] = mapped_column(default=0, server_default="0")
    chosen: Mapped[str | None] = mapped_column(Word)
    linked: Mapped[int] = mapped_column(default=0, server_default="0")
    mirrored: Mapped[int] = mapped_column(Minor, default=0, server_default="0")


class LedgerRow(Base):
    """One entry of an account; never changed and never deleted, by trigger (K1).

    `balance` and `seq` are those after it, `hash` covers it and the entry before; `key` makes it unrepeatable.
    """

    __tablename__ = "referrals_ledger"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_ledger"),
        UniqueConstraint("account_id", "seq", name="uq_referrals_ledger_seq"),
        UniqueConstraint("key", name="uq_referrals_ledger_key"),
        ForeignKeyConstraint(["account_id"], ["referrals_account.id"], name="fk_referrals_ledger_account"),
        CheckConstraint("amount <> 0", name="ck_referrals_ledger_amount"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    account_id: Mapped[int] = mapped_column(Id)
    seq: Mapped[int] = mapped_column(Minor)
    amount: Mapped[int] = mapped_column(Minor)
    balance: Mapped[int] = mapped_column(Minor)
    reason: Mapped[str] = mapped_column(Word)
    key: Mapped[str] = mapped_column(Key)
    referral_id: Mapped[int | None] = mapped_column(Id)
    invoice_id: Mapped[str | None] = mapped_column(Ref)
    actor: Mapped[str] = mapped_column(Name)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    hash: Mapped[str] = mapped_column(String(64))


class HoldRow(Base):
    """Credit on an invoice: held, captured, released (K4). `live` is 1 until it is released, then null.

    `parts` says which lots it is made of, earliest expiry first: [reward id, minor units] each; what no part covers
    has no expiry (K3).
    """

    __tablename__ = "referrals_hold"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_hold"),
        UniqueConstraint("org", "invoice_id", "live", name="uq_referrals_hold_live"),
        ForeignKeyConstraint(["account_id"], ["referrals_account.id"], name="fk_referrals_hold_account"),
        CheckConstraint("amount_minor >= 0", name="ck_referrals_hold_amount"),
        Index("ix_referrals_hold_account", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    invoice_id: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    account_id: Mapped[int] = mapped_column(Id)
    amount_minor: Mapped[int] = mapped_column(Minor)
    currency: Mapped[str] = mapped_column(Currency)
    state: Mapped[str] = mapped_column(Word)
    live: Mapped[int | None]
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    parts: Mapped[list[list[int]] | None] = mapped_column(JSON)
