"""The cookie of a referral link: signed, with the code and the time, read back with its own clock (C5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask
from itsdangerous import BadSignature, URLSafeSerializer

from ..errors import ConfigurationError

_SALT = "flask_referrals.link"
#: Links of so many orgs are remembered.
ORGS = 10
_STOP = "flask_referrals.stop"


@dataclass(frozen=True, slots=True)
class Followed:
    """A referral link that was followed: the org, the code, and when (UTC)."""

    org: str
    code: str
    at: datetime


def sign(app: Flask, *followed: Followed) -> str:
    """The cookie's value, of the newest links, one of each org."""
    newest = [[one.org, one.code, int(one.at.timestamp())] for one in followed[:ORGS]]
    return str(_serializer(app).dumps(newest[0] if len(newest) == 1 else newest))


def read_all(app: Flask, value: str | None, *, now: datetime, life: timedelta) -> list[Followed]:
    """What a cookie says, newest first; nothing for one that is forged or not ours, and no link older than `life`."""
    if not app.secret_key or not value:
        return []  # nobody's signature would mean anything
    try:
        said = _serializer(app).loads(value)
        links = [
            Followed(str(org), str(code), datetime.fromtimestamp(int(stamp), UTC))
            for org, code, stamp in (said if isinstance(said[0], list) else [said])
        ]
    except (BadSignature, ValueError, TypeError, LookupError, OverflowError, OSError):
        return []
    return [one for one in links if timedelta(0) <= now - one.at < life]


def read(app: Flask, value: str | None, org: str, *, now: datetime, life: timedelta) -> Followed | None:
    """The link of this org that a cookie remembers."""
    return next((one for one in read_all(app, value, now=now, life=life) if one.org == org), None)


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
