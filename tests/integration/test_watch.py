"""watch(): the host's own session is observed, so that none of its views needs a line (architecture §3.3)."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import bindparam, delete, event, inspect, text, update
from sqlalchemy.orm import Session

from flask_referrals import ConfigurationError, Referrals
from flask_referrals.services import rewards
from flask_referrals.testing import FrozenClock
from tests.minihost import ClientRow, InvoiceRow, MiniHost, db, prepare_sqlite
from tests.worlds import World, usd

pytestmark = pytest.mark.mostly_sqlite


class DraftHost(MiniHost):
    """An invoice without a client, or of a draft's currency, is none."""

    def invoice(self, record: Any) -> Any:
        return super().invoice(record) if record.client_id and record.currency != "XXX" else None


def make(url: str, code: str | None = None) -> World:
    """An app that watches, and fires nothing; the code of a client is found by its name, or in the field `code`."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=url)
    db.init_app(app)
    clock = FrozenClock()
    codes: dict[str, str] = {}
    found = code or (lambda row: app.extensions["codes"].get(row.name))
    extension = Referrals(DraftHost(), db=db, clock=clock).watch(client=ClientRow, invoice=InvoiceRow, code=found)
    extension.init_app(app)
    app.extensions["referrals_object"] = extension
    app.extensions["codes"] = codes
    with app.app_context():
        prepare_sqlite(db.engine)
    return World(app, clock)


@pytest.fixture
def world(url: str) -> Iterator[World]:
    """A watching app; the books must be right after every test."""
    found = make(url)
    with found.app.app_context():
        yield found
        db.session.rollback()
        assert found.faults() == []
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def pair(world: World) -> tuple[ClientRow, ClientRow]:
    """Jane, and Kiera who came by her."""
    world.terms()
    jane = world.client("Jane Smith")
    world.app.extensions["codes"]["Kiera Lopez"] = world.code(jane)
    kiera = ClientRow(name="Kiera Lopez", email="kiera@mail.example")
    save(kiera)
    return jane, kiera


def save(*rows: Any) -> None:
    """As a view does that knows nothing of us."""
    db.session.add_all(rows)
    db.session.commit()


def bill(client: ClientRow, subtotal: int = 20000, **values: Any) -> InvoiceRow:
    """An invoice of the host's."""
    row = InvoiceRow(client_id=client.id, subtotal=subtotal, **values)
    save(row)
    return row


def settle(invoice: InvoiceRow) -> None:
    """It is paid, in the host's own way."""
    invoice.paid = invoice.total - invoice.credit
    invoice.settled = True
    db.session.commit()


def unsettle(invoice: InvoiceRow) -> None:
    """The payment is deleted."""
    invoice.paid, invoice.settled = 0, False
    db.session.commit()


