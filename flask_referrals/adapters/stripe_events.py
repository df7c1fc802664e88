"""Stripe's events: verified, stored, then acted on once, in any order and however often they come (P5).

An event says that something happened, never how it stands: what it is about is asked for anew, so that an old one that
comes late overwrites nothing.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Table, select, update

from ..models import EventRow
from ..services import banks, mirror, transfers
from ..services.ports import AccountStatus, GatewayError
from ..services.sql import insert_once
from ..services.unit import Unit
from . import cashier, verbs
from .state import State
from .stripe import StripeGateway

log = logging.getLogger("flask_referrals")
_EVENT: Table = EventRow.__table__  # type: ignore[assignment]
BATCH = 100
#: After so many tries an event waits for `flask referrals stripe events --failed`.
TRIES = 8


class NotYetError(Exception):
    """What the event is about is not there yet: it is tried again."""


def take(state: State, gateway: StripeGateway, body: bytes, header: str | None) -> bool:
    """Verify an event, store it and act on it; False where it is none of ours. SignatureError where nobody signed it.

    Once it is stored it is acted on, now or by the worker: Stripe need not send it again.
    """
    event = gateway.verified(body, header)
    if bool(event.get("livemode")) != gateway.live(_org(state, event)):
        log.warning("event %s is of another mode than the key; ignored", event["id"])
        return False
    if event["type"] not in _ACTS and not event["type"].startswith("v2.core.account"):
        return False
    source = str(event.get("account") or event.get("context") or "own")[:190]
    now = state.now()
    row = {
        "source": source, "event_id": event["id"][:190], "kind": event["type"][:200], "body": event, "came_at": now,
        "next_at": now, "tries": 0,
    }  # fmt: skip

    def store(unit: Unit) -> int | None:
        found = unit.connection.execute(insert_once(unit.dialect, _EVENT), row).scalar()
        return None if found is None else int(found)

    event_id = cashier.run(state, store, actor="stripe")
    if event_id is not None:
        act(state, gateway, event_id)
    return True


def _org(state: State, event: dict[str, Any]) -> str:
    """The org whose account it is about, else the first."""
    account_id = _account_of(event)
    if account_id:
        bank = cashier.run(state, partial(banks.of_account, account_id=account_id))
        if bank is not None:
            return bank.org
    return next(iter(state.host.orgs()))


def _account_of(event: dict[str, Any]) -> str | None:
    related = event.get("related_object") or {}
    found = event.get("account") or (related.get("id") if event["type"].startswith("v2.core.account") else None)
    return None if found is None else str(found)


def due(unit: Unit, after: int, limit: int) -> list[int]:
    """Stored events that are still to be acted on."""
    query = select(_EVENT.c.id).where(_EVENT.c.next_at <= unit.now, _EVENT.c.id > after)
    return list(unit.connection.scalars(query.order_by(_EVENT.c.id).limit(limit)))


def failed(unit: Unit) -> list[Any]:
    """Stored events that were never done, oldest first."""
    query = select(_EVENT).where(_EVENT.c.done_at.is_(None)).order_by(_EVENT.c.id)
    return list(unit.connection.execute(query))


def work(state: State) -> int:
    """Act on what is stored and due; how many were done."""
    gateway = state.gateway
    if not isinstance(gateway, StripeGateway):
        return 0
    if gateway.mirrors is not None:
        repeat_credit(state, gateway)
    count, after = 0, 0
    while found := cashier.run(state, partial(due, after=after, limit=BATCH)):
        count += sum(act(state, gateway, event_id) for event_id in found)
        after = found[-1]
    return count


def repeat_credit(state: State, gateway: StripeGateway) -> int:
    """Repeat new entries of credit on Stripe's customer balances, each account in its order; how many."""
    count, after = 0, 0
    while found := cashier.run(state, partial(mirror.accounts, after=after, limit=BATCH)):
        for account_id in found:
            try:
                while entry := cashier.run(state, partial(mirror.next_entry, account_id=account_id)):
                    if not gateway.repeat(entry):
                        break
                    count += cashier.run(state, partial(mirror.repeated, entry=entry))
            except GatewayError as error:
                log.warning("credit of account %s could not be repeated: %s", account_id, error.code)
        after = found[-1]
    return count


def act(state: State, gateway: StripeGateway, event_id: int) -> bool:
    """Act on a stored event; whether it is done now. What goes wrong is kept with it, and tried again later."""
    read = select(_EVENT.c.body).where(_EVENT.c.id == event_id)
    try:
        event: dict[str, Any] = cashier.run(state, lambda unit: unit.connection.execute(read).scalar_one())
        step = _ACTS.get(event["type"], _account)
        step(state, gateway, event)
    except Exception as error:
        state.session().rollback()
        if not isinstance(error, NotYetError | GatewayError):
            log.exception("event %s went wrong; it is tried again", event_id)
        cashier.run(state, partial(_put_off, event_id=event_id, error=f"{type(error).__name__}: {error}"))
        return False
    done = update(_EVENT).where(_EVENT.c.id == event_id, _EVENT.c.done_at.is_(None))
    values = {"done_at": state.now(), "next_at": None, "error": None}
    return cashier.run(state, lambda unit: unit.connection.execute(done.values(**values)).rowcount == 1)


