"""What happened by the day, summed up from the log."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency, Id, Minor, Ref, Word

#: The kinds of log lines that are counted.
COUNTED = frozenset(
    {
        "attributed",
        "discount_applied",
        "discount_released",
        "link_visited",
        "qualified",
        "reward_issued",
        "reward_reduced",
        "reward_restored",
        "reward_reversed",
    }
)


class DailyRow(Base):
    """How often a kind of thing happened to a client on a day of the org's time zone (YYYY-MM-DD), and for how much.

    Discounts count for the referrer, everything else for whose log it stands on. `currency` is "" for what has no
    amount; `amount` is in minor units.
    """

    __tablename__ = "referrals_daily"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="pk_referrals_daily"),
        UniqueConstraint("org", "day", "client_id", "kind", "currency", name="uq_referrals_daily_once"),
    )

    id: Mapped[int] = mapped_column(Id, autoincrement=True)
    org: Mapped[str] = mapped_column(Ref)
    day: Mapped[str] = mapped_column(String(10))
    client_id: Mapped[str] = mapped_column(Ref)
    kind: Mapped[str] = mapped_column(Word)
    currency: Mapped[str] = mapped_column(Currency)
    number: Mapped[int]
    amount: Mapped[int] = mapped_column(Minor)
