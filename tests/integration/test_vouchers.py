"""Free services (R7): a voucher is used once, on a line of an invoice, and follows what becomes of both."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select, update

from flask_referrals import Invoice, Money, Outcome, Referrals
from flask_referrals.models import ActivityRow, LedgerRow, RewardRow
from flask_referrals.testing import FrozenClock
from tests.faults.workers import again
from tests.minihost import ClientRow, InvoiceRow, MiniHost, db, prepare_sqlite
from tests.worlds import World, usd

LINE = Table(
    "line",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("invoice_id", Integer, nullable=False),
    Column("service", String(100), nullable=False),
    Column("price", Integer, nullable=False),
    Column("off", Integer, nullable=False, default=0),
)
MOWING: dict[str, Any] = {"kinds": ["service"], "service": {"name": "Mowing"}}
PROCESSES = 4


class LineHost(MiniHost):
    """Invoices with lines in a table of their own; a voucher is a column of its line."""

    def invoice(self, record: Any) -> Invoice | None:
        found = super().invoice(record)
        if found is None:
            return None
        off = db.session.scalar(select(func.sum(LINE.c.off)).where(LINE.c.invoice_id == record.id)) or 0
        total = found.total - Money(int(off), record.currency)
        due = Money(max(0, total.minor - record.paid - record.credit), record.currency)
        return replace(found, total=total, due=due)

    def service_line(self, record: Any, service: str) -> Money | None:
        line = self._line(record, service)
        return None if line is None else Money(line.price - line.off, record.currency)

    def apply_voucher(self, record: Any, service: str, amount: Money) -> None:
        line = self._line(record, service)
        if line is not None:
            db.session.execute(update(LINE).where(LINE.c.id == line.id).values(off=amount.minor))

    def _line(self, record: Any, service: str) -> Any:
        mine = select(LINE).where(LINE.c.invoice_id == record.id, LINE.c.service == service)
        return db.session.execute(mine).one_or_none()


def make_app(url: str, clock: FrozenClock, **config: Any) -> Flask:
    """An app of that host."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=url, REFERRALS_STRICT=True, **config)
    db.init_app(app)
    extension = Referrals(LineHost(), db=db, clock=clock)
    extension.init_app(app)
    app.extensions["referrals_object"] = extension
    with app.app_context():
        prepare_sqlite(db.engine)
    return app


class LineWorld(World):
    """With lines, and with what staff see of a voucher."""

    def __init__(self, app: Flask, clock: FrozenClock) -> None:
        super().__init__(app, clock)
        self.host = LineHost()

    def lines(self, row: ClientRow, **prices: int) -> InvoiceRow:
        """An open invoice with these services."""
        invoice = InvoiceRow(client_id=row.id, subtotal=sum(prices.values()), org=row.org)
        db.session.add(invoice)
        db.session.flush()
        for service, price in prices.items():
            db.session.execute(insert(LINE).values(invoice_id=invoice.id, service=service, price=price))
        self.referrals.invoice_created(invoice)
        db.session.commit()
        return invoice

    def use(self, invoice: InvoiceRow) -> Outcome:
        """Use a voucher on it."""
        outcome = self.referrals.use_voucher(invoice)
        db.session.commit()
        return outcome

    def settle(self, invoice: InvoiceRow) -> None:
        """All that is due is paid."""
        value = self.host.invoice(invoice)
        assert value is not None
        invoice.paid, invoice.settled = invoice.paid + value.due.minor, True
        self.referrals.invoice_paid(invoice)
        db.session.commit()

    def void(self, invoice: InvoiceRow) -> None:
        """It is void."""
        invoice.void = True
        self.referrals.invoice_voided(invoice)
        db.session.commit()

    def off(self, invoice: InvoiceRow) -> list[int]:
        """What is off each of its lines."""
        return list(db.session.scalars(select(LINE.c.off).where(LINE.c.invoice_id == invoice.id).order_by(LINE.c.id)))

    def vouchers(self) -> list[tuple[str, str | None, str | None, int]]:
        """State of each reward and its voucher, the invoice that it is on, and what it took off."""
        found = select(RewardRow.state, RewardRow.voucher, RewardRow.voucher_invoice_id, RewardRow.voucher_minor)
        rows = db.session.execute(found.order_by(RewardRow.id))
        return [(state, voucher, invoice_id, off) for state, voucher, invoice_id, off in rows]

    def earn(self, jane: ClientRow, *names: str) -> list[InvoiceRow]:
        """Somebody new comes by Jane for each name, and pays."""
        found = []
        for name in names:
            invoice = self.invoice(self.client(name, self.code(jane)), 10000)
            self.settle(invoice)
            found.append(invoice)
        return found


