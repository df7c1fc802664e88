"""Any SQLAlchemy session of the host's: Flask-SQLAlchemy's, a scoped one, a sessionmaker, a bare Session (§3.14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from flask import Flask, g, has_app_context
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, object_session, scoped_session, sessionmaker
from sqlalchemy.orm.exc import UnmappedInstanceError

from ..host import Member

_USED: ContextVar[Session | None] = ContextVar("referrals_session", default=None)
_OWN = "_referrals_sessions"


class Sessions:
    """The session of the moment: the one in use, else the host's own; from a factory one for each app context.

    `source` is a scoped_session, a factory (sessionmaker or Session class), or any callable that returns a session.
    """

    def __init__(self, source: Callable[[], Session]) -> None:
        self._source = source
        self._scoped: scoped_session[Any] | None = source if isinstance(source, scoped_session) else None
        self._makes = isinstance(source, sessionmaker) or (isinstance(source, type) and issubclass(source, Session))

    def __call__(self) -> Session:
        used = _USED.get()
        if used is not None:
            return used
        if not self._makes or not has_app_context():
            return self._source()
        own: dict[int, Session] = g.setdefault(_OWN, {})
        if id(self) not in own:
            own[id(self)] = self._source()
        return own[id(self)]

    @contextmanager
    def using(self, session: Session | None) -> Iterator[None]:
        """Work in this session meanwhile, the host's look-ups by its scoped session too; None changes nothing."""
        if session is None:
            yield
            return
        token = _USED.set(session)
        try:
            with self._handing_out(session):
                yield
        finally:
            _USED.reset(token)

    @contextmanager
    def inside(self, app: Flask) -> Iterator[None]:
        """In a context of this app, whose end does not close the session that is at work around it.

        A session that a callable of the host's returns could be closed by it, so for these no context is made.
        """
        if self._scoped is None and not self._makes:
            yield
            return
        with self._handing_out(None), app.app_context():
            yield

    def serve(self, app: Flask, session: Session) -> bool:
        """Whether this session is one of the database that the app works with."""
        try:
            its = session.get_bind().engine  # here, since Flask-SQLAlchemy's sessions go by the app of the moment
            with self.inside(app):
                own = self._scoped.session_factory() if self._scoped is not None else self._source()
                with own if self._makes or self._scoped is not None else nullcontext():
                    mine = own.get_bind().engine
        except Exception:
            return False  # sessions without one engine of their own
        return mine is its or _same_database(mine, its)

    @contextmanager
    def _handing_out(self, session: Session | None) -> Iterator[None]:
        """The host's scoped session is this one meanwhile; with None it is not made yet."""
        if self._scoped is None:
            yield
            return
        registry = self._scoped.registry
        try:
            before = registry() if registry.has() else None
        except RuntimeError:  # Flask-SQLAlchemy's has no place without an app context
            yield
            return
        _put(registry, session)
        try:
            yield
        finally:
            _put(registry, before)


def close_own(app: Flask) -> None:
    """Close the sessions that `Sessions` has made, when an app context of this app ends."""

    @app.teardown_appcontext
    def close(error: BaseException | None) -> None:
        for session in g.pop(_OWN, {}).values():
            session.close()


def session_of(record: Any) -> Session | None:
    """The session that a record of the host's is in; None for what is no such record (a payload, a value)."""
    try:
        return object_session(record.record if isinstance(record, Member) else record)
    except UnmappedInstanceError:
        return None


def _put(registry: Any, session: Session | None) -> None:
    if session is None:
        registry.clear()
    else:
        registry.set(session)


def _same_database(one: Engine, other: Engine) -> bool:
    in_memory = one.dialect.name == "sqlite" and one.url.database in (None, "", ":memory:")
    return one.url == other.url and not in_memory
