"""Our own failure never breaks the host's payment; it is logged, kept, and repaired (§3.5, §7)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from flask_referrals import ReferralsError, signals
from flask_referrals.services import invoices, rewards
from flask_referrals.testing import recorded_events
from tests.minihost import InvoiceRow, create_app, db
from tests.worlds import World


class PlantedError(Exception):
    """A bug of ours, planted."""


@pytest.fixture
def due(world: World) -> tuple[World, Any, Any]:
    """A world in which Kiera is about to pay."""
    world.terms()
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    return world, jane, world.invoice(kiera, 20000)


def plant(monkeypatch: pytest.MonkeyPatch, **where: Any) -> None:
    """Make our work fail at its very end, after it has written."""

    def fail(*args: Any, **values: Any) -> None:
        raise PlantedError("planted")

    monkeypatch.setattr(where.get("module", rewards), where.get("name", "make"), fail)


def test_the_hosts_payment_commits_and_work_repairs_it(
    due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """§3.5: a receiver of ours that raises leaves nothing half written, is logged, and the next `work` repairs it."""
    world, jane, invoice = due
    with monkeypatch.context() as patch:
        plant(patch)
        assert world.pay(invoice).failed
    assert "invoice_paid failed" in caplog.text
    assert db.session.get(InvoiceRow, invoice.id).settled  # type: ignore[union-attr]
    kiera = db.session.get_one(type(jane), invoice.client_id)
    assert (world.credit(jane), world.state(kiera)) == (0, "pending")
    done = world.referrals.work()
    assert (done.repaired, done.put_off, world.credit(jane)) == (1, 0, 5000)
    assert world.referrals.work().repaired == 0


def test_the_host_repeating_the_event_repairs_it_too(
    due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.5: and what `work` finds to do afterwards is nothing."""
    world, jane, invoice = due
    with monkeypatch.context() as patch:
        plant(patch)
        world.pay(invoice)
    world.pay(invoice)
    assert world.credit(jane) == 5000
    assert world.referrals.work().repaired == 1
    assert world.credit(jane) == 5000