@pytest.fixture
def garden(url: str) -> Iterator[LineWorld]:
    """A free mowing for every new client; the books are right in the end."""
    clock = FrozenClock()
    app = make_app(url, clock)
    with app.app_context():
        LINE.metadata.create_all(db.engine)
        found = LineWorld(app, clock)
        found.terms(discount=None, referrer_reward=MOWING)
        yield found
        db.session.rollback()
        assert found.faults() == []
        assert db.session.scalar(select(func.count()).select_from(LedgerRow)) == 0  # a service is no credit
        db.session.remove()
        db.engine.dispose()


def test_it_is_issued_and_used_on_its_line(garden: LineWorld) -> None:
    """R7: the line's whole price comes off before tax, once; nothing else on the invoice changes."""
    jane = garden.client("Jane Smith")
    garden.earn(jane, "Kiera Lopez")
    assert garden.vouchers() == [("issued", "open", None, 0)]
    invoice = garden.lines(jane, Raking=2000, Mowing=4500)
    assert garden.use(invoice) == Outcome(ok=True, amount=usd(4500))
    assert garden.off(invoice) == [0, 4500]
    assert garden.vouchers() == [("issued", "used", str(invoice.id), 4500)]
    garden.settle(invoice)
    assert invoice.paid == 2000
    other = garden.lines(jane, Mowing=4500)
    assert garden.use(other).reason == "no_voucher"
    assert garden.off(other) == [0]
    assert garden.kinds(jane).count("voucher_used") == 1


def test_no_line_no_use(garden: LineWorld) -> None:
    """R7: an invoice without the service, without a price for it, settled or void, or somebody else's, takes none."""
    jane = garden.client("Jane Smith")
    (kieras,) = garden.earn(jane, "Kiera Lopez")
    assert garden.use(garden.lines(jane, Raking=2000)).reason == "no_voucher"
    assert garden.use(garden.lines(jane, Raking=2000, Mowing=0)).reason == "no_voucher"
    assert garden.use(kieras).reason == "more_than_due"
    stranger = garden.client("Omar Reed")
    assert garden.use(garden.lines(stranger, Mowing=4500)).reason == "no_voucher"
    void = garden.lines(jane, Mowing=4500)
    garden.void(void)
    assert garden.use(void).reason == "more_than_due"
    euros = garden.lines(jane, Mowing=4500)
    euros.currency = "EUR"
    assert garden.use(euros).reason == "no_voucher"
    assert garden.vouchers() == [("issued", "open", None, 0)]


def test_up_to_its_stated_value(garden: LineWorld) -> None:
    """R7: of a dearer line only that much comes off, of a cheaper one its price."""
    worth = {"kinds": ["service"], "service": {"name": "Mowing", "value": "30.00"}}
    garden.terms(discount=None, referrer_reward=worth)
    jane = garden.client("Jane Smith")
    garden.earn(jane, "Kiera Lopez", "Omar Reed")
    dear, cheap = garden.lines(jane, Mowing=4500), garden.lines(jane, Mowing=1200)
    assert garden.use(dear).amount == usd(3000)
    assert garden.use(cheap).amount == usd(1200)
    assert [row[3] for row in garden.vouchers()] == [3000, 1200]


