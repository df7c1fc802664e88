"""What `flask referrals work` does: what failed is done again, what is due by time is done, what waits goes out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import TypeVar

from sqlalchemy.engine import Engine

from ..services import expiry, outbox, payouts, retries, settling, statistics, upkeep
from ..services.unit import Unit
from . import cashier, postman, verbs
from .state import State

Answer = TypeVar("Answer")
log = logging.getLogger("flask_referrals")
#: So many referrals, rewards or lots are looked for at once.
BATCH = 100


@dataclass(slots=True)
class Done:
    """What a run did, by the number: facts repaired and put off once more, referrals expired, rewards issued, lots of
    credit expired, notices given, budget warnings, log lines delivered, emails sent; payouts made and sent, and parts
    of payouts taken back."""

    repaired: int = 0
    put_off: int = 0
    expired: int = 0
    issued: int = 0
    lapsed: int = 0
    notices: int = 0
    warnings: int = 0
    delivered: int = 0
    mailed: int = 0
    payouts: int = 0
    sent: int = 0
    taken_back: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def work(
    state: State,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[str], object] = lambda step: None,
    *,
    only: str | None = None,
) -> Done:
    """Do all that is due now, or less if `stop` says so after a batch. Each thing is a transaction of its own.

    Safe to run twice at once. What fails is logged, and does not keep the rest from being done. `progress` is told each
    of STEPS as it begins. `only` is one of GROUPS.
    """
    done = Done()
    for name, step in _STEPS.items():
        if only is not None and name not in GROUPS[only]:
            continue
        progress(name)
        try:
            step(state, done, stop)
        except Exception:
            log.exception("%s failed; the next run tries again", name)
        state.session().rollback()
    return done


def _repair(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """Facts that failed are done again."""
    session = state.session()
    for retry in retries.due(session.connection(), state.now()):
        try:
            if not verbs.again(state, retry):
                log.warning("%s of %s is dropped: the host has no such record any more", retry.verb, retry.subject_id)
            retries.done(session.connection(), retry)
            session.commit()
            done.repaired += 1
        except Exception as error:
            session.rollback()
            log.exception("%s of %s failed again", retry.verb, retry.subject_id)
            retries.put_off(session.connection(), retry, f"{type(error).__name__}: {error}", state.now())
            session.commit()
            done.put_off += 1
    session.rollback()


def _expire(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """Referrals whose days are over (U3)."""
    while count := _run(state, partial(expiry.expire_due, limit=BATCH)):
        done.expired += count
        if count < BATCH or stop():
            break


def _settle(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """Rewards whose hold is over, that need no approval any more, or whose turn has come (R5, R8, L1)."""
    for due in (settling.held_over, settling.needing_no_approval):
        after = 0
        while ids := _run(state, partial(due, after=after, limit=BATCH)):
            for reward_id in ids:
                done.issued += _run(state, partial(settling.settle, reward_id=reward_id)) is None
            after = ids[-1]
            if stop():
                return
    for org, client_id in _run(state, settling.queues):
        settle_next = partial(settling.settle_next, org=org, client_id=client_id)
        while (found := _run(state, settle_next)) in ("issued", *payouts.CASH_WAITS):
            done.issued += found == "issued"
            if stop():
                return


def _lapse(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """Credit that is past its expiry leaves, and clients are told of what soon will be (K3)."""
    while accounts := _run(state, partial(upkeep.lapsed_accounts, limit=BATCH)):
        for org, client_id, currency in accounts:
            expire = partial(upkeep.expire_credit, org=org, client_id=client_id, currency=currency)
            done.lapsed += _run(state, expire)
        if stop():
            return
    done.notices += _run(state, partial(upkeep.give_notices, limit=BATCH * 10))


def _warn(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """Staff are told of a budget that runs out (L1)."""
    for row in _run(state, upkeep.budgets):
        done.warnings += _run(state, partial(upkeep.warn, row=row))


def _count(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """What happened goes into the daily statistics (architecture §4)."""
    while True:
        session = state.session()
        connection = session.connection()
        outbox.begin_writing(connection)
        counted = statistics.roll_up(connection, state.host.timezone)
        session.commit()
        if counted < statistics.BATCH or stop():
            return


def _run(state: State, use_case: Callable[[Unit], Answer]) -> Answer:
    """Do it in a transaction of its own."""
    return state.run(use_case, actor="maintenance", commit=True)


def _engine(state: State) -> Engine:
    bind = state.session().get_bind()
    return bind if isinstance(bind, Engine) else bind.engine


def _deliver(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """What happened is announced by our signals."""
    while count := outbox.deliver(_engine(state), state.now(), state.announce):
        done.delivered += count
        if stop():
            break


def _mail(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """Emails go out."""
    done.mailed += postman.send_waiting(state, _engine(state), stop)


def _pay(state: State, done: Done, stop: Callable[[], bool]) -> None:
    """Cash goes into payouts, payouts to the gateway, and what was undone comes back (P)."""
    if getattr(state.gateway, "webhook_secrets", ()):
        from . import stripe_events  # needs the stripe library, which takes long to load

        stripe_events.work(state)
    done.payouts += cashier.make_payouts(state, stop)
    cashier.observe_accounts(state, stop)
    done.sent += cashier.send_payouts(state, stop)
    done.taken_back += cashier.take_back(state, stop)


_STEPS: dict[str, Callable[[State, Done, Callable[[], bool]], None]] = {
    "repairs": _repair,
    "expiry": _expire,
    "rewards that wait": _settle,
    "credit": _lapse,
    "payouts": _pay,
    "budgets": _warn,
    "statistics": _count,
    "signals": _deliver,
    "emails": _mail,
}
#: What a run goes through, in order.
STEPS = tuple(_STEPS)
#: What may run by itself, beside the rest.
GROUPS = {
    "deliveries": ("signals", "emails"),
    "payouts": ("payouts",),
    "maintenance": tuple(name for name in STEPS if name not in ("signals", "emails", "payouts")),
}
