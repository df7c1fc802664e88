"""`Referrals.watch`: sees the host's clients and invoices come, change and go on its own session (§3.3).

What is flushed, or changed by a statement over many rows, is collected, and looked at right before the host's commit,
as it then stands; so neither the order nor the number of flushes matters, and what a rolled-back savepoint took along
is not there to be looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakSet

from flask import Flask, current_app, has_app_context, has_request_context, request
from sqlalchemy import event, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.base import NO_VALUE

from ..errors import ConfigurationError
from ..host import Invoice
from ..services.unit import forget_lists
from . import statements, verbs
from .state import KEY, State
from .transactions import is_lost

log = logging.getLogger("flask_referrals")
_SEEN = "referrals_seen"
_BORN = "referrals_born"
_Columns = dict[str, Any]


@dataclass(slots=True, weakref_slot=True, eq=False)
class Watch:
    """What one `Referrals` watches: classes of clients and of invoices, and rows that an invoice is made of."""

    clients: tuple[type, ...]
    invoices: tuple[type, ...]
    parts: dict[type, Callable[[Any], Any]]
    is_client: Callable[[Any], bool]
    code: Callable[[Any], str | None]
    apps: WeakSet[Flask] = field(default_factory=WeakSet)

    def state(self, session: Session) -> State | None:
        """The extension in the app that commits: the current one, or one that works with this database."""
        if has_app_context():
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            if app in self.apps:
                return _state_in(app)
        states = [_state_in(app) for app in list(self.apps)]
        return next((state for state in states if state.session.serve(state.app, session)), None)


@dataclass(slots=True)
class _Seen:
    """What one transaction touched so far; records are kept alive, and in the order they were met.

    `parts` are asked for their invoices at the end, since a new row with only the key of its invoice cannot say before.
    `rows` and `gone_rows` are what statements over many rows changed and deleted: by class and primary key, so that the
    host's session is given no record that it did not ask for.
    `before` has the columns of an invoice as they were: a draft that is sent is new, though its row is not.
    """

    watch: Watch
    clients: dict[int, Any] = field(default_factory=dict)
    invoices: dict[int, Any] = field(default_factory=dict)
    parts: dict[int, Any] = field(default_factory=dict)
    gone: dict[int, tuple[Any, Invoice]] = field(default_factory=dict)
    rows: dict[statements.Row, _Columns] = field(default_factory=dict)
    gone_rows: dict[statements.Row, Invoice] = field(default_factory=dict)
    before: dict[int, _Columns] = field(default_factory=dict)


_WATCHES: WeakSet[Watch] = WeakSet()


def _state_in(app: Flask) -> State:
    state: State = app.extensions[KEY]
    return state


def code_finder(code: str | Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """Finds the code of a new client: in the form field of that name, if there is a request."""
    if callable(code):
        return code
    return lambda record: request.form.get(code) if has_request_context() else None


def add(watch: Watch) -> Watch:
    """Watch from now on, on every session of the process; a row of no watched class costs one look at its class."""
    for one in (*watch.clients, *watch.invoices, *watch.parts):
        if inspect(one, raiseerr=False) is None:
            raise ConfigurationError(f"watch() takes your mapped classes, and {one!r} is none")
    _WATCHES.add(watch)
    for name, listener in _LISTENERS.items():
        if not event.contains(Session, name, listener):
            event.listen(Session, name, listener)
    return watch


def is_watched(app: Flask) -> bool:
    """Whether the app's clients or invoices are watched."""
    return any(app in watch.apps for watch in list(_WATCHES))


# -- collecting --------------------------------------------------------------------------------------------------------


def _seen(session: Session, watch: Watch) -> _Seen:
    everything: dict[Watch, _Seen] = session.info.setdefault(_SEEN, {})
    if watch not in everything:
        everything[watch] = _Seen(watch)
    return everything[watch]


def _before_flush(session: Session, context: Any, instances: Any) -> None:
    """What is deleted is asked about while it still can answer, and what is changed is remembered as it was."""
    for watch in list(_WATCHES):
        for record in session.dirty:
            if isinstance(record, watch.invoices) and session.is_modified(record):
                _remember(session, _seen(session, watch), record)
        for record in session.deleted:
            if isinstance(record, watch.invoices):
                state = watch.state(session)
                value = None if state is None else _value(state, session, record)
                if value is not None:
                    _seen(session, watch).gone[id(record)] = (record, value)
            elif isinstance(record, tuple(watch.parts)):
                _collect_part(session, watch, record)


