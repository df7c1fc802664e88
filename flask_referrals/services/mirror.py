"""Credit repeated on the gateway's customer balance, entry by entry; our ledger is the truth (docs/howto/stripe.md)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Table, select, update

from ..models import AccountRow, LedgerRow
from ..models.ledger import COUNTS, ORG_ITSELF
from ..money import Money
from . import transfers
from .unit import Unit

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
_OWNER = (_ACCOUNT.c.org, _ACCOUNT.c.client_id, _ACCOUNT.c.currency)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the ledger that the gateway is to repeat; `key` is the same however often it is tried."""

    account_id: int
    seq: int
    org: str
    client_id: str
    amount: Money
    key: str


def accounts(unit: Unit, after: int, limit: int) -> list[int]:
    """Money accounts of clients with entries that are not repeated yet."""
    query = select(_ACCOUNT.c.id).where(
        _ACCOUNT.c.seq > _ACCOUNT.c.mirrored, _ACCOUNT.c.currency != COUNTS, _ACCOUNT.c.client_id != ORG_ITSELF,
        _ACCOUNT.c.id > after,
    )  # fmt: skip
    return list(unit.connection.scalars(query.order_by(_ACCOUNT.c.id).limit(limit)))


def next_entry(unit: Unit, account_id: int) -> Entry | None:
    """The account's oldest entry that is not repeated yet."""
    query = (
        select(_LEDGER.c.id, _LEDGER.c.seq, _LEDGER.c.amount, *_OWNER)
        .join(_ACCOUNT, _ACCOUNT.c.id == _LEDGER.c.account_id)
        .where(_ACCOUNT.c.id == account_id, _LEDGER.c.seq == _ACCOUNT.c.mirrored + 1)
    )
    row = unit.connection.execute(query).one_or_none()
    if row is None:
        return None
    key = f"{transfers.installation(unit)}:entry:{row.id}"
    return Entry(account_id, row.seq, row.org, row.client_id, Money(row.amount, row.currency), key)


def repeated(unit: Unit, entry: Entry) -> bool:
    """The gateway has it; False where another worker said so."""
    mine = (_ACCOUNT.c.id == entry.account_id) & (_ACCOUNT.c.mirrored == entry.seq - 1)
    return unit.connection.execute(update(_ACCOUNT).where(mine).values(mirrored=entry.seq)).rowcount == 1
