"""Facts of the host's that we failed to act on: kept, and done again from the host's records as they then are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from ..models import RetryRow
from .sql import made

_RETRY: Table = RetryRow.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Retry:
    """One fact to act on again: the verb, the host's id of the invoice or client, and the verb's other arguments."""

    id: int
    org: str
    verb: str
    subject_id: str
    arguments: dict[str, Any]
    tries: int


def keep(
    connection: Connection, org: str, verb: str, subject_id: str, arguments: dict[str, Any], error: str, now: datetime
) -> None:
    """Remember that this verb failed for this subject; once is enough, since it is done from what then is."""
    row = {
        "org": org,
        "verb": verb,
        "subject_id": subject_id,
        "arguments": arguments,
        "error": error[:2000],
        "tries": 0,
        "made_at": now,
        "next_at": now,
    }
    made(connection, _RETRY, row)


def due(connection: Connection, now: datetime, limit: int = 100) -> list[Retry]:
    """What is to be tried now, oldest first."""
    fields = [_RETRY.c[name] for name in ("id", "org", "verb", "subject_id", "arguments", "tries")]
    query = select(*fields).where(_RETRY.c.next_at <= now).order_by(_RETRY.c.next_at, _RETRY.c.id).limit(limit)
    return [Retry(*row) for row in connection.execute(query)]


def done(connection: Connection, retry: Retry) -> None:
    """Forget a retry that went well."""
    connection.execute(delete(_RETRY).where(_RETRY.c.id == retry.id))


def put_off(connection: Connection, retry: Retry, error: str, now: datetime) -> None:
    """Try again later, with growing pauses of up to a day."""
    pause = min(timedelta(minutes=2**retry.tries), timedelta(days=1))
    connection.execute(
        update(_RETRY)
        .where(_RETRY.c.id == retry.id)
        .values(tries=retry.tries + 1, error=error[:2000], next_at=now + pause)
    )
