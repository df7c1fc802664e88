"""Settings, from the environment unless they are given to `create_app`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .clock import utc_now


def load_config(instance: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of the app; those that are `given` are taken as they are."""
    config: dict[str, Any] = {
        "APP_NAME": "Plainbill",
        "CLOCK": utc_now,
        "DEMO_LOGINS": os.environ.get("DEMO_LOGINS", "1") == "1",
        "MAIL_BACKEND": os.environ.get("MAIL_BACKEND", "console"),
        "MAIL_DEFAULT_SENDER": "Plainbill <bills@plainbill.example>",
        "MAX_CONTENT_LENGTH": 1024 * 1024,
        "REFERRALS_ADMIN_PREFIX": "/staff/referrals",
        "REFERRALS_BASE_TEMPLATE": "base.html",
        "REFERRALS_SITE_URL": os.environ.get("SITE_URL") or f"http://127.0.0.1:{os.environ.get('PORT', '5000')}",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,
        **given,
    }
    if "SQLALCHEMY_DATABASE_URI" not in config:
        config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL") or default_database(instance)
    if "SECRET_KEY" not in config:
        config["SECRET_KEY"] = os.environ.get("SECRET_KEY") or kept_secret(instance / "secret_key")
    if config["SQLALCHEMY_DATABASE_URI"].startswith(("mysql", "mariadb")):
        # What is read after waiting for a row must be what the other transaction has written.
        config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {"isolation_level": "READ COMMITTED"})
    return config


def default_database(instance: Path) -> str:
    """The address of the SQLite file in the instance folder, which is made when missing."""
    instance.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{instance / 'example.sqlite3'}"


def kept_secret(path: Path) -> str:
    """The secret in the file; one is made up, for the owner's eyes only, when there is none yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text()
