"""One unit of our work inside the caller's transaction: what a use case has at hand, and the log lines it collects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, inspect
from sqlalchemy.orm import InstanceState, Session, SessionTransaction

from ..config import Settings
from ..errors import MoneyError
from ..host import Host
from ..models import COUNTED, ActivityRow
from ..money import Money
from .portal import NEWS
from .programs import Programs
from .sql import sole

Clock = Callable[[], datetime]
_INSERT_ACTIVITY = insert(ActivityRow.__table__)  # type: ignore[arg-type]


class ConflictError(Exception):
    """Something changed beside us between reading and writing: the unit is rolled back and done again."""


def forget_lists(session: Session, record: Any) -> None:
    """Lines and payments that were added by their key alone are not in a list that was read before them."""
    found: InstanceState[Any] | None = inspect(record, raiseerr=False)
    if not isinstance(found, InstanceState) or found.session is not session or not found.persistent:
        return
    lists = [one.key for one in found.mapper.relationships if one.uselist and one.key in found.dict]
    if lists:
        session.expire(record, lists)


@dataclass(slots=True)
class Unit:
    """What a use case works with: session, host, settings, the time, who acts.

    Log lines are collected and written at its end. `again` says that this is a second try after a conflict, which has
    to lock what it reads, since the host's transaction may go on seeing an older snapshot. `mails` says that somebody
    sends emails, `banks` that clients link an account for cash, `sends` that a gateway sends it by itself.
    """

    session: Session
    connection: Connection
    host: Host
    settings: Settings
    programs: Programs
    now: datetime
    actor: str
    again: bool = False
    mails: bool = False
    banks: bool = True
    sends: bool = True
    lines: list[dict[str, Any]] = field(default_factory=list)
    _effects: SessionTransaction | None = None

    @property
    def dialect(self) -> str:
        """The database's name as SQLAlchemy says it."""
        return self.connection.dialect.name

    def record(
        self,
        kind: str,
        org: str,
        client_id: str,
        *,
        other_id: str | None = None,
        both: bool = False,
        announces: bool = True,
        referral_id: int | None = None,
        invoice_id: str | None = None,
        terms_id: int | None = None,
        amount: Money | None = None,
        **data: Any,
    ) -> None:
        """Log a fact on the client's record, and with `both` on the other side's too; it goes out once (G1, R10).

        What concerns no client, such as the program's switch, stands on the org's own record: `client_id` "".
        """
        line = {
            "org": org,
            "client_id": client_id,
            "other_id": other_id,
            "kind": kind,
            "at": self.now,
            "actor": self.actor,
            "referral_id": referral_id,
            "invoice_id": invoice_id,
            "terms_id": terms_id,
            "amount_minor": None if amount is None else amount.minor,
            "currency": None if amount is None else amount.currency,
            "data": {key: value for key, value in data.items() if value is not None},
            "announces": announces,
            "waits": 1 if announces else None,
            "delivered_at": None if announces else self.now,
            "mail_at": self.now if self.mails and announces and client_id and kind in NEWS else None,
            "unrolled": 1 if announces and kind in COUNTED else None,
        }
        self.lines.append(line)
        if both and other_id is not None:
            mirror = {"client_id": other_id, "other_id": client_id, "announces": False, "delivered_at": self.now}
            self.lines.append(line | mirror | {"waits": None, "mail_at": None, "unrolled": None})

    def apply_discount(self, record: Any, discount: Money) -> Money:
        """Have the host put the discount on its record; what it gave."""
        if record is None:  # one that the host has deleted, or that is paid
            return discount
        self.effect()
        given = self.host.apply_discount(record, discount)
        self._reread(record)
        if given is None:
            return discount
        if not 0 <= discount.same(given).minor <= discount.minor:
            raise MoneyError(f"Host.apply_discount gave {given}, and was asked for {discount}: it may give less only")
        return given

    def apply_credit(self, record: Any, credit: Money) -> None:
        """Have the host count the credit on its record."""
        if record is not None:  # one that the host has deleted
            self.effect()
            self.host.apply_credit(record, credit)
            self._reread(record)

    def apply_voucher(self, record: Any, service: str, amount: Money) -> None:
        """Have the host take a free service off its record."""
        if record is not None:  # one that the host has deleted
            self.effect()
            self.host.apply_voucher(record, service, amount)
            self._reread(record)

    def effect(self) -> None:
        """From here on the host's own records change, so that an error must put these back as well."""
        if self._effects is None:
            self._effects = self.session.begin_nested()
            self._effects.__enter__()
            self.session.connection()  # only this sends the savepoint

    def _reread(self, record: Any) -> None:
        """What the host added by its key alone, such as a payment, is in the record's lists from now on."""
        self.session.flush()
        forget_lists(self.session, record)

    def undo_effects(self, error: BaseException) -> None:
        """Put the host's records back as they were."""
        if self._effects is not None:
            effects, self._effects = self._effects, None
            effects.__exit__(type(error), error, error.__traceback__)

    def finish(self) -> bool:
        """Write the collected log lines, in one statement; whether there were any, so that something happened."""
        if self._effects is not None:
            self._effects.__exit__(None, None, None)
            self._effects = None
        if not self.lines:
            return False
        self.connection.execute(_INSERT_ACTIVITY, sole(self.lines))
        self.lines = []
        return True
