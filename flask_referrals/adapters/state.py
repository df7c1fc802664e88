"""What we keep of one app, and how a use case is run in it: joined to the host's transaction, guarded, announced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from flask import Flask, current_app
from sqlalchemy import Connection
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from .. import signals
from ..config import Settings
from ..errors import ConfigurationError
from ..events import Event
from ..host import Host
from ..services import outbox, retries
from ..services.ports import Gateway, Mailer
from ..services.programs import Programs
from ..services.unit import Unit
from .sessions import Sessions
from .transactions import in_savepoint, is_lost

log = logging.getLogger("flask_referrals")
Answer = TypeVar("Answer")
KEY = "referrals"

#: Which signals a kind of log line goes out as.
_ANNOUNCED = {
    "attributed": (signals.referral_attributed,),
    "discount_applied": (signals.discount_applied,),
    "qualified": (signals.referral_qualified,),
    "reward_issued": (signals.reward_issued, signals.credit_changed),
    "reward_reversed": (signals.reward_reversed, signals.credit_changed),
    "credit_held": (signals.credit_changed,),
    "credit_released": (signals.credit_changed,),
}


@dataclass(slots=True)
class State:
    """The extension in one app."""

    app: Flask
    host: Host
    settings: Settings
    session: Sessions
    now: Callable[[], datetime]
    mailer: Mailer | None = None
    gateway: Gateway | None = None
    programs: Programs = field(default_factory=Programs)
    #: The `Referrals` of this app: it watches as long as the app is there, also where a factory keeps no name for it.
    owner: object = None

    def run(self, use_case: Callable[[Unit], Answer], *, actor: str = "host", commit: bool = False) -> Answer:
        """Do a use case in the session's transaction; `commit` where the transaction is our own (a page, a command)."""
        session = self.session()
        engine = session.get_bind()
        after_commit = partial(self._after_commit, engine if isinstance(engine, Engine) else None)
        if not commit and self.settings.transaction == "joined":
            return in_savepoint(session, partial(self._unit, session, actor), use_case, after_commit)
        try:
            answer = in_savepoint(session, partial(self._unit, session, actor), use_case, after_commit)
            session.commit()
        except BaseException:
            session.rollback()
            raise
        return answer

    def read(self, use_case: Callable[[Unit], Answer]) -> Answer:
        """Do a use case that writes nothing, in the session's transaction."""
        session = self.session()
        make = partial(self._unit, session, "host")
        return in_savepoint(session, make, use_case, lambda: None, writes=False)

    def guarded(
        self,
        verb: str,
        use_case: Callable[[Unit], Answer],
        *,
        subject: Callable[[], tuple[str, str]],
        arguments: dict[str, Any] | None = None,
        actor: str = "host",
    ) -> Answer | None:
        """Do a use case for a fact of the host's; what goes wrong is logged, kept for `work`, and stops nothing (§3.5).

        `subject` names the org and the host's id. None if it went wrong; in strict mode the error is raised instead, as
        is the loss of the whole transaction, which the host must not mistake for a payment booked.
        """
        session = self.session()
        session.flush()
        try:
            return self.run(use_case, actor=actor)
        except Exception as error:
            if self.settings.strict or is_lost(error):
                raise
            log.exception("%s failed; the host's work goes on without it", verb)
            self._keep(session, verb, subject, arguments or {}, error)
            return None

    def _keep(
        self,
        session: Session,
        verb: str,
        subject: Callable[[], tuple[str, str]],
        arguments: dict[str, Any],
        error: Exception,
    ) -> None:
        try:
            org, subject_id = subject()
            text = f"{type(error).__name__}: {error}"
            with session.begin_nested():
                retries.keep(session.connection(), org, verb, subject_id, arguments, text, self.now())
            if self.settings.transaction == "after_commit":
                session.commit()
        except Exception:
            log.exception("%s could not be kept for `flask referrals work` either; fire it again to repair it", verb)

    def _unit(self, session: Session, actor: str, connection: Connection, again: bool) -> Unit:
        return Unit(
            session,
            connection,
            self.host,
            self.settings,
            self.programs,
            self.now(),
            actor,
            again,
            mails=self.mailer is not None,
            banks=self.gateway is None or self.gateway.onboards,
            sends=self.gateway is None or self.gateway.sends,
        )

    def _after_commit(self, engine: Engine | None) -> None:
        if engine is None or self.settings.delivery != "at_once":
            return
        try:
            outbox.deliver(engine, self.now(), self.announce)
        except Exception:
            log.exception("delivering after the commit failed; `flask referrals work` will do it")

    def announce(self, event: Event) -> None:
        """Send the signals of a fact, receiver by receiver: one that raises is logged and disturbs nobody."""
        for signal in _ANNOUNCED.get(event.kind, ()):
            for receiver in signal.receivers_for(self.app):
                with self.app.app_context():
                    try:
                        receiver(self.app, event=event)
                    except Exception:
                        log.exception("a receiver of %s failed on event %s", signal.name, event.id)


def get_state(app: Flask | None = None) -> State:
    """The state of this app, or of the current one; ConfigurationError where the extension was not set up."""
    app = app or current_app
    try:
        state: State = app.extensions[KEY]
    except KeyError:
        raise ConfigurationError("this app has no flask_referrals yet: did you call referrals.init_app(app)?") from None
    return state
