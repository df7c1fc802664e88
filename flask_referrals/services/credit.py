"""Credit on invoices: held while the invoice is open, captured by its payment, released by what undoes it (K2, K4)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, and_, bindparam, select, update

from ..domain import states
from ..domain.credit import CreditRefused, credit_to_hold
from ..domain.lots import Lot, Parts, give_back, spend
from ..host import Invoice
from ..models import AccountRow, HoldRow, RewardRow
from ..models.ledger import COUNTS
from ..money import Money
from . import lots
from .ledger import Books, lock_books
from .outcomes import Outcome
from .sql import made
from .ties import HoldTie, hold_now
from .unit import ConflictError, Unit

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_HOLD: Table = HoldRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: The client's accounts, the lots of each, and what is held on this invoice, in one statement.
_WALLET = (
    select(
        *(_ACCOUNT.c[name] for name in ("id", "currency", "balance", "held")),
        _HOLD.c.id.label("hold_id"),
        _HOLD.c.amount_minor,
        _HOLD.c.state,
        _HOLD.c.parts,
        _REWARD.c.id.label("lot_id"),
        _REWARD.c.expires_at,
        _REWARD.c.remaining_minor,
    )
    .select_from(
        _ACCOUNT.outerjoin(
            _HOLD,
            and_(
                _HOLD.c.org == _ACCOUNT.c.org,
                _HOLD.c.invoice_id == bindparam("invoice_id"),
                _HOLD.c.live == 1,
                _HOLD.c.account_id == _ACCOUNT.c.id,
            ),
        ).outerjoin(
            _REWARD,
            and_(
                _REWARD.c.org == _ACCOUNT.c.org,
                _REWARD.c.client_id == _ACCOUNT.c.client_id,
                _REWARD.c.currency == _ACCOUNT.c.currency,
                lots.IS_OPEN,
            ),
        )
    )
    .where(_ACCOUNT.c.org == bindparam("org"), _ACCOUNT.c.client_id == bindparam("client_id"))
    .where(_ACCOUNT.c.currency != COUNTS)
)
_WALLET_LOCKED = _WALLET.with_for_update(of=_ACCOUNT)
_SPEND = (
    update(_ACCOUNT)
    .where(_ACCOUNT.c.id == bindparam("account_id"))
    .where(_ACCOUNT.c.balance - _ACCOUNT.c.held >= bindparam("delta", type_=_ACCOUNT.c.held.type))
    .values(held=_ACCOUNT.c.held + bindparam("delta", type_=_ACCOUNT.c.held.type))
)
_RESIZE = (
    update(_HOLD)
    .where(_HOLD.c.id == bindparam("hold_id"), _HOLD.c.state == "held")
    .where(_HOLD.c.amount_minor == bindparam("old"))
    .values(amount_minor=bindparam("new"), changed_at=bindparam("now"), parts=bindparam("lots"))
)


def use_credit(unit: Unit, record: Any, invoice: Invoice, asked: Money | None) -> Outcome:
    """Hold credit of the client's on its open invoice, `asked` or as much as possible, in place of what was held (K4).

    Refused with `no_credit`, `currency_mismatch`, `not_enough_credit`, `more_than_due`. MoneyError if `asked` is in
    another currency than the invoice, or not above zero.
    """
    if asked is not None:
        invoice.subtotal.same(asked)
    rows = _wallet(unit, invoice)
    account = next((row for row in rows if row.currency == invoice.currency), None)
    if account is None or (account.hold_id is None and account.balance <= account.held):
        elsewhere = any(row.balance > row.held for row in rows if row.currency != invoice.currency)
        return Outcome(ok=False, reason="currency_mismatch" if elsewhere else "no_credit")
    if invoice.settled or invoice.void:
        return Outcome(ok=False, reason="more_than_due")
    old = account.amount_minor or 0
    available = Money(account.balance - account.held + old, invoice.currency)
    try:
        amount = credit_to_hold(available, Money(invoice.due.minor + old, invoice.currency), asked)
    except CreditRefused as refused:
        return Outcome(ok=False, reason=refused.reason)
    if amount.minor != old:
        open_lots = [Lot(row.lot_id, row.expires_at, row.remaining_minor) for row in rows if _is_lot(row, account)]
        _hold(unit, invoice, account, amount, open_lots)
        unit.apply_credit(record, amount)
    return Outcome(ok=True, amount=amount)


def _wallet(unit: Unit, invoice: Invoice) -> list[Any]:
    """The client's accounts with their lots; lots that are past their expiry leave first (K3).

    After a conflict the account is locked by a statement of its own: the one that waits for a lock may see older lots.
    """
    if unit.again:
        lock_books(unit, invoice.org, [(invoice.client_id, invoice.currency)])
    binds = {"org": invoice.org, "client_id": invoice.client_id, "invoice_id": invoice.id}
    rows = list(unit.connection.execute(_WALLET_LOCKED if unit.again else _WALLET, binds))
    if any(row.lot_id is not None and row.expires_at <= unit.now for row in rows if row.currency == invoice.currency):
        books = lock_books(unit, invoice.org, [(invoice.client_id, invoice.currency)])
        lots.expire_lapsed(unit, books, invoice.client_id, invoice.currency)
        books.write()
        rows = list(unit.connection.execute(_WALLET_LOCKED if unit.again else _WALLET, binds))
    return rows


def _is_lot(row: Any, account: Any) -> bool:
    return row.lot_id is not None and row.id == account.id


def _hold(unit: Unit, invoice: Invoice, account: Any, amount: Money, open_lots: list[Lot]) -> None:
    """Move the account's held sum and the hold to `amount`; each statement carries its own guard (K2)."""
    old = account.amount_minor or 0
    binds = {"account_id": account.id, "delta": amount.minor - old}
    if unit.connection.execute(_SPEND, binds).rowcount != 1:
        raise ConflictError("the credit was spent beside us")
    back: Parts = []
    had: Parts = [(lot_id, part) for lot_id, part in account.parts or ()]
    if amount.minor > old:
        more = spend(open_lots, amount.minor - old, unit.now)
        lots.take(unit, more)
        parts = _joined(had, more)
    else:
        parts, back = give_back(had, old, old - amount.minor)
    if account.hold_id is None:
        row = {
            "org": invoice.org,
            "invoice_id": invoice.id,
            "client_id": invoice.client_id,
            "account_id": account.id,
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "state": "held",
            "live": 1,
            "made_at": unit.now,
            "changed_at": unit.now,
            "parts": parts or None,
        }
        if made(unit.connection, _HOLD, row) is None:
            raise ConflictError("credit was put on this invoice beside us")
    else:
        resize = {"hold_id": account.hold_id, "old": old, "new": amount.minor, "now": unit.now, "lots": parts or None}
        if unit.connection.execute(_RESIZE, resize).rowcount != 1:
            raise ConflictError("the hold changed beside us")
    kind = "credit_held" if amount.minor > old else "credit_released"
    changed = Money(abs(amount.minor - old), amount.currency)
    unit.record(kind, invoice.org, invoice.client_id, invoice_id=invoice.id, amount=changed)
    if back:
        books = lock_books(unit, invoice.org, [(invoice.client_id, amount.currency)])
        lots.put_back(unit, books, back, invoice.id)
        books.write()


