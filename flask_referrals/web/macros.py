"""What templates of the host's may use."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Make `referrals` known to the app's templates."""