def test_what_fails_again_is_put_off_and_not_dropped(
    due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.5: with growing pauses, until it works."""
    world, jane, invoice = due
    with monkeypatch.context() as patch:
        plant(patch)
        world.pay(invoice)
        assert world.referrals.work().put_off == 1
        assert world.referrals.work().put_off == 0  # not before its pause is over
        world.clock.advance(minutes=1)
        assert world.referrals.work().put_off == 1
    world.clock.advance(minutes=2)
    assert world.referrals.work().repaired == 1
    assert world.credit(jane) == 5000


def test_a_registration_that_failed_is_repaired_with_its_code(
    due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A6: the code that was typed is not lost with our failure."""
    world, jane, _ = due
    code = world.code(jane)
    from flask_referrals.adapters import verbs

    with monkeypatch.context() as patch:
        plant(patch, module=verbs, name="attribute")
        omar = world.client("Omar Haddad", code)
    assert world.state(omar) is None
    world.referrals.work()
    assert world.state(omar) == "pending"


@pytest.mark.parametrize("broken", [signals.invoice_created, signals.invoice_changed, signals.invoice_voided])
def test_a_host_that_answers_nonsense_harms_itself_only(
    due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: Any
) -> None:
    """M1: a Host that makes Money from a float is told so in the log; its own work goes through."""
    world, _, invoice = due
    from flask_referrals import Money
    from tests.minihost import MiniHost

    def invoice_of_floats(self: MiniHost, record: Any) -> Any:
        return Money.of(record.subtotal / 100, "USD")

    monkeypatch.setattr(MiniHost, "invoice", invoice_of_floats)
    [(_, outcome)] = broken.send(world.app, invoice=invoice)
    invoice.subtotal = 1
    db.session.commit()
    assert outcome.failed
    assert "is a float" in caplog.text
    monkeypatch.undo()


def test_no_tables_no_harm(backend: str, database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """§3.5: even before our tables are there, the host's work commits."""
    app = create_app(database_url)
    with app.app_context():
        from tests.minihost import ClientRow

        ClientRow.__table__.create(db.engine)
        kiera = ClientRow(name="Kiera Lopez")
        db.session.add(kiera)
        assert app.extensions["referrals_object"].client_registered(kiera, "ABC").failed
        db.session.commit()
        assert db.session.get_one(ClientRow, kiera.id).name == "Kiera Lopez"
        assert "could not be kept" in caplog.text
        db.session.remove()
        db.engine.dispose()


def test_the_hosts_record_is_put_back_with_our_failure(
    due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.5: a discount that was put on the invoice before we failed is off again, in memory and in the database."""
    world, _, invoice = due
    with monkeypatch.context() as patch:
        plant(patch, module=invoices, name="_follow_referral")
        invoice.subtotal = 30000
        assert world.referrals.invoice_changed(invoice).failed
        assert (invoice.subtotal, invoice.discount) == (30000, 3000)
        db.session.commit()
    assert (invoice.subtotal, invoice.discount) == (30000, 3000)
    world.referrals.work()
    assert invoice.discount == 4500


def test_a_host_whose_record_cannot_be_saved_is_put_back_too(
    due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.5: a Host method that makes the host's own flush fail harms our part only."""
    world, _, invoice = due
    from tests.minihost import MiniHost

    def spoil(self: MiniHost, record: Any, discount: Any) -> None:
        record.currency = None

    with monkeypatch.context() as patch:
        patch.setattr(MiniHost, "apply_discount", spoil)
        invoice.subtotal = 30000
        assert world.referrals.invoice_changed(invoice).failed
        db.session.commit()
    assert (invoice.subtotal, invoice.currency) == (30000, "USD")


def test_a_lost_transaction_is_the_hosts_to_know(due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """§3.5: MariaDB throws all away with the loser of a deadlock: no host may take that for a payment booked."""
    world, jane, invoice = due

    def lose(*args: Any, **values: Any) -> None:
        raise OperationalError("UPDATE", {}, Exception(1213, "Deadlock found when trying to get lock"))

    with monkeypatch.context() as patch:
        patch.setattr(rewards, "make", lose)
        with pytest.raises(OperationalError, match="1213"):
            world.pay(invoice)
    db.session.rollback()
    assert (world.credit(jane), invoice.settled) == (0, False)


class TestStrict:
    """In the strict mode the host hears of it."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"REFERRALS_STRICT": True}

    def test_strict_mode_raises(self, due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """§3.5: for hosts that would rather fail than put off."""
        world, jane, invoice = due
        with monkeypatch.context() as patch:
            plant(patch)
            with pytest.raises(PlantedError):
                world.pay(invoice)
        db.session.rollback()
        assert (world.credit(jane), invoice.settled) == (0, False)


class TestAfterCommit:
    """Hosts whose hooks fire after their own commit."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"REFERRALS_TRANSACTION": "after_commit"}

    def test_we_commit_our_own_unit(self, due: tuple[World, Any, Any]) -> None:
        """§3.4: nothing is left for anybody to commit."""
        world, jane, invoice = due
        invoice.paid, invoice.settled = invoice.total, True
        db.session.commit()
        with recorded_events() as events:
            world.referrals.invoice_paid(invoice)
            db.session.rollback()
        assert world.credit(jane) == 5000
        assert "reward-issued" in [name for name, _ in events]

    def test_our_failure_is_kept(self, due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """§3.5: in this mode too."""
        world, jane, invoice = due
        invoice.paid, invoice.settled = invoice.total, True
        db.session.commit()
        with monkeypatch.context() as patch:
            plant(patch)
            world.referrals.invoice_paid(invoice)
            db.session.rollback()
        assert world.referrals.work().repaired == 1
        assert world.credit(jane) == 5000


def test_work_left_uncommitted_is_an_error_that_names_the_mode(
    due: tuple[World, Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """§3.4: a host that fires after its commit, in the wrong mode, reads in its log what to set."""
    world, _, invoice = due
    invoice.settled = True
    db.session.commit()
    invoice.paid = invoice.total
    world.referrals.invoice_paid(invoice)
    with caplog.at_level(logging.ERROR, "flask_referrals"):
        db.session.close()
    assert "REFERRALS_TRANSACTION = 'after_commit'" in caplog.text


def test_a_rollback_of_the_host_s_is_no_error(due: tuple[World, Any, Any], caplog: pytest.LogCaptureFixture) -> None:
    """§3.4: our work goes with it, which is as it should be."""
    world, jane, invoice = due
    invoice.paid, invoice.settled = invoice.total, True
    world.referrals.invoice_paid(invoice)
    with caplog.at_level(logging.ERROR, "flask_referrals"):
        db.session.rollback()
    assert (caplog.text, world.credit(jane)) == ("", 0)


def test_signals_wait_for_the_commit(due: tuple[World, Any, Any]) -> None:
    """§7: nothing is announced that a rollback may still undo, and nothing of a savepoint that was undone."""
    world, _, invoice = due
    with recorded_events() as events:
        invoice.paid, invoice.settled = invoice.total, True
        world.referrals.invoice_paid(invoice)
        assert events == []
        db.session.rollback()
        assert events == []
        savepoint = db.session.begin_nested()
        invoice.paid, invoice.settled = invoice.total, True
        world.referrals.invoice_paid(invoice)
        savepoint.rollback()
        db.session.commit()
        assert events == []
        world.pay(invoice)
    assert [name for name, _ in events] == ["referral-qualified", "reward-issued", "credit-changed"]
    assert {event.amount.minor for name, event in events if event.amount} == {17000, 5000}  # what was paid, the reward


def test_a_receiver_of_the_hosts_that_raises_disturbs_nobody(
    due: tuple[World, Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """§7: it is logged, the others hear of it, and the commit is a commit."""
    world, jane, invoice = due
    heard: list[int] = []

    def bad(sender: Any, **extra: Any) -> None:
        raise PlantedError

    def good(sender: Any, *, event: Any, **extra: Any) -> None:
        heard.append(event.amount.minor)

    with signals.reward_issued.connected_to(bad), signals.reward_issued.connected_to(good):
        world.pay(invoice)
    assert heard == [5000]
    assert "a receiver of reward-issued failed" in caplog.text
    assert world.credit(jane) == 5000


class TestWorker:
    """Delivery by the worker only."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"REFERRALS_DELIVERY": "worker"}

    def test_work_delivers_once(self, due: tuple[World, Any, Any]) -> None:
        """§7: what waits goes out with the next `work`, in order, and once."""
        world, _, invoice = due
        with recorded_events() as events:
            world.pay(invoice)
            assert events == []
            world.referrals.work()
            names = [name for name, _ in events]
            assert names[0] == "referral-attributed"
            assert names[-1] == "credit-changed"
            world.referrals.work()
            assert len(events) == len(names)

    def test_a_worker_that_died_is_followed_by_another(
        self, due: tuple[World, Any, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """§7: its batch is announced again after its lease, and not before."""
        world, _, invoice = due
        world.pay(invoice)
        from flask_referrals.adapters.state import State

        with monkeypatch.context() as patch:

            def die(self: State, event: Any) -> None:
                raise KeyboardInterrupt

            patch.setattr(State, "announce", die)
            with pytest.raises(KeyboardInterrupt):
                world.referrals.work()
        with recorded_events() as events:
            world.referrals.work()
            assert events == []
            world.clock.advance(minutes=6)
            world.referrals.work()
        assert "reward-issued" in [name for name, _ in events]


def test_errors_carry_a_code() -> None:
    """An error of ours is one family, with a code for machines."""
    assert {error.code for error in ReferralsError.__subclasses__()} >= {"money", "terms", "state", "configuration"}
