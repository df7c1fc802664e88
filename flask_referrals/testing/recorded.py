"""What was announced, recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import signals
from ..events import Event

_OUT = (
    signals.referral_attributed,
    signals.discount_applied,
    signals.referral_qualified,
    signals.reward_issued,
    signals.reward_reversed,
    signals.credit_changed,
)


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