@pytest.mark.everywhere
def test_the_whole_loop_without_a_word(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """A1, D1, R1, U1, U5: code, discount, paid, reward, unpaid, and paid again."""
    jane, kiera = pair
    assert world.state(kiera) == "pending"
    invoice = bill(kiera)
    assert invoice.discount == 3000
    settle(invoice)
    assert (world.state(kiera), world.credit(jane)) == ("qualified", 5000)
    unsettle(invoice)
    assert (world.state(kiera), world.credit(jane)) == ("pending", 0)
    settle(invoice)
    assert (world.state(kiera), world.credit(jane)) == ("qualified", 5000)
    settle(invoice)
    assert world.credit(jane) == 5000


def test_totals_that_arrive_after_creation(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """The invoice is made empty and committed, its lines come with the next commit."""
    invoice = bill(pair[1], 0)
    assert invoice.discount == 0
    invoice.subtotal = 10000
    db.session.commit()
    assert invoice.discount == 1500
    invoice.subtotal = 20000
    db.session.commit()
    assert invoice.discount == 3000


def test_credit_is_used_by_itself_once_the_lines_are_there(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """K6: a new invoice is new until it has an amount."""
    jane, kiera = pair
    world.terms(auto_apply_credit=True)
    settle(bill(kiera))
    number = bill(jane, 0).id
    db.session.remove()  # the lines come with another request
    invoice = db.session.get_one(InvoiceRow, number)
    invoice.subtotal = 3000
    db.session.commit()
    jane = db.session.get_one(ClientRow, 1)
    assert (invoice.credit, world.credit(jane)) == (3000, 2000)
    world.referrals.take_off_credit(invoice)
    invoice.subtotal = 2000
    db.session.commit()
    assert (invoice.credit, world.credit(jane)) == (0, 5000)


def test_client_and_paid_invoice_in_one_commit(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """A3, D1: a client that comes with its first sale has not paid before; the reward is earned by it."""
    world.app.extensions["codes"]["Quick Quinn"] = world.code(pair[0])
    quinn = ClientRow(name="Quick Quinn", email="quinn@mail.example")
    db.session.add(quinn)
    db.session.flush()
    save(InvoiceRow(client_id=quinn.id, subtotal=9000, paid=9000, settled=True))
    assert (world.state(quinn), world.credit(pair[0])) == ("qualified", 5000)


def test_a_refunded_invoice_that_is_touched_leaves_the_discount_free(
    world: World, pair: tuple[ClientRow, ClientRow]
) -> None:
    """D5, D3: for the invoice that is sent next; changed in its amounts, it may have the discount again."""
    kiera = pair[1]
    for change, first, second in ((0, 3000, 3000), (4000, 3600, 0)):
        invoice = bill(kiera)
        settle(invoice)
        unsettle(invoice)
        invoice.subtotal += change
        invoice.credit = 0
        invoice.org = "default"
        db.session.execute(update(InvoiceRow).where(InvoiceRow.id == invoice.id).values(org="default"))
        db.session.commit()
        assert invoice.discount == first
        another = bill(kiera)
        assert another.discount == second
        for one in (another, invoice):
            db.session.delete(one)
        db.session.commit()


def test_an_admin_raises_a_paid_invoice(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """U1, D3: it is open again with more to pay, so the reward waits and the discount is worked out anew."""
    jane, kiera = pair
    invoice = bill(kiera)
    settle(invoice)
    invoice.subtotal, invoice.settled = 30000, False
    db.session.commit()
    assert (invoice.discount, world.state(kiera), world.credit(jane)) == (4500, "pending", 0)
    settle(invoice)
    assert (world.state(kiera), world.credit(jane)) == ("qualified", 5000)


def test_the_code_by_the_name_of_its_field(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """A1: of the form in which the client is made; without a request there is none."""
    db.session.rollback()
    other = make(world.app.config["SQLALCHEMY_DATABASE_URI"], code="referral_code")
    form = {"referral_code": world.code(pair[0])}
    with other.app.test_request_context(method="POST", data=form):
        came = ClientRow(name="Sam", email="sam@mail.example")
        save(came)
        assert other.state(came) == "pending"
    with other.app.app_context():
        save(nobody := ClientRow(name="Tom", email="tom@mail.example"))
        assert other.state(nobody) is None
        db.session.remove()
        db.engine.dispose()


def test_a_code_that_cannot_be_found_out(
    world: World, pair: tuple[ClientRow, ClientRow], caplog: pytest.LogCaptureFixture
) -> None:
    """A6: the client is registered all the same."""
    del world.app.extensions["codes"]
    save(ClientRow(name="Sam", email="sam@mail.example"))
    assert "the code of a new client was not found" in caplog.text


def test_what_is_no_invoice_is_left_alone(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """A draft gets nothing until it is sent; a row without a client never."""
    draft = bill(pair[1], currency="XXX")
    assert draft.discount == 0
    draft.currency = "USD"
    db.session.commit()
    assert draft.discount == 3000
    nobody = InvoiceRow(client_id=0, subtotal=100)
    save(nobody)
    assert nobody.discount == 0


def test_a_deleted_invoice_counts_as_void(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """U1, D5: the reward goes back, and the discount is free for the next invoice."""
    jane, kiera = pair
    invoice = bill(kiera)
    settle(invoice)
    db.session.delete(invoice)
    db.session.commit()
    assert (world.state(kiera), world.credit(jane)) == ("pending", 0)
    assert bill(kiera).discount == 3000


@pytest.mark.everywhere
def test_a_statement_over_many_rows_is_seen(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """UPDATE and DELETE by the class, which no flush tells of."""
    jane, kiera = pair
    invoice = bill(kiera)
    values = {"paid": InvoiceRow.subtotal - InvoiceRow.discount, "settled": True}
    db.session.execute(update(InvoiceRow).where(InvoiceRow.client_id == kiera.id).values(values))
    db.session.commit()
    assert world.credit(jane) == 5000
    db.session.execute(delete(InvoiceRow).where(InvoiceRow.id == invoice.id))
    db.session.commit()
    assert world.credit(jane) == 0


def test_many_rows_by_their_keys_are_seen(
    world: World, pair: tuple[ClientRow, ClientRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """UPDATE with a list of values, and none but these rows is looked at."""
    jane, kiera = pair
    invoice_id, other = bill(kiera).id, bill(kiera)
    looked: list[int] = []
    original = DraftHost.invoice

    def invoice(self: DraftHost, record: Any) -> Any:
        looked.append(record.id)
        return original(self, record)

    monkeypatch.setattr(DraftHost, "invoice", invoice)
    db.session.execute(update(InvoiceRow), [{"id": invoice_id, "paid": 17000, "settled": True}])
    db.session.commit()
    assert (world.credit(jane), set(looked)) == (5000, {invoice_id})
    assert not other.settled


@pytest.mark.parametrize("how", ["core", "core_many", "unsynchronised"])
def test_a_statement_that_the_orm_knows_nothing_of(world: World, pair: tuple[ClientRow, ClientRow], how: str) -> None:
    """On the table itself, for many sets of values, or without telling the session."""
    jane, kiera = pair
    number = bill(kiera).id
    table: Any = InvoiceRow.__table__
    by_class = update(InvoiceRow).where(InvoiceRow.id == number).values(paid=17000, settled=True)
    if how == "core":
        db.session.execute(update(table).where(table.c.id == number).values(paid=17000, settled=True))
    elif how == "core_many":
        many = update(table).where(table.c.id == bindparam("which")).values(paid=bindparam("sum"), settled=True)
        db.session.execute(many, [{"which": number, "sum": 17000}, {"which": 999, "sum": 1}])
    else:
        db.session.execute(by_class.execution_options(synchronize_session=False))
    db.session.commit()
    assert (world.credit(jane), world.kinds(jane).count("reward_issued")) == (5000, 1)
    db.session.execute(delete(table).where(table.c.id == number))
    db.session.commit()
    assert (world.state(kiera), world.credit(jane)) == ("pending", 0)


def test_a_statement_leaves_the_hosts_session_as_it_was(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """§3.5: what the host reads after it is what the database has, as without us."""
    invoice = bill(pair[1])
    number = invoice.id
    db.session.expunge(invoice)
    quietly = {"synchronize_session": False}
    changed = update(InvoiceRow).where(InvoiceRow.id == number).values(paid=17000)
    db.session.execute(changed, execution_options=quietly)
    assert not [record for record in db.session if isinstance(record, InvoiceRow)]
    assert db.session.get_one(InvoiceRow, number).paid == 17000
    db.session.rollback()
    nested = db.session.begin_nested()
    db.session.execute(delete(InvoiceRow).where(InvoiceRow.id == number), execution_options=quietly)
    nested.rollback()
    db.session.commit()
    assert db.session.get_one(InvoiceRow, number).discount == 3000
    assert "discount_released" not in world.kinds(pair[1])


@pytest.mark.everywhere
def test_a_savepoint_that_is_rolled_back_is_not_seen(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """What it took along was never there; what is around it stays."""
    jane, kiera = pair
    invoice = bill(kiera)
    nested = db.session.begin_nested()
    invoice.paid, invoice.settled = invoice.total, True
    ghost = InvoiceRow(client_id=kiera.id, subtotal=999)
    db.session.add(ghost)
    db.session.flush()
    nested.rollback()
    jane.phone = "555 0100"
    db.session.commit()
    assert (world.state(kiera), world.credit(jane)) == ("pending", 0)
    with db.session.begin_nested():
        invoice.paid, invoice.settled = invoice.total, True
    assert world.credit(jane) == 0  # not before the commit
    db.session.commit()
    assert world.credit(jane) == 5000


def test_a_rolled_back_transaction_leaves_nothing(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """What it had collected is forgotten."""
    jane, kiera = pair
    invoice = bill(kiera)
    invoice.paid, invoice.settled = invoice.total, True
    db.session.flush()
    db.session.rollback()
    db.session.commit()
    assert world.credit(jane) == 0


def test_several_commits_and_flushes_in_one_action(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """One reward, however the host cuts it."""
    jane, kiera = pair
    invoice = bill(kiera)
    for paid in (5000, 10000, 17000):
        invoice.paid = paid
        db.session.flush()
        invoice.settled = paid == 17000
        db.session.commit()
    assert (world.credit(jane), world.kinds(jane).count("reward_issued")) == (5000, 1)


@pytest.mark.everywhere
def test_our_failure_is_kept_and_repaired(
    world: World,
    pair: tuple[ClientRow, ClientRow],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """§3.5: the payment commits, the log says so, `work` repairs it."""
    jane, kiera = pair
    invoice = bill(kiera)
    with monkeypatch.context() as patch:

        def fail(*arguments: Any, **named: Any) -> None:
            raise RuntimeError("planted")

        patch.setattr(rewards, "make", fail)
        settle(invoice)
    assert "invoice_seen failed" in caplog.text
    db.session.expire_all()
    assert (invoice.settled, world.credit(jane)) == (True, 0)
    assert world.referrals.work().repaired == 1
    assert world.credit(jane) == 5000


def test_a_host_that_cannot_answer_breaks_no_commit(
    world: World, pair: tuple[ClientRow, ClientRow], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """§3.5: not even where Host.invoice itself raises."""

    def fail(self: Any, record: Any) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(DraftHost, "invoice", fail)
    invoice = bill(pair[1])
    assert "watching failed" in caplog.text
    db.session.delete(invoice)
    db.session.commit()


@pytest.mark.everywhere
def test_another_session_is_seen_as_well(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """§3.14: a session that the host opened by hand; we work in that very one."""
    jane, kiera = pair
    invoice = bill(kiera)
    with Session(db.engine) as session:
        mine = session.get_one(InvoiceRow, invoice.id)
        mine.paid, mine.settled = mine.total, True
        session.commit()
    db.session.rollback()
    assert world.credit(jane) == 5000


def test_the_host_asks_in_the_session_that_commits(
    world: World, pair: tuple[ClientRow, ClientRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.14: by its own `db.session`, which is that one meanwhile and its own again afterwards."""
    number = bill(pair[1]).id
    asked: list[Session] = []
    original = DraftHost.invoice

    def invoice(self: DraftHost, record: Any) -> Any:
        asked.append(db.session())
        return original(self, record)

    monkeypatch.setattr(DraftHost, "invoice", invoice)
    own = db.session()
    with Session(db.engine) as session:
        session.get_one(InvoiceRow, number).subtotal = 500
        session.commit()
        assert {id(one) for one in asked} == {id(session)}
    assert db.session() is own


def test_two_apps_in_one_process(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """§3.10: a commit is looked at by the app that makes it, whichever of them serves the pages."""
    other = make(world.app.config["SQLALCHEMY_DATABASE_URI"])
    jane, kiera_id = pair[0], pair[1].id
    db.session.rollback()
    with other.app.app_context():
        mine = InvoiceRow(client_id=kiera_id, subtotal=20000)
        save(mine)
        assert mine.discount == 3000
        settle(mine)
        db.session.remove()
        db.engine.dispose()
    assert (world.credit(jane), world.kinds(jane).count("reward_issued")) == (5000, 1)


def test_a_script_without_an_app_context(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """§3.13: the app that works with this database is meant, not another one of the process."""
    jane_id, number = pair[0].id, bill(pair[1]).id
    engine = db.engine
    second = Flask("second")
    second.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI="sqlite://")
    db.init_app(second)
    world.referrals.init_app(second)
    db.session.remove()

    def script() -> None:
        with Session(engine) as session:
            mine = session.get_one(InvoiceRow, number)
            mine.paid, mine.settled = mine.total, True
            session.commit()
            assert mine.settled  # the session is as usable as without us

    _outside(script)
    assert world.credit(db.session.get_one(ClientRow, jane_id)) == 5000


def _outside(act: Any) -> None:
    """Without the app context that the fixture has pushed."""
    thread = Thread(target=act)
    thread.start()
    thread.join()


def test_an_app_is_watched_as_long_as_it_lives(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """§3.3: also where a factory has made the extension, and nobody keeps it."""
    world.app.extensions["referrals_object"] = world.referrals = Referrals(world.host, db=db)
    gc.collect()
    assert bill(pair[1]).discount == 3000


def test_a_part_that_is_added_by_its_key_alone(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """It is asked for its invoice when it is a row, since before that no relationship of it can be loaded."""
    invoice = bill(pair[1], 0)
    asked: list[bool] = []

    def find(row: ClientRow) -> InvoiceRow:
        asked.append(inspect(row).persistent)
        return invoice

    watch: Any = world.referrals._watch
    watch.parts[ClientRow] = find
    db.session.execute(update(InvoiceRow.__table__).values(subtotal=20000))
    save(ClientRow(name="A line"))
    assert (asked, invoice.discount) == ([True], 3000)


def test_watch_says_what_is_wrong_with_it(world: World) -> None:
    """A second call, or a class that is not mapped."""
    with pytest.raises(ConfigurationError, match="called already"):
        world.referrals.watch(client=ClientRow)
    fresh = Referrals(MiniHost(), db=db)
    with pytest.raises(ConfigurationError, match="mapped classes"):
        fresh.watch(client=MiniHost)


def test_a_strange_client_and_invoice_cost_one_statement_each(world: World) -> None:
    """§5: the same as by a signal."""
    world.terms()
    sent: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "referrals_" in statement and not statement.startswith(("SAVEPOINT", "RELEASE")):
            sent.append(statement)

    stranger = world.client("Sam Stone")
    db.session.expire_all()
    event.listen(db.engine, "before_cursor_execute", count)
    try:
        bill(stranger)
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    assert len(sent) == 1, sent


def test_nothing_is_logged_where_nothing_is_wrong(
    world: World, pair: tuple[ClientRow, ClientRow], caplog: pytest.LogCaptureFixture
) -> None:
    """An error in the log means something."""
    with caplog.at_level(logging.ERROR):
        settle(bill(pair[1]))
    assert caplog.text == ""


def test_a_draft_that_is_sent_is_new(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """D5, K6: seen at an UPDATE in another session, it is the next invoice that is sent; one merely touched is not."""
    jane, kiera = pair
    world.terms(auto_apply_credit=True)
    drafts = [bill(one, currency="XXX").id for one in (kiera, jane)]
    older = bill(kiera)
    world.referrals.release_discount(older)
    db.session.commit()
    settle(bill(kiera))
    last = db.session.query(InvoiceRow).order_by(InvoiceRow.id.desc()).first()
    assert last is not None
    assert (last.discount, world.credit(jane)) == (3000, 5000)
    last.void, last.settled, last.paid = True, False, 0
    db.session.commit()
    world.referrals.adjust(world.value(jane), usd(5000), by="sam", note="welcome")
    touched = db.session.get_one(InvoiceRow, older.id)
    touched.credit = touched.credit + 0
    touched.subtotal += 100
    db.session.commit()
    assert touched.discount == 0
    db.session.remove()  # they are sent by another request
    for number, expire in zip(drafts, (False, True), strict=True):
        draft = db.session.get_one(InvoiceRow, number)
        if expire:
            db.session.commit()
        draft.currency = "USD"
        db.session.commit()
    first, second = (db.session.get_one(InvoiceRow, number) for number in drafts)
    assert (first.discount, second.credit) == (3000, 5000)


def test_a_draft_sent_by_a_statement_is_new(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """D5: an UPDATE by the class sends it as well."""
    draft = bill(pair[1], currency="XXX").id
    first = bill(pair[1])
    settle(first)
    first.void, first.settled, first.paid = True, False, 0
    db.session.commit()
    db.session.remove()
    db.session.execute(update(InvoiceRow).where(InvoiceRow.id == draft).values(currency="USD"))
    db.session.commit()
    assert db.session.get_one(InvoiceRow, draft).discount == 3000


def test_an_invoice_that_is_a_draft_again(world: World, pair: tuple[ClientRow, ClientRow]) -> None:
    """U1, D5: it counts as void, until it is sent and paid again."""
    jane, kiera = pair
    invoice = bill(kiera)
    settle(invoice)
    invoice.currency = "XXX"
    db.session.commit()
    assert (world.state(kiera), world.credit(jane)) == ("pending", 0)
    assert bill(kiera).discount == 3000
    invoice.currency, invoice.settled, invoice.paid = "USD", False, 0
    db.session.commit()
    settle(invoice)
    assert (world.state(kiera), world.credit(jane)) == ("qualified", 5000)


def test_watching_goes_on_without_a_name_for_it(url: str) -> None:
    """§3.10: a factory that keeps the `Referrals` in no variable is watched as long as its app is there."""
    app = make(url).app
    del app.extensions["referrals_object"]
    gc.collect()
    with app.app_context():
        app.extensions["codes"]["Sam Stone"] = "nonsense"
        save(ClientRow(name="Sam Stone", email="sam@mail.example"))
        kinds = db.session.scalars(text("SELECT kind FROM referrals_activity")).all()
        db.session.remove()
        db.engine.dispose()
    assert kinds == ["attribution_refused"]
