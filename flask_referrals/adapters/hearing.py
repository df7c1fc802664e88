"""`Referrals.hear`: goes by the signals that the host sends already, whatever they carry (§3.3).

A signal may tell of several facts; these are acted on in one order, whichever receiver of it is called first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from blinker import Signal
from flask import Flask, current_app, has_app_context

from ..errors import ConfigurationError
from ..services.outcomes import Verb
from . import verbs
from .state import KEY, State
from .transactions import is_lost

log = logging.getLogger("flask_referrals")
Fact = Literal[
    "client_registered", "invoice_created", "invoice_changed", "invoice_paid", "invoice_refunded", "invoice_voided"
]
_VERBS: Mapping[str, Verb] = {f"invoice_{verb}": verb for verb in get_args(Verb)}


@dataclass(frozen=True, slots=True)
class Hearing:
    """What makes the host's records of a signal's arguments; None for what is of no concern to us."""

    client: Callable[..., Any | None] | None
    invoice: Callable[..., Any | None] | None
    code: Callable[..., str | None]
    apps: Iterable[Flask]


def hear(hearing: Hearing, told: Mapping[Fact, Signal | Sequence[Signal]]) -> None:
    """Connect to each of the host's signals, once and for good; the facts of one signal in the order of `told`."""
    facts: dict[Signal, list[Fact]] = {}
    for fact, found in told.items():
        for signal in found if isinstance(found, (list, tuple)) else (found,):
            if not isinstance(signal, Signal):
                raise ConfigurationError(f"hear() takes blinker's signals for {fact}, and {signal!r} is none")
            _check(hearing, fact)
            facts.setdefault(signal, []).append(fact)
    for signal, its in facts.items():
        signal.connect(partial(_receive, hearing, tuple(its)), weak=False)


def _check(hearing: Hearing, fact: Fact) -> None:
    kind = "client" if fact == "client_registered" else "invoice"
    if getattr(hearing, kind) is None:
        raise ConfigurationError(f"hear() needs `{kind}`, a function from what {fact}'s signal carries to your record")


def _receive(hearing: Hearing, facts: tuple[Fact, ...], sender: Any, /, **carried: Any) -> None:
    app = current_app._get_current_object() if has_app_context() else None  # type: ignore[attr-defined]
    if app is None or app not in hearing.apps:
        text = "%s was told outside of an app of ours; `flask referrals reconcile` will find what it brings"
        log.error(text, " and ".join(facts))
        return
    state: State = app.extensions[KEY]
    for fact in facts:
        _act(state, hearing, fact, carried)


def _act(state: State, hearing: Hearing, fact: Fact, carried: dict[str, Any]) -> None:
    find = hearing.client if fact == "client_registered" else hearing.invoice
    try:
        record = None if find is None else find(**carried)
        code = hearing.code(**carried) if record is not None and fact == "client_registered" else None
    except Exception as error:
        if state.settings.strict or is_lost(error):
            raise
        log.exception("the record that %s is about was not found; `flask referrals reconcile` will see to it", fact)
        return
    if record is None:
        return
    if fact == "client_registered":
        verbs.client_registered(state, record, code, None)
    else:
        verbs.invoice_event(state, record, _VERBS[fact])