def _joined(had: Parts, more: Parts) -> Parts:
    """What a hold is made of when it grows: each lot once, in the order in which they were taken."""
    found = dict(had)
    for lot_id, part in more:
        found[lot_id] = found.get(lot_id, 0) + part
    return list(found.items())


def follow(unit: Unit, hold_id: int, invoice: Invoice, record: Any, books: Books) -> None:
    """Bring the credit on an invoice to where the invoice stands: captured, resized, or released (K4).

    `books` has the payer's account locked; the hold is read again under that lock.
    """
    hold = hold_now(unit, hold_id)
    if not needs_following(hold, invoice):
        return
    room = max(0, invoice.total.minor - invoice.paid.minor)
    if hold.state == "held":
        if invoice.void:
            _release(unit, hold, books, keep=0)
        elif invoice.settled:
            _spend(unit, hold, invoice, books)
            return
        else:
            _release(unit, hold, books, keep=room)
        unit.apply_credit(record, Money(0 if invoice.void else room, hold.currency))
        return
    stays = 0 if invoice.void or not invoice.settled else hold.amount_minor
    if invoice.credit is not None:
        stays = min(stays, invoice.credit.minor)
    if stays < hold.amount_minor:
        _release(unit, hold, books, keep=stays)
        if invoice.credit is None or invoice.credit.minor != stays:
            unit.apply_credit(record, Money(stays, hold.currency))