def _remember(session: Session, seen: _Seen, record: Any) -> None:
    if id(record) in seen.invoices:
        return
    found = inspect(record)
    known = {**found.dict, **found.committed_state}
    was = {one.key: known[one.key] for one in found.mapper.column_attrs if one.key in known}
    unread = [key for key, value in was.items() if value is NO_VALUE]
    if unread:
        kind = found.mapper.class_
        keys = zip(found.mapper.primary_key, found.identity, strict=True)
        which = select(*(getattr(kind, key) for key in unread)).where(*(column == key for column, key in keys))
        with session.no_autoflush:
            was.update(zip(unread, session.execute(which).one(), strict=True))
    seen.invoices[id(record)] = record
    seen.before[id(record)] = was


def _value(state: State, session: Session, record: Any) -> Invoice | None:
    try:
        with state.session.using(session), session.no_autoflush:
            return state.host.invoice(record)
    except Exception:
        log.exception("Host.invoice failed on an invoice that is deleted; `flask referrals reconcile` will find it")
        return None


def _after_flush(session: Session, context: Any) -> None:
    for watch in list(_WATCHES):
        for record in session.new:
            if isinstance(record, watch.clients):
                _seen(session, watch).clients[id(record)] = record
            if isinstance(record, watch.invoices):
                session.info.setdefault(_BORN, {})[id(record)] = record
        for record in (*session.new, *session.dirty):
            if isinstance(record, watch.invoices):
                _seen(session, watch).invoices[id(record)] = record
            elif isinstance(record, tuple(watch.parts)):
                _seen(session, watch).parts[id(record)] = record


def _collect_part(session: Session, watch: Watch, record: Any, seen: _Seen | None = None) -> None:
    find = next(find for kind, find in watch.parts.items() if isinstance(record, kind))
    try:
        with session.no_autoflush:
            invoice = find(record)
    except Exception:
        log.exception("the invoice of %r was not found; `flask referrals reconcile` will see to it", record)
        return
    if invoice is not None:
        (seen or _seen(session, watch)).invoices[id(invoice)] = invoice


def _do_orm_execute(execution: ORMExecuteState) -> None:
    """An UPDATE or DELETE of many rows, by a class or its table: which, is asked first, since no flush will tell."""
    if not (execution.is_update or execution.is_delete):
        return
    for watch in list(_WATCHES):
        for kind in statements.kinds(execution, (*watch.invoices, *watch.parts)):
            try:
                _collect_many(execution, watch, kind)
            except Exception as error:
                if is_lost(error):
                    raise
                log.exception("the rows of a statement were not found; `flask referrals reconcile` will see to it")


def _collect_many(execution: ORMExecuteState, watch: Watch, kind: type) -> None:
    session, seen = execution.session, _seen(execution.session, watch)
    rows = statements.rows(execution, kind)
    if execution.is_update:
        were = statements.columns(session, rows) if issubclass(kind, watch.invoices) else {}
        seen.rows |= {row: were.get(row, {}) for row in rows if row not in seen.rows}
        return
    for row, record in statements.looked_at(session, rows):
        if not issubclass(kind, watch.invoices):
            _collect_part(session, watch, record)
        elif (state := watch.state(session)) is not None and (value := _value(state, session, record)) is not None:
            seen.gone_rows[row] = value


def _after_soft_rollback(session: Session, previous: Any) -> None:
    if previous.parent is None:
        session.info.pop(_SEEN, None)
        session.info.pop(_BORN, None)


# -- acting ------------------------------------------------------------------------------------------------------------


def _before_commit(session: Session) -> None:
    """Act on what was collected; the outermost commit only, since an inner one may still be rolled back."""
    if session.in_nested_transaction() or not _WATCHES:
        return
    session.flush()
    everything: dict[Watch, _Seen] = session.info.pop(_SEEN, {})
    for watch, seen in everything.items():
        _read_rows(session, seen)
        state = watch.state(session)
        if state is None:
            continue  # another database's
        joined = replace(state, settings=replace(state.settings, transaction="joined"))
        with nullcontext() if has_app_context() else state.session.inside(state.app):
            _act(joined, session, seen)
    session.flush()
    session.info.pop(_SEEN, None)  # what we ourselves put on the host's records


