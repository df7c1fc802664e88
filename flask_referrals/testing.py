"""What a host's own tests need: a clock that stands still, and a record of what was announced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from . import signals
from .events import Event

_OUT = (
    signals.referral_attributed,
    signals.discount_applied,
    signals.referral_qualified,
    signals.reward_issued,
    signals.reward_reversed,
    signals.credit_changed,
)


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


@contextmanager
def recorded_events() -> Iterator[list[tuple[str, Event]]]:
    """Collect (signal name, event) of everything that we announce meanwhile, in any app."""
    found: list[tuple[str, Event]] = []
    receivers = []
    for signal in _OUT:

        def receive(sender: Any, *, event: Event, name: str = signal.name, **extra: Any) -> None:
            found.append((name, event))

        receivers.append((signal, receive))
        signal.connect(receive)
    try:
        yield found
    finally:
        for signal, receive in receivers:
            signal.disconnect(receive)
