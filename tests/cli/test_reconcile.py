"""`flask referrals reconcile`: what we missed is in the host's own invoices."""

from __future__ import annotations

from threading import Thread

import pytest

from flask_referrals import Money
from tests.minihost import InvoiceRow, db
from tests.worlds import World, usd

pytestmark = pytest.mark.mostly_sqlite


def reconcile(world: World, *arguments: str) -> tuple[int, str]:
    """Run the command; its exit code and what it says."""
    db.session.commit()
    done = world.app.test_cli_runner().invoke(args=["referrals", "reconcile", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    db.session.rollback()
    return done.exit_code, done.output


@pytest.fixture
def missed(world: World) -> tuple[World, InvoiceRow]:
    """Kiera came by Jane and has paid two invoices; nobody told us of either."""
    world.terms()
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    for subtotal in (20000, 9000):
        db.session.add(InvoiceRow(client_id=kiera.id, subtotal=subtotal, paid=subtotal, settled=True))
    db.session.commit()
    first = db.session.query(InvoiceRow).order_by(InvoiceRow.id).first()
    assert first is not None
    return world, first


def test_a_dry_run_says_what_was_missed_and_changes_nothing(missed: tuple[World, InvoiceRow]) -> None:
    """§3.5: twice the same, and no log line, no entry, no error in the log."""
    world, invoice = missed
    for _ in range(2):
        code, output = reconcile(world)
        assert code == 1
        assert f"missed: org default, client 1, invoice {invoice.id}: a reward of $50.00 is to be given" in output
        assert output.count("a reward of") == 1
        assert "nothing was changed" in output
    kiera = db.session.get_one(type(world.client("Sam")), invoice.client_id)
    assert world.state(kiera) == "pending"


def test_repair_does_it_once(missed: tuple[World, InvoiceRow]) -> None:
    """R1: the first paid invoice qualifies; a second run has nothing to do."""
    world, invoice = missed
    code, output = reconcile(world, "--repair")
    assert (code, "all repaired" in output) == (0, True)
    referral = world.referrals.referral_of(
        world.value(db.session.get_one(type(world.client("Sam")), invoice.client_id))
    )
    assert referral is not None
    assert referral.state == "qualified"
    assert reconcile(world) == (0, "nothing was missed, and nothing is wrong\n")


@pytest.mark.everywhere
def test_a_missed_refund_void_and_deletion(world: World) -> None:
    """U1, D5: the reward goes back, whatever became of the invoice."""
    world.terms()
    jane = world.client("Jane Smith")
    for number, undo in enumerate(("refund", "void", "delete")):
        kiera = world.client(f"Kiera {number}", world.code(jane), email=f"k{number}@one{number}.example")
        invoice = world.invoice(kiera, 20000)
        world.pay(invoice)
        assert world.credit(jane) == 5000
        if undo == "delete":
            db.session.delete(invoice)
        else:
            invoice.paid, invoice.settled, invoice.void = 0, False, undo == "void"
        code, output = reconcile(world)
        assert (code, "a reward of $50.00 is to be taken back" in output) == (1, True), undo
        assert reconcile(world, "--repair")[0] == 0
        assert (world.credit(jane), reconcile(world)[0]) == (0, 0), undo


def test_a_missed_discount(world: World) -> None:
    """D1: an open invoice that we were not told of."""
    world.terms()
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    invoice = InvoiceRow(client_id=kiera.id, subtotal=10000)
    db.session.add(invoice)
    assert "the discount of $15.00 is not on it yet" in reconcile(world)[1]
    assert invoice.discount == 0
    assert reconcile(world, "--repair")[0] == 0
    db.session.refresh(invoice)
    assert invoice.discount == 1500


def test_credit_that_the_invoice_counts_otherwise(world: World) -> None:
    """K4: held credit is put on the invoice again; credit that nobody holds is for a person to judge."""
    world.terms()
    jane = world.client("Jane Smith")
    world.referrals.adjust(world.value(jane), usd(5000), by="sam", note="welcome")
    invoice = world.invoice(jane, 4000)
    world.referrals.use_credit(invoice, Money(3000, "USD"))
    invoice.credit = 0
    code, output = reconcile(world)
    assert (code, "another credit than the $30.00" in output) == (1, True)
    assert reconcile(world, "--repair")[0] == 0
    db.session.refresh(invoice)
    assert invoice.credit == 3000


@pytest.mark.everywhere
def test_credit_of_clients_who_were_never_referred(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4: batch by batch, a voided invoice gives its credit back, once, whoever the client is."""
    monkeypatch.setattr("flask_referrals.adapters.reconcile._BATCH", 2)
    world.terms()
    code = world.code(world.client("Ann"))
    clients = [world.client(name, code if name in "BCD" else None) for name in "BCDEFG"]
    for client in clients:
        world.referrals.adjust(world.value(client), usd(5000), by="sam", note="welcome")
        for _ in range(2):
            invoice = world.invoice(client, 4000)
            world.referrals.use_credit(invoice, Money(1000, "USD"))
            invoice.void = True
    db.session.commit()
    code_, output = reconcile(world)
    assert (code_, output.count("goes back to the client")) == (1, 12)
    assert reconcile(world, "--repair")[0] == 0
    assert [world.credit(client) for client in clients] == [5000] * 6
    assert reconcile(world) == (0, "nothing was missed, and nothing is wrong\n")


def test_without_any_app_context(world: World) -> None:
    """As from a shell."""
    runner = world.app.test_cli_runner()

    def run() -> None:
        outputs.append(runner.invoke(args=["referrals", "reconcile"]).output)

    outputs: list[str] = []
    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert outputs == ["nothing was missed, and nothing is wrong\n"]


def test_one_org_and_a_host_that_cannot_say(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another org is left alone; without client_invoices the error says what to write."""
    world.terms(org="other")
    kiera = world.client("Kiera", world.code(world.client("Jane", org="other")), org="other")
    world.pay(world.invoice(kiera, 20000))
    assert reconcile(world, "--org", "default")[0] == 0
    monkeypatch.delattr("tests.minihost.MiniHost.client_invoices")
    done = world.app.test_cli_runner().invoke(args=["referrals", "reconcile", "--org", "other"])
    assert done.exit_code == 1
    assert "client_invoices" in str(done.exception) + done.output
