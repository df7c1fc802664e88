"""What the processes of a race do; each has an app and connections of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from flask_referrals import Money
from tests.minihost import ClientRow, InvoiceRow, MiniHost, create_app, db


def _in_app(url: str, work: Callable[[Any], int], config: dict[str, Any]) -> int:
    app = create_app(url, REFERRALS_STRICT=True, **config)
    with app.app_context():
        try:
            return work(app.extensions["referrals_object"])
        finally:
            db.session.remove()
            db.engine.dispose()


def again(step: Callable[[], Any]) -> tuple[Any, int]:
    """Do a step and commit, anew where the database says so (a deadlock, say); what it gave, and how often not."""
    for failures in range(50):
        try:
            found = step()
            db.session.commit()
        except DBAPIError:
            db.session.rollback()
            time.sleep(random.random() / 50)
        else:
            return found, failures
    raise AssertionError("50 tries were not enough")


def pay_all(url: str, seed: int, config: dict[str, Any]) -> int:
    """Pay every invoice that is there, in an order of its own, and say how often the database refused."""

    def work(referrals: Any) -> int:
        ids = list(db.session.scalars(select(InvoiceRow.id)))
        db.session.commit()
        random.Random(seed).shuffle(ids)
        failures = 0
        for invoice_id in ids:

            def pay(invoice_id: int = invoice_id) -> None:
                invoice = db.session.get_one(InvoiceRow, invoice_id)
                invoice.paid, invoice.settled = invoice.total, True
                referrals.invoice_paid(invoice)

            failures += again(pay)[1]
        return failures

    return _in_app(url, work, config)


def spend_at_random(url: str, seed: int, config: dict[str, Any]) -> int:
    """Put random credit on one's own open invoices, take it off, pay and refund them, all of one client's account."""

    def work(referrals: Any) -> int:
        choice = random.Random(seed)
        client = db.session.scalars(select(ClientRow).where(ClientRow.name == "Jane Smith")).one()
        client_id = client.id
        db.session.commit()
        granted = 0
        for _ in range(config.get("ROUNDS", 40)):

            def step() -> bool:
                invoice = InvoiceRow(client_id=client_id, subtotal=choice.randrange(1, 3000))
                db.session.add(invoice)
                db.session.flush()
                return bool(referrals.use_credit(invoice, Money(choice.randrange(1, invoice.subtotal + 1), "USD")).ok)

            granted += again(step)[0]

            def settle() -> None:
                mine = select(InvoiceRow).where(InvoiceRow.client_id == client_id, InvoiceRow.credit > 0)
                invoice = choice.choice(list(db.session.scalars(mine.limit(20))) or [None])
                if invoice is None:
                    return
                if choice.random() < 0.3:
                    referrals.take_off_credit(invoice)
                elif invoice.settled:
                    invoice.paid, invoice.credit, invoice.settled = 0, 0, False
                    referrals.invoice_refunded(invoice)
                elif choice.random() < 0.1:
                    invoice.paid, invoice.settled = invoice.total - invoice.credit, True
                    referrals.invoice_paid(invoice)

            again(settle)
        return granted

    return _in_app(url, work, config)


def register_all(url: str, seed: int, config: dict[str, Any]) -> int:
    """Bind every unbound client to a referrer of this process's own choice; how many were bound by it."""

    def work(referrals: Any) -> int:
        codes = config["CODES"]
        ids = list(db.session.scalars(select(ClientRow.id).where(ClientRow.name == "New Comer")))
        db.session.commit()
        bound = 0
        for client_id in ids:

            def register(client_id: int = client_id) -> bool:
                client = db.session.get_one(ClientRow, client_id)
                return bool(referrals.client_registered(client, codes[seed % len(codes)]).ok)

            bound += again(register)[0]
        return bound

    return _in_app(url, work, config)


def maintain(url: str, seed: int, config: dict[str, Any]) -> int:
    """Do all that is due so many days later; how many rewards were issued."""
    days = config.pop("DAYS")

    def work(referrals: Any) -> int:
        referrals._clock.advance(days=days)
        return int(referrals.work().issued)

    return _in_app(url, work, config)


def spend_and_expire(url: str, seed: int, config: dict[str, Any]) -> int:
    """As time goes by, put credit of one client's on invoices and take it off, while what is due expires."""

    def work(referrals: Any) -> int:
        choice = random.Random(seed)
        client_id = db.session.scalars(select(ClientRow.id).where(ClientRow.name == "Jane Smith")).one()
        db.session.commit()
        referrals._clock.advance(days=36)
        for _ in range(15):
            invoice_id, _failures = again(lambda: _with_credit(referrals, client_id, choice.randrange(1, 3000)))
            if choice.random() < 0.6:
                again(partial(_without_credit, referrals, invoice_id))
            referrals._clock.advance(days=choice.choice([0, 0, 3]))
            referrals.work()
        return 0

    return _in_app(url, work, config)


def _with_credit(referrals: Any, client_id: int, subtotal: int) -> int:
    invoice = InvoiceRow(client_id=client_id, subtotal=subtotal)
    db.session.add(invoice)
    db.session.flush()
    referrals.use_credit(invoice)
    return invoice.id


def _without_credit(referrals: Any, invoice_id: int) -> None:
    referrals.take_off_credit(db.session.get_one(InvoiceRow, invoice_id))


def spend_refund_and_expire(url: str, seed: int, config: dict[str, Any]) -> int:
    """Spend Jane's credit or give it back, refund those who brought it or let them pay again, expire what is due.

    For so many seconds, each of which is four days; how often credit was granted.
    """

    def work(referrals: Any) -> int:
        choice = random.Random(seed)
        clock = current_app.extensions["referrals"].now
        first, begun = clock(), time.monotonic()
        jane = db.session.scalars(select(ClientRow).where(ClientRow.name == "Jane Smith")).one()
        value, jane_id = MiniHost().client(jane), jane.id
        earning = list(db.session.scalars(select(InvoiceRow.id).where(InvoiceRow.client_id != jane_id)))
        db.session.commit()
        granted = 0
        mine: list[int] = []
        while time.monotonic() - begun < config["SECONDS"]:
            clock.move_to(first + timedelta(days=4 * (time.monotonic() - begun)))

            def spend() -> tuple[int, bool]:
                invoice = InvoiceRow(client_id=jane_id, subtotal=choice.randrange(1, 300))
                db.session.add(invoice)
                db.session.flush()
                ok = bool(referrals.use_credit(invoice).ok)
                assert not ok or referrals.balance(value, "USD").available.minor >= 0, "overspent"
                if ok and choice.random() < 0.5:
                    invoice.paid, invoice.settled = max(0, invoice.total - invoice.credit), True
                    referrals.invoice_paid(invoice)
                return invoice.id, ok

            def give_back(number: int = choice.randrange(10**6)) -> None:
                if mine:
                    _without_credit(referrals, mine[number % len(mine)])

            def undo_or_redo(invoice_id: int = choice.choice(earning)) -> None:
                invoice = db.session.get_one(InvoiceRow, invoice_id, with_for_update=True)
                if invoice.settled:
                    invoice.paid, invoice.settled = 0, False
                    referrals.invoice_refunded(invoice)
                else:
                    invoice.paid, invoice.settled = invoice.total, True
                    referrals.invoice_paid(invoice)

            what = choice.random()
            if what < 0.4:
                (invoice_id, ok), _ = again(spend)
                mine.append(invoice_id)
                granted += ok
            elif what < 0.55:
                again(give_back)
            elif what < 0.8:
                again(undo_or_redo)
            else:
                again(referrals.work)
        return granted

    return _in_app(url, work, config)
