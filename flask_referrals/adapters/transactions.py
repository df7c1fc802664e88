"""Our work inside the host's transaction: in a savepoint, seen through to its commit, announced after it (§3.4, §7)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from ..services.outbox import begin_writing
from ..services.unit import ConflictError, Unit

log = logging.getLogger("flask_referrals")
Answer = TypeVar("Answer")
#: How often a unit is done anew when something changed beside it.
TRIES = 5
_KEY = "referrals_written"
_SAVEPOINT = "unit_of_referrals"


class TransactionLostError(Exception):
    """Our part could not be undone by itself, so that the host's part of the transaction cannot be trusted either."""


def in_savepoint(
    session: Session,
    make: Callable[[Connection, bool], Unit],
    use_case: Callable[[Unit], Answer],
    after_commit: Callable[[], None],
    *,
    writes: bool = True,
) -> Answer:
    """Do a use case in a savepoint of the session's transaction and write its log; an error undoes only our part.

    `after_commit` is called once the host has committed, with no connection of this session's in use. What the host
    has not flushed yet is flushed first, before the savepoint. The savepoint is the connection's, which costs less
    than the session's; one of the session's follows it as soon as the host's own records are touched (`Unit.effect`).
    """
    session.flush()
    connection = session.connection()
    if writes:
        begin_writing(connection)
    for attempt in range(TRIES):
        unit = make(connection, attempt > 0)
        connection.exec_driver_sql(f"SAVEPOINT {_SAVEPOINT}")
        try:
            answer = use_case(unit)
            wrote = unit.finish()
        except BaseException as error:
            if is_lost(error):
                raise
            _undo(connection, unit, error)
            if isinstance(error, ConflictError) and attempt < TRIES - 1:
                continue
            raise
        connection.exec_driver_sql(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        if wrote:
            session.info[_KEY] = after_commit
        return answer
    raise AssertionError("unreachable")


def _undo(connection: Connection, unit: Unit, error: BaseException) -> None:
    try:
        unit.undo_effects(error)
        connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        connection.exec_driver_sql(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    except DBAPIError as lost:
        raise TransactionLostError(f"after {type(error).__name__}: {error}: {lost}") from error


def is_lost(error: BaseException) -> bool:
    """Whether the host's part of the transaction is lost with ours: then the host must know.

    MariaDB throws all away with the loser of a deadlock (1213), and a lost connection loses everything anywhere.
    """
    if isinstance(error, TransactionLostError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    arguments = list(getattr(error.orig, "args", ()))
    return error.connection_invalidated or arguments[:1] == [1213]


def waits_for_commit(session: Session) -> bool:
    """Whether there is work of ours in the session's transaction that is not committed yet."""
    return _KEY in session.info


def listen() -> None:
    """Watch all sessions for the end of transactions with work of ours in them; once per process, however many apps."""
    for name, listener in _LISTENERS.items():
        if not event.contains(Session, name, listener):
            event.listen(Session, name, listener)


def _after_commit(session: Session) -> None:
    if _KEY in session.info and not session.in_nested_transaction():
        session.info[_KEY + "_committed"] = True


def _after_rollback(session: Session) -> None:
    """The host has taken it back itself; `after_soft_rollback` would come after the end of the transaction."""
    if not session.in_nested_transaction():
        session.info.pop(_KEY, None)


def _after_transaction_end(session: Session, transaction: SessionTransaction) -> None:
    """The connection is back in its pool by now, so that delivering never asks for a second one beside it."""
    if transaction.parent is not None or _KEY not in session.info:
        return
    after_commit: Callable[[], None] = session.info.pop(_KEY)
    if session.info.pop(_KEY + "_committed", False):
        after_commit()
    else:
        log.error(
            "referral work was flushed, but its transaction ended without a commit, so it is lost. If your app fires"
            " its events after its own commit, set REFERRALS_TRANSACTION = 'after_commit'; if not, commit after them."
        )


_LISTENERS: dict[str, Callable[..., Any]] = {
    "after_commit": _after_commit,
    "after_rollback": _after_rollback,
    "after_transaction_end": _after_transaction_end,
}
