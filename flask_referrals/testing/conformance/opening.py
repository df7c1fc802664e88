"""The host's app, opened for a test: our tables, known terms switched on, a clock that stands still, our log heard."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from flask import Flask
from sqlalchemy import inspect
from sqlalchemy.engine import Engine

from ...adapters.state import KEY, State
from ...adapters.watch import is_watched
from ...domain.terms import Discount, Promise, Terms
from ...extension import Referrals
from ...host import Host
from ...models import metadata
from ..clock import FrozenClock
from . import functions
from .functions import HostFunctions
from .hints import said

__tracebackhide__ = True  # a failure shows the test, not us
#: What the program promises meanwhile: percentages, since the host's currency and prices are its own.
DISCOUNT, REWARD = Decimal(10), Decimal(20)
TERMS = Terms(currency="USD", discount=Discount(percent=DISCOUNT), referrer_reward=Promise(percent=REWARD))


class Ears(logging.Handler):
    """Keeps what our logger has to complain of."""

    def __init__(self, host: Host) -> None:
        super().__init__(logging.ERROR)
        self.host = host
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, with its error and the method of the Host that raised it."""
        error = record.exc_info[1] if record.exc_info else None
        text = record.getMessage()
        self.heard.append(text if error is None else f"{text}: {said(error, self.host)}")


class Opened:
    """One app, prepared: our tables, known terms switched on, a clock that stands still, errors of ours only logged."""

    def __init__(self, suite: HostFunctions) -> None:
        self.functions = suite
        self.suite = type(suite).__name__
        self._undo = ExitStack()
        self.app = suite.app = self._make_app()
        self.state: State = self.app.extensions[KEY]
        self.host = self.state.host
        self.host_name = type(self.host).__name__
        self.referrals = Referrals(self.host, session=self.state.session)
        self.ears = Ears(self.host)
        self._undo.callback(self._put_back, self.state.now, self.state.settings)
        self.state.settings = replace(self.state.settings, strict=False)
        self._listen()
        try:
            self.org = self._prepare()
        except BaseException:
            self.close()
            raise

    # -- opening and closing -----------------------------------------------------------------------------------------

    def _make_app(self) -> Flask:
        try:
            app: Any = self.functions.make_app()
        except NotImplementedError:
            raise AssertionError(functions.told(self.functions, "make_app")) from None
        except Exception as error:
            raise AssertionError(f"{self.suite}.make_app raised {said(error)}") from error
        if not isinstance(app, Flask):
            raise AssertionError(f"{self.suite}.make_app gave {app!r}: return your Flask app")
        if KEY not in app.extensions:
            raise AssertionError(f"the app of {self.suite}.make_app has no program yet: call referrals.init_app(app)")
        return app

    def _prepare(self) -> str:
        with self.inside():
            session = self.state.session()
            try:
                self.state.now = FrozenClock(self.state.now())
                if not set(metadata.tables) <= set(inspect(session.connection()).get_table_names()):
                    session.rollback()
                    self.referrals.create_all()
                orgs = list(self.host.orgs())
            except Exception as error:
                raise AssertionError(f"the app of {self.suite}.make_app: {said(error, self.host)}") from error
            if not orgs:
                raise AssertionError(f"{self.host_name}.orgs() is empty: make an org in {self.suite}.make_app")
            org = self.functions.org or orgs[0]
            if org not in orgs:
                raise AssertionError(f"{self.suite}.org is {org!r}, and {self.host_name}.orgs() are {orgs}")
            program = self.referrals.program(org)
            version = program.at(self.state.now())
            if not program.enabled or version is None or version.terms != TERMS:
                self.referrals.save_terms(org, TERMS, by="conformance")
                self.referrals.switch(org, on=True, by="conformance")
                session.commit()
            return org

    def _put_back(self, now: Any, settings: Any) -> None:
        self.state.now, self.state.settings = now, settings

    def _listen(self) -> None:
        logger, off = logging.getLogger("flask_referrals"), logging.root.manager.disable
        self._undo.callback(setattr, logger, "disabled", logger.disabled)
        self._undo.callback(logging.disable, off)
        self._undo.callback(logger.removeHandler, self.ears)
        logger.disabled = False
        logging.disable(logging.NOTSET)
        logger.addHandler(self.ears)

    def close(self) -> None:
        """Leave the app as it was, and its connections closed, unless the database is in them."""
        try:
            with self.app.app_context():
                engine = self.state.session().get_bind().engine
        except Exception:
            engine = None
        if engine is not None and not _is_in_memory(engine):
            engine.dispose()
        self._undo.close()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """In an app context of its own, whose transaction is rolled back in the end."""
        with self.app.app_context():
            try:
                yield
            finally:
                self.state.session().rollback()

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """What our log says meanwhile is expected."""
        self.ears.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            self.ears.setLevel(logging.ERROR)

    def how(self, call: str, where: str, unseen: str) -> str:
        """How to tell us what we did not hear: the call and where it belongs, or what a watched app has to name."""
        if is_watched(self.app):
            return f"referrals.watch(…) does not see it: {unseen}"
        order = "before" if self.state.settings.transaction == "joined" else "after"
        return f"call referrals.{call} {where}, {order} the commit, or use referrals.watch(…)"

    def complain(self, function: str) -> None:
        """Fail with what our log said meanwhile."""
        if self.ears.heard:
            first, self.ears.heard = self.ears.heard[0], []
            raise AssertionError(f"during {self.suite}.{function} our log says: {first}")


def _is_in_memory(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite" and (not engine.url.database or "memory" in str(engine.url))
