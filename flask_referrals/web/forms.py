"""Forms of our pages under any CSRF scheme of a host's (architecture §3.11). The first of three that is there counts:

- one of the host's own (`Host.csrf_field`): our forms carry its field, and it checks every POST itself
- Flask-WTF's CSRFProtect: our forms carry its token; where it leaves our pages out, we check that token
- none: a token of ours, kept in the session
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask import abort, current_app, g, request, session
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.wrappers import Response
from wtforms import Form

from ..adapters.state import get_state
from ..errors import ConfigurationError
from .pages import page

FIELD = "referrals_csrf"
HEADER = "X-Referrals-CSRF"
#: Where a scheme of the host's own is taken to look, if not in the field.
_HOSTS_HEADER = "X-CSRFToken"
_LIFE = timedelta(hours=24)
_REFUSED = "The form has expired or was not sent from this site. Load the page again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a POST has to carry: in the hidden field of a form, or in the header of a script's request."""

    field: str
    header: str
    value: str


def csrf_token() -> Token:
    """The token of this browser, by whichever scheme counts."""
    own = get_state().host.csrf_field()
    if own is not None:
        field, value = _Input.read(own) if isinstance(own, str) else own
        return Token(field=field, header=_HOSTS_HEADER, value=value)
    if _protection() is not None:
        from flask_wtf.csrf import generate_csrf

        field, headers = _names()
        return Token(field=field, header=headers[0], value=str(generate_csrf()))
    return Token(field=FIELD, header=HEADER, value=_own_value())


class _Input(HTMLParser):
    """Reads the hidden field that a host's own helper has written."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input" and not self.found:
            self.found = dict(attrs)

    @classmethod
    def read(cls, text: str) -> tuple[str, str]:
        """Its name and its value."""
        parser = cls()
        parser.feed(text)
        name, value = parser.found.get("name"), parser.found.get("value")
        if not name or not value:
            raise ConfigurationError("Host.csrf_field answers with (name, value), or with a hidden input that has both")
        return name, value


def must_check() -> bool:
    """Whether it is for us to check this POST: no scheme of the host's did, or has it switched off for its tests."""
    if get_state().host.csrf_field() is not None:
        return False
    if _protection() is None:
        return True
    return bool(current_app.config["WTF_CSRF_ENABLED"]) and not g.get("csrf_valid", False)


def is_genuine() -> bool:
    """Whether this POST carries the token, in its field or in its header; only asked where we must check."""
    if _protection() is None:
        return _is_own(_sent(FIELD, HEADER))
    from flask_wtf.csrf import validate_csrf
    from wtforms import ValidationError

    field, headers = _names()
    try:
        validate_csrf(_sent(field, *headers))
    except ValidationError:
        return False
    return True


def check_token() -> None:
    """Stop a POST that does not come from a form of ours.

    A form of this site that was open for too long is shown again, as it was filled in, to be sent with one click.
    """
    if must_check() and not is_genuine():
        if _is_from_here():
            abort(_again())
        abort(400, _REFUSED)


def exempt(view: Callable[..., Any]) -> None:
    """Tell the host's CSRFProtect, before it looks, that this view needs no form."""
    protection = _protection()
    if protection is not None:
        protection.exempt(view)


class ReferralsForm(Form):  # type: ignore[misc]
    """Base of our forms; `hidden_fields()` in the template carries whichever token is wanted."""

    def hidden_fields(self) -> list[tuple[str, str]]:
        """Names and values of the hidden fields that the form must carry."""
        token = csrf_token()
        return [(token.field, token.value)]


def _protection() -> Any | None:
    """The app's CSRFProtect, or None; another library may have put something else in its place."""
    library = sys.modules.get("flask_wtf.csrf")
    found = current_app.extensions.get("csrf")
    return found if library is not None and isinstance(found, library.CSRFProtect) else None


def _names() -> tuple[str, list[str]]:
    """The field and the headers that CSRFProtect looks at."""
    return str(current_app.config["WTF_CSRF_FIELD_NAME"]), list(current_app.config["WTF_CSRF_HEADERS"])


def _sent(field: str, *headers: str) -> str:
    return next(filter(None, (request.form.get(field), *map(request.headers.get, headers))), "")


def _own_value() -> str:
    try:
        session.setdefault(FIELD, secrets.token_urlsafe(32))
    except RuntimeError as error:
        text = "our forms keep their token in the session, which the app has no key for: set SECRET_KEY"
        raise ConfigurationError(text, key="SECRET_KEY") from error
    return str(_signer().dumps(int(get_state().now().timestamp())))


def _is_own(value: str) -> bool:
    if FIELD not in session:
        return False
    try:
        at = datetime.fromtimestamp(int(_signer().loads(value)), UTC)
    except (BadData, ValueError, TypeError, OverflowError, OSError):
        return False
    return timedelta(0) <= get_state().now() - at < _LIFE


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(f"{session[FIELD]}{current_app.secret_key!r}", salt="flask_referrals.csrf")


def _is_from_here() -> bool:
    """Whether the browser says that the POST comes from a page of this site; no other site can make it say so."""
    if "Sec-Fetch-Site" in request.headers:
        return request.headers["Sec-Fetch-Site"] == "same-origin"
    return urlsplit(request.headers.get("Origin", "")).netloc == request.host


def _again() -> Response:
    """The form that was sent, with all that it holds and a token that is good."""
    token = csrf_token()
    response = page(
        "referrals/again.html",
        title="Please send it once more",
        admin=request.blueprint == "referrals_admin",
        status=400,
        action=f"{request.script_root}{request.full_path.rstrip('?')}",
        fields=[(name, value) for name, value in request.form.items(multi=True) if name != token.field],
        token=token,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
