"""The ledger: the one writer of credit (K1). Entries are chained by hash, accounts move only through them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, bindparam, func, insert, select, tuple_

from ..models import AccountRow, HoldRow, LedgerRow
from ..models.ledger import COUNTS, ORG_ITSELF
from ..money import Money
from .sql import insert_or_add, sole
from .unit import Unit

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
_OWNER = ("org", "client_id", "currency")
_STATE = (
    "id", "client_id", "currency", "balance", "held", "seq", "head", "referred", "qualified", "issued", "waiting",
    "month", "in_month", "in_year", "chosen", "linked",
)  # fmt: skip
_INSERT_ENTRY = insert(_LEDGER)

Owner = tuple[str, str]  # client id, currency


@dataclass(slots=True)
class Account:
    """An account that is locked by us until the transaction ends."""

    id: int
    org: str
    client_id: str
    currency: str
    balance: int
    held: int
    seq: int
    head: str
    referred: int
    qualified: int
    issued: int
    waiting: int
    month: str
    in_month: int
    in_year: int
    chosen: str | None
    linked: int

    @property
    def spendable(self) -> Money:
        """What the client can spend now: the balance less what is held; may be negative (K5)."""
        return Money(self.balance - self.held, self.currency)


#: What an entry's hash covers, beside the hash before it and the account's owner: all that it says.
HASHED = ("seq", "amount", "balance", "reason", "key", "referral_id", "invoice_id", "actor")


def entry_hash(head: str, owner: tuple[str, str, str], entry: Mapping[str, Any]) -> str:
    """The hash of an entry: over the hash before it, the account's org, client and currency, and the entry (K1)."""
    at = entry["at"].astimezone(UTC).isoformat()
    text = json.dumps([head, *owner, *(entry[name] for name in HASHED), at])
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Books:
    """Locked accounts of one org, and the entries that are about to be written to them."""

    unit: Unit
    org: str
    accounts: dict[Owner, Account]
    entries: list[dict[str, Any]] = field(default_factory=list)

    def post(
        self,
        client_id: str,
        amount: Money,
        reason: str,
        key: str,
        *,
        referral_id: int | None = None,
        invoice_id: str | None = None,
    ) -> None:
        """Put an entry of `amount` (signed) on the client's account; `key` makes it unrepeatable."""
        account = self.accounts[client_id, amount.currency]
        account.seq += 1
        account.balance += amount.minor
        entry: dict[str, Any] = {
            "account_id": account.id,
            "seq": account.seq,
            "amount": amount.minor,
            "balance": account.balance,
            "reason": reason,
            "key": key,
            "referral_id": referral_id,
            "invoice_id": invoice_id,
            "actor": self.unit.actor,
            "at": self.unit.now,
        }
        account.head = entry_hash(account.head, (self.org, client_id, amount.currency), entry)
        self.entries.append(entry | {"hash": account.head})

    def spendable(self, client_id: str, currency: str) -> int:
        """What the client can spend now, in minor units, with the entries that are about to be written."""
        account = self.accounts[client_id, currency]
        return account.balance - account.held

    def write(self) -> None:
        """Write the entries, in one statement; the trigger carries the accounts forward and refuses a misfit."""
        if self.entries:
            self.unit.connection.execute(_INSERT_ENTRY, sole(self.entries))
            self.entries = []


def open_books(unit: Unit, org: str, owners: Iterable[Owner], **counts: dict[str, int]) -> Books:
    """Make or find the accounts of `owners` and lock them, in one statement, always in the same order.

    `counts` adds to the clients' counts: `qualified={"jane": 1}`. Insert first: on MariaDB's REPEATABLE READ a lock
    followed by an insert deadlocks.
    """
    counted = {(client_id, COUNTS) for added in counts.values() for client_id in added}
    rows = [
        {
            "org": org,
            "client_id": client_id,
            "currency": currency,
            "balance": 0,
            "held": 0,
            "seq": 0,
            "head": "",
            **{
                name: counts.get(name, {}).get(client_id, 0) if currency == COUNTS else 0
                for name in ("referred", "qualified")
            },
        }
        for client_id, currency in sorted(counted | set(owners))
    ]
    statement = insert_or_add(unit.dialect, _ACCOUNT, _OWNER, ("referred", "qualified"), _STATE)
    return Books(unit, org, _accounts(org, unit.connection.execute(statement, sole(rows))))


_LOCK = (
    select(*(_ACCOUNT.c[name] for name in _STATE))
    .where(_ACCOUNT.c.org == bindparam("org"))
    .where(tuple_(_ACCOUNT.c.client_id, _ACCOUNT.c.currency).in_(bindparam("owners", expanding=True)))
    .order_by(_ACCOUNT.c.client_id, _ACCOUNT.c.currency)
    .with_for_update()
)


#: All accounts of the clients, whatever the currency.
_LOCK_ALL = (
    select(*(_ACCOUNT.c[name] for name in _STATE))
    .where(_ACCOUNT.c.org == bindparam("org"), _ACCOUNT.c.client_id.in_(bindparam("clients", expanding=True)))
    .order_by(_ACCOUNT.c.client_id, _ACCOUNT.c.currency)
    .with_for_update()
)