def test_one_of_each_service_on_an_invoice(garden: LineWorld) -> None:
    """R7: a second of the same service waits for another invoice; one of another service fits beside it."""
    jane = garden.client("Jane Smith")
    garden.earn(jane, "Kiera Lopez", "Omar Reed")
    garden.terms(discount=None, referrer_reward={"kinds": ["service"], "service": {"name": "Raking"}})
    garden.earn(jane, "Ben Hall")
    invoice = garden.lines(jane, Raking=2000, Mowing=4500)
    assert [garden.use(invoice).amount for _ in range(2)] == [usd(4500), usd(2000)]
    assert garden.use(invoice).reason == "no_voucher"
    assert garden.off(invoice) == [2000, 4500]
    assert [row[1] for row in garden.vouchers()] == ["used", "open", "used"]
    garden.settle(invoice)
    assert invoice.paid == 0


def test_in_place_of_what_was_there(garden: LineWorld) -> None:
    """R7: a changed line changes what comes off it, and a line that goes gives the voucher back."""
    jane = garden.client("Jane Smith")
    garden.earn(jane, "Kiera Lopez")
    invoice = garden.lines(jane, Raking=2000, Mowing=4500)
    garden.use(invoice)
    db.session.execute(update(LINE).where(LINE.c.service == "Mowing").values(price=5000))
    invoice.subtotal = 7000
    garden.referrals.invoice_changed(invoice)
    db.session.commit()
    assert garden.off(invoice) == [0, 5000]
    assert garden.vouchers() == [("issued", "used", str(invoice.id), 5000)]
    garden.referrals.invoice_changed(invoice)
    db.session.commit()
    assert garden.off(invoice) == [0, 5000]
    db.session.execute(update(LINE).where(LINE.c.service == "Mowing").values(service="Weeding"))
    garden.referrals.invoice_changed(invoice)
    db.session.commit()
    assert garden.vouchers() == [("issued", "open", None, 0)]
    assert "voucher_reopened" in garden.kinds(jane)


def test_a_void_invoice_gives_it_back(garden: LineWorld) -> None:
    """R7: open again, once, however often it is told; the void invoice keeps its figures."""
    jane = garden.client("Jane Smith")
    garden.earn(jane, "Kiera Lopez")
    invoice = garden.lines(jane, Mowing=4500)
    garden.use(invoice)
    garden.void(invoice)
    garden.void(invoice)
    assert garden.vouchers() == [("issued", "open", None, 0)]
    assert garden.off(invoice) == [4500]
    assert garden.kinds(jane).count("voucher_reopened") == 1
    following = garden.lines(jane, Mowing=6000)
    assert garden.use(following).amount == usd(6000)
    garden.void(invoice)
    assert garden.vouchers() == [("issued", "used", str(following.id), 6000)]


def test_a_full_refund_gives_it_back_a_part_does_not(garden: LineWorld) -> None:
    """R7: the refunded invoice is to be paid in full if it is paid again."""
    jane = garden.client("Jane Smith")
    garden.earn(jane, "Kiera Lopez")
    invoice = garden.lines(jane, Raking=2000, Mowing=4500)
    garden.use(invoice)
    garden.settle(invoice)
    garden.refund(invoice, 500)
    assert garden.vouchers()[0][1] == "used"
    garden.refund(invoice)
    assert garden.vouchers() == [("issued", "open", None, 0)]
    assert garden.off(invoice) == [0, 0]
    garden.settle(invoice)
    assert invoice.paid == 6500


def test_an_undo_cancels_it_unless_it_is_used(garden: LineWorld) -> None:
    """R7, U1: an open voucher goes with its reward; of a used one staff are told, and it stays on its invoice."""
    jane = garden.client("Jane Smith")
    kieras, omars = garden.earn(jane, "Kiera Lopez", "Omar Reed")
    invoice = garden.lines(jane, Mowing=4500)
    garden.use(invoice)
    garden.refund(kieras)
    garden.refund(omars)
    assert garden.vouchers() == [("reversed", "used", str(invoice.id), 4500), ("reversed", "cancelled", None, 0)]
    assert garden.off(invoice) == [4500]
    kept = select(ActivityRow.client_id, ActivityRow.invoice_id).where(ActivityRow.kind == "voucher_kept")
    assert [tuple(row) for row in db.session.execute(kept)] == [("", str(invoice.id))]
    assert garden.use(garden.lines(jane, Mowing=4500)).reason == "no_voucher"
    garden.void(invoice)  # it is not the client's any more
    assert [row[:2] for row in garden.vouchers()] == [("reversed", "cancelled"), ("reversed", "cancelled")]
    garden.settle(kieras)
    assert garden.vouchers()[2] == ("issued", "open", None, 0)


