"""hear(): a host's own signals, with whatever they carry (architecture §3.3)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from blinker import Namespace
from flask import Flask

from flask_referrals import ConfigurationError, Referrals
from flask_referrals.adapters import state
from tests.minihost import ClientRow, InvoiceRow, MiniHost, db
from tests.worlds import World

pytestmark = pytest.mark.mostly_sqlite
OURS = "flask_referrals"


@pytest.fixture
def settings() -> dict[str, Any]:
    """Its signals come after its commit."""
    return {"REFERRALS_TRANSACTION": "after_commit"}


@pytest.fixture
def own() -> Namespace:
    """The host's signals, new for each test."""
    return Namespace()


@pytest.fixture
def hears(world: World, own: Namespace) -> World:
    """The world goes by signals that carry ids; a bill is the first sign of a client of another house."""
    world.terms()
    world.referrals.hear(
        client=lambda bill=None, client=None: db.session.get(ClientRow, client or invoice(bill).client_id),
        invoice=lambda bill: db.session.get(InvoiceRow, bill),
        client_registered=[own.signal("joined"), own.signal("billed")],
        invoice_created=own.signal("billed"),
        invoice_paid=own.signal("paid"),
    )
    return world


def invoice(number: int | None) -> InvoiceRow:
    """The invoice with that id, which is there."""
    row = db.session.get(InvoiceRow, number)
    assert row is not None
    return row


def kiera_by(world: World, own: Namespace) -> ClientRow:
    """Kiera, committed and then told, in a request with Jane's code in our own field."""
    code = world.code(world.client("Jane Smith"))
    kiera = world.client("Kiera Lopez")
    with world.app.test_request_context(method="POST", data={"referral_code": code}):
        own.signal("joined").send(None, client=kiera.id)
    return kiera


def test_the_loop_by_ids(hears: World, own: Namespace) -> None:
    """A1, D1, R1: the typed code is read from the form, and each payload is made a record of the host's."""
    kiera = kiera_by(hears, own)
    assert hears.state(kiera) == "pending"
    row = InvoiceRow(client_id=kiera.id, subtotal=20000)
    db.session.add(row)
    db.session.commit()
    own.signal("billed").send(None, bill=row.id)
    db.session.rollback()
    assert row.discount == 3000
    row.paid, row.settled = 17000, True
    db.session.commit()
    own.signal("paid").send(None, bill=row.id)
    db.session.rollback()
    assert hears.state(kiera) == "qualified"


def test_one_signal_tells_its_facts_in_order(hears: World, own: Namespace) -> None:
    """A1, D1: whose first bill makes it a client is a referee by the time that the bill is looked at."""
    jane = hears.client("Jane Smith")
    sam = hears.client("Sam Stone")
    row = InvoiceRow(client_id=sam.id, subtotal=20000)
    db.session.add(row)
    db.session.commit()
    with hears.app.test_request_context(method="POST", data={"referral_code": hears.code(jane)}):
        own.signal("billed").send(None, bill=row.id)
        db.session.refresh(row)
    assert (hears.state(sam), db.session.get_one(InvoiceRow, row.id, populate_existing=True).discount) == (
        "pending", 3000
    )  # fmt: skip


def test_what_carries_nothing_of_ours_is_passed_over(
    hears: World, own: Namespace, caplog: pytest.LogCaptureFixture
) -> None:
    """§3.3: None from the function is an answer, and no error."""
    own.signal("joined").send(None, client=999)
    own.signal("paid").send(None, bill=999)
    assert [record for record in caplog.records if record.name == OURS] == []


def test_a_payload_that_we_cannot_read_breaks_nothing(
    hears: World, own: Namespace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.5: the host's commit is behind it, so its view goes on; the log says so. Strict, the error is raised."""
    own.signal("paid").send(None, bill="no number", other=1)
    assert "the record that invoice_paid is about was not found" in caplog.text
    found = state.get_state(hears.app)
    monkeypatch.setattr(type(found.settings), "strict", True)
    with pytest.raises(TypeError):
        own.signal("paid").send(None, bill=1, other=1)


def test_an_app_without_us_is_told_of(hears: World, own: Namespace, caplog: pytest.LogCaptureFixture) -> None:
    """§3.10: a signal sent in another app is not acted on in silence, nor lost in silence."""
    with caplog.at_level(logging.ERROR, OURS), Flask("another").app_context():
        own.signal("paid").send(None, bill=1)
    assert "invoice_paid was told outside of an app of ours" in caplog.text


def test_it_is_set_up_once_and_whole(own: Namespace) -> None:
    """§3.3: a second call, no signal, or no function to find records with, is said at once."""
    signal = own.signal("paid")
    fresh = Referrals(MiniHost(), db=db)
    with pytest.raises(ConfigurationError, match="needs `invoice`"):
        fresh.hear(invoice_paid=signal)
    with pytest.raises(ConfigurationError, match="'paid' is none"):
        fresh.hear(invoice=lambda **extra: None, invoice_paid="paid")  # type: ignore[arg-type]
    assert not signal.receivers
    fresh.hear(invoice=lambda **extra: None, invoice_paid=signal)
    with pytest.raises(ConfigurationError, match="was called already"):
        fresh.hear(invoice=lambda **extra: None, invoice_paid=signal)
    assert len(signal.receivers) == 1


def test_a_host_that_cannot_say_who_is_staff_breaks_no_sign_up(
    hears: World, own: Namespace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.5, §3.9: the sign-up is committed; its cookie is left alone, the typed code still counts."""

    def fail(self: MiniHost) -> bool:
        raise AttributeError("g has no merchant")

    monkeypatch.setattr(MiniHost, "is_staff", fail)
    kiera = kiera_by(hears, own)
    assert "Host.is_staff failed" in caplog.text
    assert hears.state(kiera) == "pending"