def _read_rows(session: Session, seen: _Seen) -> None:
    """The invoices of parts that were flushed, and what statements over many rows changed, as it stands now."""
    for part in _there(seen.parts.values()):
        _collect_part(session, seen.watch, part, seen)
    for row, record in statements.read(session, seen.rows):
        if isinstance(record, seen.watch.invoices):
            seen.invoices[id(record)] = record
            seen.before.setdefault(id(record), seen.rows.get(row, {}))
        else:
            _collect_part(session, seen.watch, record, seen)


def _act(state: State, session: Session, seen: _Seen) -> None:
    with state.session.using(session):
        for record in _there(seen.clients.values()):
            _guarded(state, lambda record=record: _client(state, seen.watch, record))  # type: ignore[misc]
        gone = [value for record, value in seen.gone.values() if not inspect(record).persistent]
        left = statements.there(session, seen.gone_rows)
        for value in (*gone, *(value for row, value in seen.gone_rows.items() if row not in left)):
            _guarded(state, lambda value=value: verbs.invoice_gone(state, value))  # type: ignore[misc]
        for record in _there(seen.invoices.values()):
            was = seen.before.get(id(record), {})
            _guarded(state, lambda record=record, was=was: _invoice(state, session, record, was))  # type: ignore[misc]


def _there(records: Iterable[Any]) -> list[Any]:
    """Those that are rows still: not deleted since, and not taken along by a savepoint."""
    return [record for record in records if inspect(record).persistent]


def _guarded(state: State, act: Callable[[], Any]) -> None:
    """What the verbs do not guard themselves (the host's answers outside them) stops no commit either."""
    try:
        act()
    except Exception as error:
        if state.settings.strict or is_lost(error):
            raise
        log.exception("watching failed on a record; `flask referrals reconcile` will see to it")


def _client(state: State, watch: Watch, record: Any) -> None:
    if watch.is_client(record):
        try:
            code = watch.code(record)
        except Exception:
            if state.settings.strict:
                raise
            log.exception("the code of a new client was not found; it is registered without one")
            code = None
        verbs.client_registered(state, record, code, None, new=True)


def _invoice(state: State, session: Session, record: Any, was: _Columns) -> None:
    forget_lists(session, record)
    value = state.host.invoice(record)
    if value is None:
        before = _before(state, session, record, was) if was else None
        if before is not None:  # back to a draft, or however the host takes it out of its invoices
            verbs.invoice_gone(state, before)
        return
    born: dict[int, Any] = session.info.get(_BORN, {})
    new = born.pop(id(record), None) is record  # a draft is new until it is an invoice
    verbs.invoice_seen(
        state, record, new=lambda: new or (bool(was) and _before(state, session, record, was, value) is None)
    )


def _before(
    state: State, session: Session, record: Any, was: _Columns, unknown: Invoice | None = None
) -> Invoice | None:
    """The row as an invoice when the transaction began; None for what was none, such as a draft that is sent by now.

    `unknown` where that cannot be told.
    """
    found = inspect(record)
    before = found.mapper.class_manager.new_instance()
    for column, key in zip(found.mapper.primary_key, found.identity, strict=True):
        set_committed_value(before, found.mapper.get_property_by_column(column).key, key)
    for key, value in was.items():
        set_committed_value(before, key, value)
    make_transient_to_detached(before)
    try:
        with Session(session.connection(), join_transaction_mode="rollback_only") as aside:
            aside.add(before)
            return state.host.invoice(before)
    except Exception:
        log.exception("whether %r was an invoice before could not be told; it counts as what it is now", record)
        return unknown


_LISTENERS: dict[str, Callable[..., Any]] = {
    "before_flush": _before_flush,
    "after_flush": _after_flush,
    "do_orm_execute": _do_orm_execute,
    "after_soft_rollback": _after_soft_rollback,
    "before_commit": _before_commit,
}
