"""Registers the blueprints of the pages in an app; each app gets its own."""

from __future__ import annotations

from flask import Flask

from ..config import Settings
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
    landing,
    org_paths,
    portal,
    webhooks,
)


def register(app: Flask, settings: Settings, *, hears_stripe: bool = False) -> None:
    """Put the portal, the admin pages, the landing page of links and Stripe's webhook where the settings say."""
    if hears_stripe:
        app.register_blueprint(webhooks.make_blueprint(settings))
    org_paths.register(app)
    app.register_blueprint(portal.make_blueprint(settings))
    app.register_blueprint(landing.make_blueprint(settings))
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
    app.register_blueprint(staff)
