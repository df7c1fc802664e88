"""`Referrals.watch`: sees the host's clients and invoices come, change and go on its own session (§3.3).

What is flushed is collected, and looked at right before the host's commit, as it then stands; so neither the order nor
the number of flushes matters, and what a rolled-back savepoint took along is not there to be looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakSet

from flask import Flask, current_app, has_app_context
from sqlalchemy import event, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session

from ..errors import ConfigurationError
from ..host import Invoice
from . import verbs
from .state import KEY, State
from .transactions import is_lost

log = logging.getLogger("flask_referrals")
_SEEN = "referrals_seen"
_BORN = "referrals_born"
_STALE = "referrals_stale"
#: Rows that one UPDATE or DELETE of many is followed by; more than that is for `flask referrals reconcile`.
_MANY = 1000


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
    """What one transaction touched so far; records are kept alive, and in the order they were met."""

    watch: Watch
    clients: dict[int, Any] = field(default_factory=dict)
    invoices: dict[int, Any] = field(default_factory=dict)
    parts: dict[int, Any] = field(default_factory=dict)
    gone: dict[int, tuple[Any, Invoice]] = field(default_factory=dict)


_WATCHES: WeakSet[Watch] = WeakSet()


def _state_in(app: Flask) -> State:
    state: State = app.extensions[KEY]
    return state


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


# -- collecting --------------------------------------------------------------------------------------------------------


def _seen(session: Session, watch: Watch) -> _Seen:
    everything: dict[Watch, _Seen] = session.info.setdefault(_SEEN, {})
    if watch not in everything:
        everything[watch] = _Seen(watch)
    return everything[watch]


def _before_flush(session: Session, context: Any, instances: Any) -> None:
    """What is deleted is asked about while it still can answer."""
    for watch in list(_WATCHES):
        for record in session.deleted:
            if isinstance(record, watch.invoices):
                state = watch.state(session)
                value = None if state is None else _value(state, session, record)
                if value is not None:
                    _seen(session, watch).gone[id(record)] = (record, value)
            elif isinstance(record, tuple(watch.parts)):
                _collect_part(session, watch, record)


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


def _collect_part(session: Session, watch: Watch, record: Any) -> None:
    find = next(find for kind, find in watch.parts.items() if isinstance(record, kind))
    try:
        with session.no_autoflush:
            invoice = find(record)
    except Exception:
        log.exception("the invoice of %r was not found; `flask referrals reconcile` will see to it", record)
        return
    if invoice is not None:
        _seen(session, watch).invoices[id(invoice)] = invoice


def _do_orm_execute(execution: ORMExecuteState) -> None:
    """An UPDATE or DELETE of many rows: they are read first, since no flush will tell of them."""
    if not (execution.is_update or execution.is_delete) or execution.bind_mapper is None:
        return
    kind = execution.bind_mapper.class_
    for watch in list(_WATCHES):
        if not issubclass(kind, (*watch.invoices, *watch.parts)):
            continue
        session = execution.session
        found = _rows(execution, kind)
        for record in found:
            session.info.setdefault(_STALE, {})[id(record)] = record
            if not issubclass(kind, watch.invoices):
                _collect_part(session, watch, record)
            elif execution.is_update:
                _seen(session, watch).invoices[id(record)] = record
            elif (state := watch.state(session)) is not None and (value := _value(state, session, record)) is not None:
                _seen(session, watch).gone[id(record)] = (record, value)
        if len(found) >= _MANY:
            log.error("one statement changed %s rows or more of %s: run `flask referrals reconcile`", _MANY, kind)


def _rows(execution: ORMExecuteState, kind: type[Any]) -> list[Any]:
    """The rows that an UPDATE or DELETE is about: by its WHERE, or, given many sets of values, by their keys."""
    session, parameters = execution.session, execution.parameters
    with session.no_autoflush:
        if isinstance(parameters, list):
            keys = [[values.get(column.key) for column in inspect(kind).primary_key] for values in parameters[:_MANY]]
            found = [session.get(kind, tuple(key)) for key in keys if None not in key]
            return [record for record in found if record is not None]
        which = select(kind).where(*execution.statement._where_criteria)  # type: ignore[attr-defined]
        return list(session.scalars(which.limit(_MANY), parameters))


def _after_soft_rollback(session: Session, previous: Any) -> None:
    if previous.parent is None:
        session.info.pop(_SEEN, None)
        session.info.pop(_BORN, None)
        session.info.pop(_STALE, None)


# -- acting ------------------------------------------------------------------------------------------------------------


def _before_commit(session: Session) -> None:
    """Act on what was collected; the outermost commit only, since an inner one may still be rolled back."""
    if session.in_nested_transaction() or not _WATCHES:
        return
    session.flush()
    for seen in list(session.info.get(_SEEN, {}).values()):
        for record in _there(seen.parts.values()):  # only now can a new one load what it belongs to
            _collect_part(session, seen.watch, record)
    everything: dict[Watch, _Seen] = session.info.pop(_SEEN, {})
    for record in _there(session.info.pop(_STALE, {}).values()):
        session.expire(record)
    for watch, seen in everything.items():
        state = watch.state(session)
        if state is None:
            continue  # another database's
        joined = replace(state, settings=replace(state.settings, transaction="joined"))
        with nullcontext() if has_app_context() else state.session.inside(state.app):
            _act(joined, session, seen)
    session.flush()
    session.info.pop(_SEEN, None)  # what we ourselves put on the host's records


def _act(state: State, session: Session, seen: _Seen) -> None:
    with state.session.using(session):
        for record in _there(seen.clients.values()):
            _guarded(state, lambda record=record: _client(state, seen.watch, record))  # type: ignore[misc]
        for value in [value for record, value in seen.gone.values() if not inspect(record).persistent]:
            _guarded(state, lambda value=value: verbs.invoice_gone(state, value))  # type: ignore[misc]
        for record in _there(seen.invoices.values()):
            _guarded(state, lambda record=record: _invoice(state, session, record))  # type: ignore[misc]


def _there(records: Iterable[Any]) -> list[Any]:
    """Those that are rows still: not deleted since, and not taken along by a savepoint."""
    return [record for record in records if inspect(record).persistent]


def _forget_lists(session: Session, record: Any) -> None:
    """Lines and payments that were added by their key alone are not in a list that was read before them."""
    found = inspect(record)
    lists = [one.key for one in found.mapper.relationships if one.uselist and one.key in found.dict]
    if lists:
        session.expire(record, lists)


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


def _invoice(state: State, session: Session, record: Any) -> None:
    _forget_lists(session, record)
    value = state.host.invoice(record)
    if value is None:
        return
    born: dict[int, Any] = session.info.get(_BORN, {})
    new = born.pop(id(record), None) is record  # a draft is new until it is an invoice
    verbs.invoice_seen(state, record, new=new)


_LISTENERS: dict[str, Callable[..., Any]] = {
    "before_flush": _before_flush,
    "after_flush": _after_flush,
    "do_orm_execute": _do_orm_execute,
    "after_soft_rollback": _after_soft_rollback,
    "before_commit": _before_commit,
}
