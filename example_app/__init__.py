"""A small invoicing app for several businesses, their staff and their clients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response
from sqlalchemy import event

from . import auth, errors, portal, public, staff, staff_invoice
from .config import load_config
from .display import register_filters
from .extensions import csrf, db, login_manager, mail, migrate, prepare_sqlite
from .referrals import referrals

MIGRATIONS = Path(__file__).resolve().parent / "migrations"

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the app; `config` wins over the environment."""
    app = Flask(__name__)
    app.config.from_mapping(load_config(Path(app.instance_path), config or {}))

    db.init_app(app)
    migrate.init_app(app, db, directory=str(MIGRATIONS))
    csrf.init_app(app)
    mail.init_app(app)
    login_manager.init_app(app)
    login_manager.user_loader(auth.load_user)
    login_manager.unauthorized_handler(auth.ask_to_log_in)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", prepare_sqlite)

    for blueprint in (auth.bp, staff.bp, staff_invoice.bp, portal.bp, public.bp):
        app.register_blueprint(blueprint)
    referrals.init_app(app)
    register_filters(app)
    errors.register(app)
    app.after_request(add_security_headers)
    return app


def add_security_headers(response: Response) -> Response:
    """Let the browser run and show nothing but our own files."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
