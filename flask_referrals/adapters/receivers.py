"""Receivers of the host's signals: connected once per process; each looks up the app that sent (§3.10)."""

from __future__ import annotations

from typing import Any, get_args

from flask import Flask

from .. import signals
from ..services.outcomes import Verb
from . import verbs
from .state import KEY


def listen() -> None:
    """Connect to the host's signals; again without effect."""
    signals.client_registered.connect(_client_registered)
    for receiver, signal in _INVOICE_RECEIVERS:
        signal.connect(receiver)


def _client_registered(
    app: Flask, *, client: Any, code: str | None = None, link: str | bool | None = None, **extra: Any
) -> Any:
    state = app.extensions.get(KEY)
    return None if state is None else verbs.client_registered(state, client, code, link)


def _receiver(verb: Verb) -> Any:
    def receive(app: Flask, *, invoice: Any, reason: str | None = None, **extra: Any) -> Any:
        state = app.extensions.get(KEY)
        return None if state is None else verbs.invoice_event(state, invoice, verb, reason)

    return receive


#: Kept here, since a signal holds its receivers weakly.
_INVOICE_RECEIVERS = [(_receiver(verb), getattr(signals, f"invoice_{verb}")) for verb in get_args(Verb)]
