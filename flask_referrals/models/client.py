"""What clients choose for themselves, whom they invite, and who wants no invitations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, PrimaryKeyConstraint, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id, Name, Ref, UTCDateTime


class PreferencesRow(Base):
    """A client's own choices. `choices` holds them by name; `seen_id` is the last line of its log that it has seen."""

    __tablename__ = "referrals_preferences"
    __table_args__ = (PrimaryKeyConstraint("org", "client_id", name="pk_referrals_preferences"),)

    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    choices: Mapped[dict[str, Any]] = mapped_column(JSON)
    seen_id: Mapped[int] = mapped_column(Id, default=0)


class InvitationRow(Base):
    """An address that a client invited; `email_key` is its canonical form, hashed, by which it is recognised (A1).

    Where we send it: the client's `message`, when it is to be sent next (`mail_at`, null for not or not any more), and
    when it was.
    """

    __tablename__ = "referrals_invitation"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_invitation"),
        UniqueConstraint("org", "client_id", "email_key", name="uq_referrals_invitation_once"),
        ForeignKeyConstraint(["code_id"], ["referrals_code.id"], name="fk_referrals_invitation_code"),
        Index("ix_referrals_invitation_email", "org", "email_key"),
        Index("ix_referrals_invitation_mail", "mail_at"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    client_id: Mapped[str] = mapped_column(Ref)
    code_id: Mapped[int] = mapped_column(Id)
    email: Mapped[str | None] = mapped_column(Name)
    email_key: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    message: Mapped[str | None] = mapped_column(Text)
    mail_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    mail_tries: Mapped[int] = mapped_column(default=0, server_default="0")


class SuppressionRow(Base):
    """An address, hashed, that wants no invitations from this org; kept for good."""

    __tablename__ = "referrals_suppression"
    __table_args__ = (PrimaryKeyConstraint("org", "email_key", name="pk_referrals_suppression"),)

    org: Mapped[str] = mapped_column(Ref)
    email_key: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
