"""Who pays cash rewards: Stripe, where a key is set; else a stand-in on this computer, so that all can be tried."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from flask_referrals import Gateway
from flask_referrals.adapters.stripe import StripeGateway

#: By these the stand-in signs: events of its own account, of connected ones, thin ones.
SECRETS = ("whsec_standin_own", "whsec_standin_connected", "whsec_standin_thin")


def gateway(app: Flask) -> Gateway | None:
    """The gateway of an app: what its config names, such as the stand-in's, or Stripe by its key; else none."""
    if "GATEWAY" in app.config:
        given: Gateway | None = app.config["GATEWAY"]
        return given
    key = os.environ.get("STRIPE_SECRET_KEY")
    if key:
        secrets = os.environ.get("STRIPE_WEBHOOK_SECRETS", "").split()
        return StripeGateway(key, webhook_secrets=secrets)
    return None


def serve_standin(store: Path, port: int, app_url: str) -> StripeGateway:
    """Begin to serve the stand-in for Stripe, and tell it where the app hears its events."""
    from .standin import Standin  # only where it is wanted

    standin = Standin(store=store)
    url = standin.serve(port)
    webhook = f"{app_url}/referrals/stripe/webhook"
    standin.books.endpoints.clear()
    own, connected, thin = SECRETS
    standin.add_endpoint(webhook, own)
    standin.add_endpoint(webhook, connected, connect=True)
    standin.add_endpoint(webhook, thin, thin=True)
    standin.deliver_by_itself = True
    return StripeGateway(standin.key, webhook_secrets=SECRETS, api=url)
