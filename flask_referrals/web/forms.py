"""Forms of our pages: the host's CSRF scheme where it has one, else our own, kept in the session."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from flask import current_app, session
from wtforms import Form
from wtforms.csrf.session import SessionCSRF


def host_protects() -> bool:
    """Whether the host checks every POST itself by Flask-WTF's CSRFProtect (or has switched that off for its tests)."""
    config = current_app.config
    if "csrf" not in current_app.extensions:
        return False
    return bool(config.get("WTF_CSRF_CHECK_DEFAULT", True)) or not config.get("WTF_CSRF_ENABLED", True)


def host_token() -> tuple[str, str]:
    """The name and value of the hidden field that the host's CSRFProtect wants."""
    from flask_wtf.csrf import generate_csrf

    return str(current_app.config["WTF_CSRF_FIELD_NAME"]), str(generate_csrf())


class ReferralsForm(Form):  # type: ignore[misc]
    """Base of our forms; `hidden_fields()` in the template carries whichever token is wanted."""

    class Meta:
        csrf_class = SessionCSRF
        csrf_field_name = "referrals_csrf"
        csrf_time_limit = timedelta(hours=24)

        @property
        def csrf(self) -> bool:
            return not host_protects()

        @property
        def csrf_secret(self) -> bytes:
            return hashlib.sha256(b"flask_referrals.csrf" + str(current_app.secret_key).encode()).digest()

        @property
        def csrf_context(self) -> Any:
            return session

    def hidden_fields(self) -> list[tuple[str, str]]:
        """Names and values of the hidden fields that the form must carry."""
        if host_protects():
            return [host_token()]
        return [("referrals_csrf", str(self["referrals_csrf"].current_token))]
