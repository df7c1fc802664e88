"""Discounts that the host pulls, and hosts that cannot give them to the last cent (D2, D3, D5; architecture §3.6)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from flask_referrals import Host, Money, MoneyError, percent_for
from tests.minihost import ClientRow, InvoiceRow, MiniHost, db
from tests.worlds import World, usd

pytestmark = pytest.mark.mostly_sqlite


@pytest.fixture
def kiera(world: World) -> ClientRow:
    """A client who came by Jane, of a host that pulls."""
    world.terms()
    return world.client("Kiera Lopez", world.code(world.client("Jane Smith")))


@pytest.fixture
def pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host writes no apply_discount."""
    monkeypatch.setattr(MiniHost, "apply_discount", Host.apply_discount)


def build(client: ClientRow, subtotal: int, discount: int) -> InvoiceRow:
    """An invoice that comes with its discount."""
    row = InvoiceRow(client_id=client.id, subtotal=subtotal, discount=discount)
    db.session.add(row)
    db.session.flush()
    return row


def test_quote_confirm_pay(world: World, kiera: ClientRow, pulled: None) -> None:
    """D2, D3: asked before there is an invoice, used by being confirmed, once."""
    client = world.value(kiera)
    assert world.referrals.quote(client, usd(20000)) == usd(3000)
    assert world.referrals.quote(client, usd(20000)) == usd(3000)
    invoice = build(kiera, 20000, 3000)
    for _ in range(2):
        assert world.referrals.confirm_discount(invoice).amount == usd(3000)
    assert world.kinds(kiera).count("discount_applied") == 1
    assert world.referrals.quote(client, usd(20000)) == usd(0)
    refused = world.referrals.confirm_discount(build(kiera, 20000, 3000))
    assert (refused.ok, refused.reason, refused.message) == (
        False, "no_discount", "There is no discount for this invoice."
    )  # fmt: skip
    world.pay(invoice)
    assert world.state(kiera) == "qualified"


def test_part_of_it_is_confirmed(world: World, kiera: ClientRow, pulled: None) -> None:
    """D2: what the host gave is what is booked, and never more than was promised."""
    invoice = build(kiera, 20000, 2500)
    assert world.referrals.confirm_discount(invoice, usd(2500)).amount == usd(2500)
    assert world.referrals.discount(invoice) == usd(3000)
    assert world.referrals.confirm_discount(invoice, usd(2600)).amount == usd(2600)
    assert world.referrals.confirm_discount(invoice, usd(3001)).reason == "more_than_promised"
    assert world.referrals.confirm_discount(invoice, usd(0)).reason == "no_discount"
    assert world.kinds(kiera).count("discount_applied") == 2


def test_a_stranger_gets_nothing(world: World, kiera: ClientRow, pulled: None) -> None:
    """D1: nor is anything of a client confirmed who was never referred."""
    sam = world.client("Sam Stone")
    assert world.referrals.quote(world.value(sam), usd(20000)) == usd(0)
    assert world.referrals.confirm_discount(build(sam, 20000, 0)).reason == "no_discount"
    assert world.referrals.release_discount(build(sam, 20000, 0)).reason == "no_discount"


def test_released_it_is_free_for_another_invoice_only(world: World, kiera: ClientRow) -> None:
    """D5: what staff take off does not come back by itself, neither by a change nor by payment."""
    first = world.invoice(kiera, 20000)
    assert first.discount == 3000
    assert world.referrals.release_discount(first).amount == usd(3000)
    assert world.referrals.release_discount(first).reason == "no_discount"
    assert first.discount == 0
    first.subtotal = 30000
    world.referrals.invoice_changed(first)
    world.referrals.invoice_created(first)
    assert first.discount == 0
    world.pay(first)
    assert world.invoice(kiera, 10000).discount == 1500
    assert world.state(kiera) == "qualified"


def test_an_invoice_that_is_paid_keeps_it(world: World, kiera: ClientRow) -> None:
    """D3: it is used."""
    invoice = world.invoice(kiera, 20000)
    world.pay(invoice)
    assert world.referrals.release_discount(invoice).reason == "no_discount"
    assert world.referrals.discount(invoice) == usd(3000)


def test_our_failure_makes_no_invoice_fail(
    world: World, kiera: ClientRow, pulled: None, caplog: pytest.LogCaptureFixture
) -> None:
    """§3.5: a quote is then nothing; what was confirmed is kept and done by `work`."""
    invoice = build(kiera, 20000, 3000)
    db.session.commit()
    connection = db.session.connection()
    connection.execute(text("ALTER TABLE referrals_referral RENAME TO away"))
    assert world.referrals.quote(world.value(kiera), usd(20000)) == usd(0)
    assert "could not be quoted" in caplog.text
    assert world.referrals.confirm_discount(invoice, usd(2000)).failed
    connection.execute(text("ALTER TABLE away RENAME TO referrals_referral"))
    db.session.commit()
    assert world.referrals.work().repaired == 1
    assert world.kinds(kiera).count("discount_applied") == 1


def test_a_host_with_percentages(world: World, kiera: ClientRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """M2: a flat amount in steps of a hundredth of a percent, and booked as it was given."""

    def apply(self: Any, record: Any, discount: Money) -> Money:
        subtotal = usd(record.subtotal)
        given = subtotal.percent(percent_for(discount, subtotal))
        record.discount = given.minor
        return given

    monkeypatch.setattr(MiniHost, "apply_discount", apply)
    world.terms(discount={"amount": "25.00"})
    lee = world.client("Lee", world.code(world.client("Jo")))
    invoice = world.invoice(lee, 1234567)
    assert (invoice.discount, invoice.discount <= 2500) == (2469, True)
    world.referrals.invoice_created(invoice)
    world.referrals.invoice_changed(invoice)
    assert world.kinds(lee).count("discount_applied") == 1
    applied = next(line for line in world.referrals.activity(world.value(lee)) if line.kind == "discount_applied")
    assert applied.amount == usd(2469)


@pytest.mark.parametrize("settings", [{"REFERRALS_STRICT": True}])
def test_a_host_that_gives_more_is_told_so(world: World, kiera: ClientRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """M2: more than was promised is a mistake in the host."""
    monkeypatch.setattr(MiniHost, "apply_discount", lambda self, record, discount: discount + usd(1))
    invoice = build(kiera, 20000, 0)
    with pytest.raises(MoneyError, match="it may give less only"):
        world.referrals.invoice_created(invoice)
