"""The outbox: log lines that wait to be announced, claimed in batches, by as many workers as there are (§7)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, bindparam, or_, select, update
from sqlalchemy.engine import Engine

from ..events import Event
from ..models import ActivityRow
from ..money import Money

log = logging.getLogger("flask_referrals")
_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
#: How long a worker may take over a batch before another one announces it again.
LEASE = timedelta(minutes=5)
BATCH = 100

_FIELDS = (
    "id", "org", "client_id", "other_id", "kind", "at", "referral_id", "invoice_id", "amount_minor", "currency",
    "announces",
)  # fmt: skip
_WAITING = (
    select(*(_ACTIVITY.c[name] for name in _FIELDS))
    .where(_ACTIVITY.c.waits == 1)
    .where(or_(_ACTIVITY.c.claimed_until.is_(None), _ACTIVITY.c.claimed_until < bindparam("now")))
    .order_by(_ACTIVITY.c.id)
    .limit(bindparam("batch"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(_ACTIVITY)
    .where(_ACTIVITY.c.id.in_(bindparam("ids", expanding=True)))
    .values(claimed_until=bindparam("until"))
)
_DONE = (
    update(_ACTIVITY)
    .where(_ACTIVITY.c.id.in_(bindparam("ids", expanding=True)))
    .values(waits=None, claimed_until=None, delivered_at=bindparam("now"))
)


def deliver(engine: Engine, now: datetime, announce: Callable[[Event], None]) -> int:
    """Announce one batch of what waits; how many lines that were. No transaction is open while receivers run.

    A batch is claimed by a lease, announced, and marked: a crash in between announces it once more after the lease.
    """
    with engine.connect() as connection:
        begin_writing(connection)
        rows = list(connection.execute(_WAITING, {"now": now, "batch": BATCH}))
        ids = [row.id for row in rows]
        if ids:
            connection.execute(_CLAIM, {"ids": ids, "until": now + LEASE})
        connection.commit()
    for row in rows:
        if row.announces:
            amount = None if row.amount_minor is None else Money(row.amount_minor, row.currency)
            event = Event(
                id=row.id, kind=row.kind, org=row.org, at=row.at, client_id=row.client_id, other_id=row.other_id,
                referral_id=row.referral_id, invoice_id=row.invoice_id, amount=amount,
            )  # fmt: skip
            announce(event)
    if ids:
        with engine.connect() as connection:
            begin_writing(connection)
            connection.execute(_DONE, {"ids": ids, "now": now})
            connection.commit()
    return len(ids)


def begin_writing(connection: Connection) -> None:
    """On SQLite take the write lock at once: a read that wants to write later fails when another one writes."""
    if connection.dialect.name == "sqlite":
        raw = connection.connection.dbapi_connection
        if raw is not None and not raw.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
