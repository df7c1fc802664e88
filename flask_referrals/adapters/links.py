"""The cookie of a referral link: signed, with the code and the time, read back with its own clock (C5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask
from itsdangerous import BadSignature, URLSafeSerializer

from ..errors import ConfigurationError

_SALT = "flask_referrals.link"
_STOP = "flask_referrals.stop"


@dataclass(frozen=True, slots=True)
class Followed:
    """A referral link that was followed: the org, the code, and when (UTC)."""

    org: str
    code: str
    at: datetime


def sign(app: Flask, followed: Followed) -> str:
    """The cookie's value."""
    return str(_serializer(app).dumps([followed.org, followed.code, int(followed.at.timestamp())]))


def read(app: Flask, value: str, *, now: datetime, life: timedelta) -> Followed | None:
    """What a cookie says; None for one that is forged, not ours, or older than `life`."""
    if not app.secret_key:
        return None  # nobody's signature would mean anything
    try:
        org, code, stamp = _serializer(app).loads(value)
        followed = Followed(str(org), str(code), datetime.fromtimestamp(int(stamp), UTC))
    except (BadSignature, ValueError, TypeError, OverflowError, OSError):
        return None
    return followed if timedelta(0) <= now - followed.at < life else None


def sign_stop(app: Flask, what: str, org: str, key: str) -> str:
    """The token of a link that ends emails: `what` is `news` (`key`: a client's id) or `invitations` (a hash)."""
    return str(_serializer(app, _STOP).dumps([what, org, key]))


def read_stop(app: Flask, token: str) -> tuple[str, str, str] | None:
    """What such a token says, however old it is; None for one that is not ours."""
    if not app.secret_key:
        return None
    try:
        what, org, key = _serializer(app, _STOP).loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return (what, str(org), str(key)) if what in ("news", "invitations") else None


def _serializer(app: Flask, salt: str = _SALT) -> URLSafeSerializer:
    if not app.secret_key:
        raise ConfigurationError("links are signed with the app's key: set SECRET_KEY", key="SECRET_KEY")
    return URLSafeSerializer(app.secret_key, salt=salt)
