"""A clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FrozenClock:
    """A clock for `Referrals(clock=…)` that moves only when told to; times are aware and in UTC."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime(2026, 1, 10, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        """Move on by a `timedelta` of these arguments."""
        self.now += timedelta(**delta)

    def move_to(self, now: datetime) -> None:
        """Move to this time; ValueError for one that lies before."""
        if now < self.now:
            raise ValueError(f"time moves forwards only, not from {self.now} to {now}")
        self.now = now
