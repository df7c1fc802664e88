"""Registers the blueprints of the pages in an app; each app gets its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from flask import Blueprint, Flask
from werkzeug.routing import Map

from ..adapters import addresses, templates
from ..config import PAGES, TOKEN_PART, Settings
from . import (
    admin,
    admin_actions,
    admin_attribute,
    admin_client,
    admin_dashboard,
    admin_export,
    admin_liability,
    admin_payouts,
    admin_queue,
    admin_simulator,
    admin_why,
    joining,
    landing,
    org_paths,
    portal,
    webhooks,
)

_STATIC = Path(__file__).parents[1] / "static" / "referrals"


def register(app: Flask, settings: Settings, *, hears_stripe: bool = False) -> None:
    """Put the pages that this app serves, and Stripe's webhook, where the settings say."""
    templates.register(app)
    app.extensions[addresses.KEY] = addresses.Addresses(app, settings.site_url, partial(_rules, settings))
    if hears_stripe:
        app.register_blueprint(webhooks.make_blueprint(settings))
    org_paths.register(app)
    for blueprint in _make(settings, settings.pages):
        app.register_blueprint(blueprint)


def _make(settings: Settings, pages: tuple[str, ...]) -> list[Blueprint]:
    """The blueprints of these pages; the first one that everybody may address serves our static files."""
    made: list[Blueprint] = []
    if "portal" in pages:
        made.append(portal.make_blueprint(settings))
        joining.join(made[-1], settings.portal_blueprint)
    if "admin" in pages:
        made.append(_admin(settings))
        joining.join(made[-1], settings.admin_blueprint)
    if "links" in pages:
        made.append(landing.make_blueprint(settings))
    servers = [one for one in made if TOKEN_PART not in (one.url_prefix or "")] or made
    if servers and not servers[0].has_static_folder:
        servers[0].static_folder = str(_STATIC)
        servers[0].static_url_path = "/-/static"  # a part of an address that is no org's and no code's
    return made


def _admin(settings: Settings) -> Blueprint:
    staff = admin.make_blueprint(settings)
    for pages in (
        admin_dashboard,
        admin_liability,
        admin_simulator,
        admin_queue,
        admin_payouts,
        admin_actions,
        admin_client,
        admin_attribute,
        admin_export,
        admin_why,
    ):
        pages.add_to(staff)
    return staff


def _rules(settings: Settings) -> Map:
    """The rules of all our pages, as of an app that serves them all."""
    app = Flask("flask_referrals", static_folder=None)
    for blueprint in _make(settings, PAGES):
        app.register_blueprint(blueprint)
    return app.url_map
