"""`flask referrals reconcile`: what was missed and what is wrong, told from the host's own invoices (§3.5).

Each referee's invoices, and every invoice that we have credit or a reward for, are met again as they now stand. What
that would change is what was missed. Without `repair` nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Table, exists, select
from sqlalchemy.orm import Session

from ..host import Host, Invoice
from ..models import AccountRow, HoldRow, ReferralRow
from ..money import Money
from ..services import invoices, ledger
from ..services.ties import find_ties
from ..services.unit import Unit
from .state import State

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_HOLD: Table = HoldRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_BATCH = 100
_OF_REFERRAL = (
    "id", "referee_id", "discount_invoice_id", "discount_minor", "discount_currency", "qualified_invoice_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that was missed (the kind of log line that makes it up), or is wrong and has to be looked at."""

    level: Literal["missed", "wrong"]
    org: str
    client_id: str
    invoice_id: str | None
    kind: str
    amount: Money | None = None


class _Enough(Exception):
    """Undoes what was only tried."""


@dataclass(slots=True)
class _Known:
    """An invoice that we know of, and what to say if the host has it no more."""

    client_id: str
    invoice_id: str
    currency: str


def reconcile(
    state: State, org: str | None = None, *, repair: bool = False, clients: Container[str] | None = None
) -> Iterator[Difference]:
    """Everything that differs, org by org; with `repair` it is done, in a transaction for each client.

    With `clients`, only of these. What only a person can judge is `wrong` and left as it is: an entry of the books that
    does not fit, credit that an invoice counts and nobody holds.
    """
    joined = replace(state, settings=replace(state.settings, transaction="joined", strict=True))
    session = state.session()
    for one in [org] if org is not None else list(state.host.orgs()):
        for client_id, known in _clients(session, one):
            if clients is None or client_id in clients:
                yield from _client(joined, one, client_id, known, repair)
        for fault in (*ledger.verify(session.connection(), one), *ledger.unheld(session.connection(), one)):
            if clients is None or fault.client_id in clients:
                yield Difference(level="wrong", org=one, client_id=fault.client_id, invoice_id=None, kind=fault.what)
        session.rollback()


def _clients(session: Session, org: str) -> Iterator[tuple[str, list[_Known]]]:
    """Clients with a live referral or with credit on invoices, in batches, and the invoices that we know of."""
    live = (_REFERRAL.c.org == org, _REFERRAL.c.live == 1)
    referred = select(*(_REFERRAL.c[name] for name in _OF_REFERRAL)).where(*live).order_by(_REFERRAL.c.id).limit(_BATCH)
    after: Any = 0
    while rows := session.connection().execute(referred.where(_REFERRAL.c.id > after)).all():
        after = rows[-1].id
        held = _held(session, org, [row.referee_id for row in rows])
        for row in rows:
            known = held.get(row.referee_id, [])
            for number in {row.discount_invoice_id if row.discount_minor else None, row.qualified_invoice_id} - {None}:
                known.append(_Known(row.referee_id, number, row.discount_currency or ""))
            yield row.referee_id, known
    holds = exists().where(_HOLD.c.account_id == _ACCOUNT.c.id, _HOLD.c.live == 1)
    is_referee = exists().where(*live, _REFERRAL.c.referee_id == _ACCOUNT.c.client_id)
    others = select(_ACCOUNT.c.client_id).where(_ACCOUNT.c.org == org, holds, ~is_referee).distinct()
    others, after = others.order_by(_ACCOUNT.c.client_id).limit(_BATCH), ""
    while ids := session.connection().scalars(others.where(_ACCOUNT.c.client_id > after)).all():
        after = ids[-1]
        yield from _held(session, org, ids).items()


def _held(session: Session, org: str, client_ids: Sequence[str]) -> dict[str, list[_Known]]:
    """The invoices of these clients that hold credit."""
    held: dict[str, list[_Known]] = {}
    query = select(_HOLD.c.client_id, _HOLD.c.invoice_id, _HOLD.c.currency).join(
        _ACCOUNT, _HOLD.c.account_id == _ACCOUNT.c.id
    )
    query = query.where(_ACCOUNT.c.org == org, _ACCOUNT.c.client_id.in_(client_ids), _HOLD.c.live == 1)
    for row in session.connection().execute(query):
        held.setdefault(row.client_id, []).append(_Known(*row))
    return held


def _client(state: State, org: str, client_id: str, known: list[_Known], repair: bool) -> Iterator[Difference]:
    session = state.session()
    found: list[Difference] = []
    try:
        state.run(_tried(state.host, org, client_id, known, found, repair), actor="reconcile")
        session.commit()
    except _Enough:
        session.rollback()
    except BaseException:
        session.rollback()
        raise
    yield from found


def _tried(
    host: Host, org: str, client_id: str, known: list[_Known], found: list[Difference], repair: bool
) -> Callable[[Unit], None]:
    def use_case(unit: Unit) -> None:
        found.clear()
        for record, value in _records(host, org, client_id, known):
            if record is None:
                invoices.follow_gone(unit, value)
            else:
                invoices.see(unit, record, value, new=lambda: False)
                found.extend(_credit(unit, record, host.invoice(record) or value))
        lines = [line for line in unit.lines if line["announces"] or line["kind"].startswith("credit_")]
        found.extend(
            Difference(
                level="missed",
                org=org,
                client_id=line["client_id"],
                invoice_id=line["invoice_id"],
                kind=line["kind"],
                amount=None if line["currency"] is None else Money(line["amount_minor"], line["currency"]),
            )
            for line in lines
        )
        if not repair:
            raise _Enough

    return use_case


def _records(host: Host, org: str, client_id: str, known: list[_Known]) -> Iterator[tuple[Any | None, Invoice]]:
    """The client's invoices as the host has them; those that it has no more, without a record, first."""
    there: list[tuple[Any, Invoice]] = []
    client = host.find_client(org, client_id)
    records = [] if client is None else list(host.client_invoices(host.client(client)))
    for record in records:
        value = host.invoice(record)
        if value is not None:
            there.append((record, value))
    ids = {value.id for _, value in there}
    for one in known:
        if one.invoice_id in ids:
            continue
        ids.add(one.invoice_id)
        record = host.find_invoice(org, one.invoice_id)
        value = None if record is None else host.invoice(record)
        if value is not None:
            there.append((record, value))
        else:
            none = Money.zero(one.currency or "USD")
            yield (
                None,
                Invoice(
                    id=one.invoice_id, client_id=one.client_id, org=org, subtotal=none, total=none, due=none, paid=none
                ),
            )
    yield from there


def _credit(unit: Unit, record: Any, invoice: Invoice) -> Iterator[Difference]:
    """Credit that the invoice counts against credit that is held on it."""
    if invoice.credit is None or invoice.void:
        return
    hold = find_ties(unit, invoice).hold
    held = 0 if hold is None or hold.state == "released" else hold.amount_minor
    if held == invoice.credit.minor:
        return
    repairable = hold is not None and hold.state == "held"
    yield Difference(
        level="missed" if repairable else "wrong",
        org=invoice.org,
        client_id=invoice.client_id,
        invoice_id=invoice.id,
        kind="credit_differs",
        amount=Money(held, invoice.currency),
    )
    if repairable:
        unit.apply_credit(record, Money(held, invoice.currency))
