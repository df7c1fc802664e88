"""Where Stripe sends its events: one address for all endpoints, whatever their secrets (P5).

POST `/webhook` below the setting `stripe_prefix`: 200 for what is stored, or none of ours; 400 for what nobody of ours
has signed, or too long ago; 413 for more than MOST bytes; 503 where it could not be stored, so that Stripe sends it
again. It stands only where the gateway has webhook secrets.
"""

from __future__ import annotations

import logging

from flask import Blueprint, make_response, request
from werkzeug.wrappers import Response

from ..adapters.state import get_state
from ..config import Settings
from .forms import exempt

log = logging.getLogger("flask_referrals")
#: No event of Stripe's is as large.
MOST = 512 * 1024


def make_blueprint(settings: Settings) -> Blueprint:
    """The blueprint `referrals_stripe` of one app."""
    blueprint = Blueprint("referrals_stripe", "flask_referrals", url_prefix=settings.stripe_prefix)
    blueprint.url_value_preprocessor(_no_form)
    blueprint.add_url_rule("/webhook", "webhook", _webhook, methods=["POST"])
    return blueprint


def _no_form(endpoint: str | None, values: object) -> None:
    """The host's CSRFProtect is told, before it looks, that this POST needs no form: the signature is its right."""
    exempt(_webhook)


def _webhook() -> Response:
    from ..adapters import stripe_events  # needs the stripe library, which takes long to load
    from ..adapters.stripe import SignatureError, StripeGateway

    state = get_state()
    gateway = state.gateway
    if not isinstance(gateway, StripeGateway):
        return _said("no Stripe here", 404)
    if (request.content_length or 0) > MOST:
        return _said("too large", 413)
    body = request.stream.read(MOST + 1)
    if len(body) > MOST:
        return _said("too large", 413)
    try:
        ours = stripe_events.take(state, gateway, body, request.headers.get("Stripe-Signature"))
    except SignatureError as error:
        log.warning("a webhook is refused: %s", error)
        return _said(str(error), 400)
    except Exception:
        state.session().rollback()
        log.exception("an event could not be stored; Stripe sends it again")
        return _said("not stored", 503)
    return _said("stored" if ours else "ignored", 200)


def _said(text: str, status: int) -> Response:
    response = make_response(text + "\n", status)
    response.mimetype = "text/plain"
    return response
