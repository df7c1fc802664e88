"""The emails that wait: log lines and invitations with a time to be sent at, claimed in batches by as many workers as
there are. A lease holds them while they are sent, without a transaction open; what fails is tried again later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, select, update

from ..models import ActivityRow, InvitationRow
from .portal import LINES

_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_INVITATION: Table = InvitationRow.__table__  # type: ignore[assignment]
#: How long a worker may take over a batch before another one sends it again.
LEASE = timedelta(minutes=30)
BATCH = 50
#: The pauses after each failure; after the last one it is given up.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480, 1440))


def claim(connection: Connection, table: Table, now: datetime) -> list[tuple[int, int]]:
    """The next mails that are due, leased to the caller: their ids, and how often each was tried before."""
    due = select(table.c.id, table.c.mail_tries).where(table.c.mail_at <= now).order_by(table.c.mail_at, table.c.id)
    rows = connection.execute(due.limit(BATCH).with_for_update(skip_locked=True)).all()
    if rows:
        ids = [row.id for row in rows]
        lease = {"mail_at": now + LEASE, "mail_tries": table.c.mail_tries + 1}
        connection.execute(update(table).where(table.c.id.in_(ids)).values(lease))
    return [(row.id, row.mail_tries) for row in rows]


def done(connection: Connection, table: Table, mail_id: int, **values: Any) -> None:
    """It was sent, or is not wanted."""
    connection.execute(update(table).where(table.c.id == mail_id).values(mail_at=None, **values))


def failed(connection: Connection, table: Table, mail_id: int, tries: int, now: datetime) -> bool:
    """It could not be sent after so many earlier tries; whether it is tried again."""
    again = tries < len(PAUSES)
    at = now + PAUSES[tries] if again else None
    connection.execute(update(table).where(table.c.id == mail_id).values(mail_at=at))
    return again


_NEWS = LINES.add_columns(_ACTIVITY.c.org).where(_ACTIVITY.c.id == bindparam("id"))


def news(connection: Connection, activity_id: int) -> Row[Any]:
    """One line of a client's log with the names that it takes to tell it."""
    return connection.execute(_NEWS, {"id": activity_id}).one()


def invitation(connection: Connection, invitation_id: int) -> Row[Any] | None:
    """One invitation; None if it was erased meanwhile."""
    return connection.execute(select(_INVITATION).where(_INVITATION.c.id == invitation_id)).one_or_none()


LETTERS = _ACTIVITY
INVITATIONS = _INVITATION
