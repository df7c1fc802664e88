"""The time, from a clock that can be replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flask import current_app


def utc_now() -> datetime:
    """The time by the computer's clock."""
    return datetime.now(UTC)


def now() -> datetime:
    """The time by the app's clock (`app.config["CLOCK"]`), in UTC."""
    clock: Callable[[], datetime] = current_app.config["CLOCK"]
    return clock().astimezone(UTC)


@contextmanager
def stopped_at(moment: datetime) -> Iterator[None]:
    """Let the app's clock show one moment for a while."""
    before = current_app.config["CLOCK"]
    current_app.config["CLOCK"] = lambda: moment
    try:
        yield
    finally:
        current_app.config["CLOCK"] = before