def test_what_is_paid_already_is_not_taken_off(garden: LineWorld) -> None:
    """R7: where less than the service is left to pay the voucher stays open; credit makes room for it."""
    jane = garden.client("Jane Smith")
    garden.earn(jane, "Kiera Lopez")
    invoice = garden.lines(jane, Raking=2000, Mowing=4500)
    invoice.paid = 3000
    db.session.commit()
    assert garden.use(invoice).reason == "more_than_due"
    assert garden.off(invoice) == [0, 0]
    assert garden.vouchers() == [("issued", "open", None, 0)]
    invoice.paid = 2000
    db.session.commit()
    assert garden.use(invoice).ok


def test_a_percentage_is_of_what_is_left(garden: LineWorld) -> None:
    """R3, R7: the basis of a percentage is without the service that was free; the books then have an entry for it."""
    jane = garden.client("Jane Smith")
    kiera = garden.client("Kiera Lopez", garden.code(jane))
    garden.earn(kiera, "Ben Hall")
    garden.terms(discount=None, referrer_reward=MOWING)
    invoice = garden.lines(kiera, Raking=2000, Mowing=4500)
    garden.use(invoice)
    garden.settle(invoice)
    assert garden.state(kiera) == "qualified"
    assert [row[:2] for row in garden.vouchers()] == [("issued", "used"), ("issued", "open")]


def test_it_has_no_expiry(garden: LineWorld) -> None:
    """K3, R7: the days of credit are not a voucher's; it is there years later."""
    garden.terms(discount=None, referrer_reward=MOWING, credit_expires_days=30)
    jane = garden.client("Jane Smith")
    garden.earn(jane, "Kiera Lopez")
    garden.clock.advance(days=2000)
    garden.referrals.work()
    assert db.session.scalar(select(RewardRow.expires_at)) is None
    assert garden.use(garden.lines(jane, Mowing=4500)).ok


def use_all(url: str, seed: int, name: str) -> int:
    """Use vouchers on every open invoice of that client's, in an order of its own; how many were granted."""
    app = make_app(url, FrozenClock(), REFERRALS_DELIVERY="worker")
    with app.app_context():
        try:
            owner = select(ClientRow.id).where(ClientRow.name == name).scalar_subquery()
            ids = list(db.session.scalars(select(InvoiceRow.id).where(InvoiceRow.client_id == owner)))
            db.session.commit()
            referrals = app.extensions["referrals_object"]
            granted = 0
            for invoice_id in ids if seed % 2 else reversed(ids):

                def use(invoice_id: int = invoice_id) -> bool:
                    return bool(referrals.use_voucher(db.session.get_one(InvoiceRow, invoice_id)).ok)

                granted += again(use)[0]
            return granted
        finally:
            db.session.remove()
            db.engine.dispose()


@pytest.mark.race
@pytest.mark.slow
def test_processes_use_one_voucher_at_once(garden: LineWorld, url: str) -> None:
    """R7: five vouchers and twelve invoices in four processes: five uses, each voucher and each invoice once."""
    jane = garden.client("Jane Smith")
    garden.earn(jane, *(f"Kiera {number}" for number in range(5)))
    invoices = [garden.lines(jane, Mowing=4500) for _ in range(12)]
    db.session.rollback()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        granted = pool.starmap(use_all, [(url, seed, "Jane Smith") for seed in range(PROCESSES)])
        pool.close()
        pool.join()
    assert sum(granted) == 5
    used = garden.vouchers()
    assert [row[1] for row in used] == ["used"] * 5
    assert len({row[2] for row in used}) == 5
    assert sorted(str(invoice.id) for invoice in invoices if sum(garden.off(invoice))) == sorted(
        str(row[2]) for row in used
    )
    told = select(func.count()).select_from(ActivityRow).where(ActivityRow.kind == "voucher_used")
    assert db.session.scalar(told) == 5