def _put_off(unit: Unit, event_id: int, error: str) -> None:
    tries = int(unit.connection.scalar(select(_EVENT.c.tries).where(_EVENT.c.id == event_id)) or 0) + 1
    next_at = unit.now + transfers.pause(tries) if tries < TRIES else None
    change = update(_EVENT).where(_EVENT.c.id == event_id)
    unit.connection.execute(change.values(tries=tries, error=error[:500], next_at=next_at))


# -- what each is about ----------------------------------------------------------------------------------------------


def _account(state: State, gateway: StripeGateway, event: dict[str, Any]) -> None:
    """How the account stands is asked for: what the event says of it may be old."""
    account_id = _account_of(event) or str(event["data"]["object"]["id"])
    bank = cashier.run(state, partial(banks.of_account, account_id=account_id))
    if bank is not None:
        cashier.observe(state, bank.org, account_id)


def _deauthorised(state: State, gateway: StripeGateway, event: dict[str, Any]) -> None:
    """The client has cut us off; Stripe says 403 from then on, which is asked for as well."""
    account_id = str(event.get("account") or "")
    bank = cashier.run(state, partial(banks.of_account, account_id=account_id))
    if bank is not None:
        status = gateway.account(bank.org, account_id)
        if status.state == "closed":
            closed = AccountStatus(state="closed")
            cashier.run(state, partial(banks.observe, account_id=account_id, status=closed), actor="stripe")


def _transfer(state: State, gateway: StripeGateway, event: dict[str, Any]) -> None:
    """A transfer of ours that was made closes its payout, should the answer have been lost."""
    found = event["data"]["object"]
    group = str((found.get("metadata") or {}).get("referrals_payout") or "")
    installation, _, payout_id = group.rpartition(":")

    def use_case(unit: Unit) -> None:
        if payout_id.isdigit() and installation == transfers.installation(unit):
            transfers.found(unit, int(payout_id), str(found["id"]), str(found["destination"]))

    cashier.run(state, use_case, actor="stripe")


def _bank_payout(state: State, gateway: StripeGateway, event: dict[str, Any]) -> None:
    """What Stripe paid to the client's bank, or got back: every transfer to that account from before it is in it."""
    account_id, seen = str(event.get("account") or ""), event["data"]["object"]
    bank = cashier.run(state, partial(banks.of_account, account_id=account_id))
    if bank is None:
        return
    now = gateway.call(bank.org, "get", f"/v1/payouts/{seen['id']}", stripe_account=account_id)
    until = datetime.fromtimestamp(now["created"], UTC)
    currency = str(now["currency"]).upper()
    if now["status"] not in ("paid", "failed"):
        return
    landed = now["status"] == "paid"

    def use_case(unit: Unit) -> None:
        found = transfers.in_bank_payout(unit, account_id, currency, until + timedelta(seconds=1), landed=landed)
        for payout_id in found:
            (transfers.paid if landed else transfers.bounced)(unit, payout_id)

    cashier.run(state, use_case, actor="stripe")


def _invoice(state: State, gateway: StripeGateway, event: dict[str, Any]) -> None:
    """An invoice that Stripe billed: its own facts are the host's to say, so that it is tried until the host knows."""
    found, kind = event["data"]["object"], event["type"]
    if kind == "invoice.paid" and not found.get("amount_paid"):
        return  # a trial, a coupon over all of it, or credit: nothing was paid
    if kind == "charge.dispute.closed" and found.get("status") != "lost":
        return
    invoice_id = str(found["id"]) if kind == "invoice.paid" else _billed(state, gateway, event)
    record = state.host.find_stripe_invoice(invoice_id) if invoice_id else None
    if record is None:
        return
    value = state.host.invoice(record)
    if kind == "invoice.paid" and (value is None or not value.settled):
        raise NotYetError(f"the app does not say yet that {invoice_id} is paid")
    reason = "dispute" if kind == "charge.dispute.closed" else None
    verbs.invoice_event(state, record, "paid" if kind in ("invoice.paid", "refund.failed") else "refunded", reason)
    state.session().commit()


def _billed(state: State, gateway: StripeGateway, event: dict[str, Any]) -> str | None:
    """The invoice that a charge, refund or dispute belongs to: since 2025 only its payments say so."""
    found = event["data"]["object"]
    intent = found.get("payment_intent")
    if not intent:
        return None
    org = next(iter(state.host.orgs()))
    payment = {"type": "payment_intent", "payment_intent": str(intent)}
    rows = gateway.call(org, "get", "/v1/invoice_payments", payment=payment)["data"]
    return str(rows[0]["invoice"]) if rows else None


_ACTS = {
    "account.updated": _account,
    "account.application.deauthorized": _deauthorised,
    "transfer.created": _transfer,
    "payout.paid": _bank_payout,
    "payout.failed": _bank_payout,
    "invoice.paid": _invoice,
    "charge.refunded": _invoice,
    "refund.failed": _invoice,
    "charge.dispute.closed": _invoice,
}
