"""An org's program, its versions of terms, and the codes of its clients."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id, Key, Name, Ref, UTCDateTime


class ProgramRow(Base):
    """The switch of an org's program (T1); `revision` goes up with every save, so that caches know."""

    __tablename__ = "referrals_program"
    __table_args__ = (PrimaryKeyConstraint("org", name="pk_referrals_program"),)

    org: Mapped[str] = mapped_column(Ref)
    enabled: Mapped[bool]
    revision: Mapped[int]


class TermsRow(Base):
    """One saved version of the terms; never changed and never deleted, by trigger (T2, T6)."""

    __tablename__ = "referrals_terms"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_terms"),
        Index("ix_referrals_terms_org", "org", "effective_from", "id"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    effective_from: Mapped[datetime] = mapped_column(UTCDateTime)
    saved_at: Mapped[datetime] = mapped_column(UTCDateTime)
    saved_by: Mapped[str] = mapped_column(Name)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)


class CodeRow(Base):
    """A code of a client's. `key` is its canonical form; `current` is 1 for the one that is shown, else null (C1).

    `look` is what a vanity code looks like at a glance, null for generated ones: none may look like another (C4).
    """

    __tablename__ = "referrals_code"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_code"),
        UniqueConstraint("org", "key", name="uq_referrals_code_key"),
        UniqueConstraint("org", "client_id", "current", name="uq_referrals_code_current"),
        Index("uq_referrals_code_look", "org", "look", unique=True),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    key: Mapped[str] = mapped_column(Key)
    text: Mapped[str] = mapped_column(Key)
    current: Mapped[int | None]
    active: Mapped[bool]
    visits: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    look: Mapped[str | None] = mapped_column(Key)


class BlockRow(Base):
    """A referrer whose codes are refused (`referrer_blocked`), and who said so."""

    __tablename__ = "referrals_block"
    __table_args__ = (PrimaryKeyConstraint("org", "client_id", name="pk_referrals_block"),)

    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    blocked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    blocked_by: Mapped[str] = mapped_column(Name)
