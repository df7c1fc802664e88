"""What `flask referrals work` does: facts that failed are done again, and what waits is announced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from ..services import outbox, retries
from . import verbs
from .state import State

log = logging.getLogger("flask_referrals")


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did: facts repaired, facts put off once more, log lines delivered."""

    repaired: int
    put_off: int
    delivered: int


def work(state: State, stop: Callable[[], bool] = lambda: False) -> Done:
    """Do all that is due now, or less if `stop` says so after a batch. Each repair is a transaction of its own.

    Safe to run twice at once.
    """
    repaired = put_off = 0
    session = state.session()
    for retry in retries.due(session.connection(), state.now()):
        try:
            if not verbs.again(state, retry):
                log.warning("%s of %s is dropped: the host has no such record any more", retry.verb, retry.subject_id)
            retries.done(session.connection(), retry)
            session.commit()
            repaired += 1
        except Exception as error:
            session.rollback()
            log.exception("%s of %s failed again", retry.verb, retry.subject_id)
            retries.put_off(session.connection(), retry, f"{type(error).__name__}: {error}", state.now())
            session.commit()
            put_off += 1
    session.rollback()
    return Done(repaired, put_off, _deliver(state, stop))


def _deliver(state: State, stop: Callable[[], bool]) -> int:
    bind = state.session().get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    total = 0
    while count := outbox.deliver(engine, state.now(), state.announce):
        total += count
        if stop():
            break
    return total
