"""What a host's own tests need: that it plugged us in right, a clock that stands still, a record of what was announced,
a gateway in memory (docs/howto/testing.md)."""

from __future__ import annotations

from .clock import FrozenClock
from .conformance import HostConformance
from .gateway import FakeGateway
from .recorded import recorded_events

__all__ = ["FakeGateway", "FrozenClock", "HostConformance", "recorded_events"]