def _spend(unit: Unit, hold: HoldTie, invoice: Invoice, books: Books) -> None:
    """Capture what the paid invoice counts; the rest of the hold goes back, where staff took credit off by hand."""
    counted = hold.amount_minor if invoice.credit is None else max(invoice.credit.minor, 0)
    if counted < hold.amount_minor:
        _release(unit, hold, books, keep=counted)
    if counted:
        _capture(unit, hold_now(unit, hold.id) if counted < hold.amount_minor else hold, books)


def needs_following(hold: HoldTie, invoice: Invoice) -> bool:
    """Whether `follow` would change anything: so that a repeated event locks nothing."""
    if hold.state == "released":
        return False
    if hold.state == "held":
        return invoice.void or invoice.settled or hold.amount_minor > invoice.total.minor - invoice.paid.minor
    kept = hold.amount_minor if invoice.credit is None else invoice.credit.minor
    return invoice.void or not invoice.settled or kept < hold.amount_minor


def take_off(unit: Unit, record: Any, invoice: Invoice) -> Outcome:
    """Release what is held on an open invoice; ok and without effect where nothing is."""
    binds = {"org": invoice.org, "client_id": invoice.client_id, "invoice_id": invoice.id}
    account = next((row for row in unit.connection.execute(_WALLET, binds) if row.hold_id is not None), None)
    if account is None or account.state != "held":
        return Outcome(ok=True, amount=Money.zero(invoice.currency))
    books = lock_books(unit, invoice.org, [(invoice.client_id, account.currency)])
    hold = hold_now(unit, account.hold_id)
    if hold.state != "held":
        return Outcome(ok=True, amount=Money.zero(invoice.currency))
    amount = Money(hold.amount_minor, hold.currency)
    _release(unit, hold, books, keep=0)
    books.write()
    unit.apply_credit(record, Money.zero(hold.currency))
    return Outcome(ok=True, amount=amount)


def _change(unit: Unit, hold: HoldTie, state: str, amount: int, parts: Parts) -> None:
    """Write a hold's new state and amount, if it still stands as it was read."""
    changed = unit.connection.execute(
        update(_HOLD)
        .where(_HOLD.c.id == hold.id, _HOLD.c.state == hold.state, _HOLD.c.amount_minor == hold.amount_minor)
        .values(
            state=state,
            amount_minor=amount,
            live=None if state == "released" else 1,
            changed_at=unit.now,
            parts=parts or None,
        )
    )
    if changed.rowcount != 1:
        raise ConflictError("the credit on this invoice changed beside us")


def _unhold(unit: Unit, hold: HoldTie, amount: int) -> None:
    statement = update(_ACCOUNT).where(_ACCOUNT.c.id == hold.account_id).values(held=_ACCOUNT.c.held - amount)
    unit.connection.execute(statement)


def _capture(unit: Unit, hold: HoldTie, books: Books) -> None:
    amount = Money(hold.amount_minor, hold.currency)
    _change(unit, hold, states.step("credit on an invoice", hold.state, "captured"), hold.amount_minor, hold.lots)
    _unhold(unit, hold, hold.amount_minor)
    books.accounts[hold.client_id, hold.currency].held -= hold.amount_minor
    books.post(hold.client_id, -amount, "redemption", f"hold:{hold.id}:capture", invoice_id=hold.invoice_id)
    unit.record("credit_captured", hold.org, hold.client_id, invoice_id=hold.invoice_id, amount=amount)


def _release(unit: Unit, hold: HoldTie, books: Books, *, keep: int) -> None:
    back = Money(hold.amount_minor - keep, hold.currency)
    stay, returned = give_back(hold.lots, hold.amount_minor, back.minor)
    if keep:
        _change(unit, hold, hold.state, keep, stay)
    else:
        _change(unit, hold, states.step("credit on an invoice", hold.state, "released"), hold.amount_minor, hold.lots)
    if hold.state == "held":
        _unhold(unit, hold, back.minor)
        books.accounts[hold.client_id, hold.currency].held -= back.minor
    else:
        key = f"hold:{hold.id}:release:{keep}"
        books.post(hold.client_id, back, "release", key, invoice_id=hold.invoice_id)
    unit.record("credit_released", hold.org, hold.client_id, invoice_id=hold.invoice_id, amount=back)
    lots.put_back(unit, books, returned, hold.invoice_id)