def lock_books(unit: Unit, org: str, owners: Iterable[Owner]) -> Books:
    """Lock accounts that are known to be there, in the same order as `open_books`."""
    found = unit.connection.execute(_LOCK, {"org": org, "owners": sorted(set(owners))})
    return Books(unit, org, _accounts(org, found))


def lock_all(unit: Unit, org: str, *client_ids: str) -> Books:
    """Lock every account of these clients, and the org's own budget rows, in the same order."""
    clients = sorted({ORG_ITSELF, *client_ids})
    return Books(unit, org, _accounts(org, unit.connection.execute(_LOCK_ALL, {"org": org, "clients": clients})))


def _accounts(org: str, rows: Iterable[Row[Any]]) -> dict[Owner, Account]:
    return {(row.client_id, row.currency): Account(org=org, **row._mapping) for row in rows}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in the books: which account, at which entry (0 for the account itself), and what."""

    org: str
    client_id: str
    currency: str
    seq: int
    what: str


def verify(connection: Connection, org: str | None = None) -> Iterator[Fault]:
    """Compare every account with its entries: no gap, each balance the sum so far, the hash chain unbroken (K1).

    Of each account the first wrong entry is told, since all that follow hang on it.
    """
    query = (
        select(
            _LEDGER.c.account_id, *(_ACCOUNT.c[name] for name in _OWNER), _ACCOUNT.c.balance.label("account_balance"),
            _ACCOUNT.c.seq.label("account_seq"), _ACCOUNT.c.head.label("account_head"), _ACCOUNT.c.id,
            *(_LEDGER.c[name] for name in (*HASHED, "at", "hash")),
        )
        .select_from(_ACCOUNT.outerjoin(_LEDGER, _LEDGER.c.account_id == _ACCOUNT.c.id))
        .where(_ACCOUNT.c.currency != COUNTS, _ACCOUNT.c.client_id != ORG_ITSELF)
        .order_by(_ACCOUNT.c.id, _LEDGER.c.seq)
    )  # fmt: skip
    if org is not None:
        query = query.where(_ACCOUNT.c.org == org)
    rows = connection.execution_options(yield_per=1000).execute(query)
    for _, entries in groupby(rows, key=lambda row: row.id):
        yield from _account_faults(entries)
    if org is None:
        yield from _orphans(connection)


def _account_faults(rows: Iterable[Any]) -> Iterator[Fault]:
    """The first thing wrong with one account's entries, which come in order; all are read, whatever is found."""
    seq = balance = 0
    head = ""
    fault: Fault | None = None
    row: Any = None
    for row in rows:
        if row.seq is None or fault is not None:
            continue
        owner = (row.org, row.client_id, row.currency)
        if row.seq != seq + 1:
            fault = Fault(*owner, seq + 1, "it is missing")
        elif row.balance != balance + row.amount:
            fault = Fault(*owner, row.seq, f"the balance should be {balance + row.amount}, not {row.balance}")
        elif row.hash != entry_hash(head, owner, row._mapping):
            fault = Fault(*owner, row.seq, "it was changed: its hash does not fit")
        seq, balance, head = row.seq, row.balance, row.hash
    if fault is None and (row.account_seq, row.account_balance, row.account_head) != (seq, balance, head):
        what = (
            f"the account says entry {row.account_seq} and balance {row.account_balance},"
            f" its entries end at {seq} with {balance}"
        )
        fault = Fault(row.org, row.client_id, row.currency, 0, what)
    if fault is not None:
        yield fault


def _orphans(connection: Connection) -> Iterator[Fault]:
    """Entries whose account is gone, which a database without foreign keys lets happen."""
    query = (
        select(_LEDGER.c.account_id, _LEDGER.c.seq)
        .select_from(_LEDGER.outerjoin(_ACCOUNT, _ACCOUNT.c.id == _LEDGER.c.account_id))
        .where(_ACCOUNT.c.id.is_(None))
        .order_by(_LEDGER.c.account_id, _LEDGER.c.seq)
    )
    for row in connection.execute(query):
        yield Fault("?", "?", "?", row.seq, f"its account {row.account_id} is gone")


def unheld(connection: Connection, org: str | None = None) -> Iterator[Fault]:
    """Accounts whose `held` is not the sum of what is held on invoices (K4)."""
    hold: Table = HoldRow.__table__  # type: ignore[assignment]
    total = func.coalesce(func.sum(hold.c.amount_minor), 0)
    query = (
        select(*(_ACCOUNT.c[name] for name in _OWNER), _ACCOUNT.c.held, total.label("total"))
        .select_from(_ACCOUNT.outerjoin(hold, and_(hold.c.account_id == _ACCOUNT.c.id, hold.c.state == "held")))
        .group_by(_ACCOUNT.c.id, *(_ACCOUNT.c[name] for name in _OWNER), _ACCOUNT.c.held)
        .having(_ACCOUNT.c.held != total)
    )
    if org is not None:
        query = query.where(_ACCOUNT.c.org == org)
    for row in connection.execute(query):
        yield Fault(row.org, row.client_id, row.currency, 0, f"{row.held} is held, its invoices hold {row.total}")
