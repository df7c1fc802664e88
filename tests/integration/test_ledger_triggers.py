"""The databases themselves keep the books append-only, and `ledger verify` finds what was changed behind their back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from flask_referrals.adapters.tables import make_triggers
from flask_referrals.models import AccountRow, ActivityRow, HoldRow, LedgerRow, TermsRow, triggers
from tests.minihost import ClientRow, db
from tests.worlds import World

LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
HOLD: Table = HoldRow.__table__  # type: ignore[assignment]
TERMS: Table = TermsRow.__table__  # type: ignore[assignment]
TABLES = {"ledger": LEDGER, "activity": ACTIVITY, "terms": TERMS}


@pytest.fixture
def jane(world: World) -> ClientRow:
    """A client with three entries on her account: two rewards, and one taken back."""
    world.terms()
    jane = world.client("Jane Smith")
    code = world.code(jane)
    for name in ("Kiera Lopez", "Omar Haddad"):
        referee = world.client(name, code)
        invoice = world.invoice(referee, 20000)
        world.pay(invoice)
    world.refund(invoice)
    assert len(entries()) == 3
    return jane


def entries() -> list[Any]:
    """The entries of the ledger, oldest first."""
    rows = db.session.execute(select(LEDGER).order_by(LEDGER.c.id)).all()
    db.session.rollback()
    return list(rows)


def refused(statement: Any) -> str:
    """The database's answer to a statement that it must refuse."""
    with pytest.raises(DBAPIError) as caught:
        db.session.execute(statement)
    db.session.rollback()
    return str(caught.value.orig)


def every_row_but(table: Table, **values: Any) -> list[Any]:
    """Changes and removals of one row and of all."""
    one = table.c.id == select(table.c.id).limit(1).scalar_subquery().correlate(None)
    if db.engine.dialect.name == "mysql":
        one = table.c.id == 1
    return [
        update(table).values(**values),
        update(table).where(one).values(**values),
        delete(table),
        delete(table).where(one),
    ]


CHANGES: dict[str, tuple[Table, dict[str, Any]]] = {
    "ledger": (LEDGER, {"amount": 1}),
    "ledger by nothing": (LEDGER, {"amount": LEDGER.c.amount}),
    "terms": (TERMS, {"saved_by": "mallory"}),
    "activity": (ACTIVITY, {"kind": "nothing"}),
    "activity data": (ACTIVITY, {"data": {"note": "forged"}}),
    "activity case": (ACTIVITY, {"actor": ACTIVITY.c.actor + " "}),
    "activity with delivery": (ACTIVITY, {"waits": 1, "amount_minor": 7}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_rows_cannot_be_changed_or_removed(world: World, jane: ClientRow, change: str) -> None:
    """An UPDATE or DELETE of the ledger, the log or the terms is refused, of one row and in bulk."""
    table, values = CHANGES[change]
    before = db.session.execute(select(table).order_by(table.c.id)).all()
    db.session.rollback()
    for statement in every_row_but(table, **values):
        assert f"{table.name} is append-only" in refused(statement)
    assert db.session.execute(select(table).order_by(table.c.id)).all() == before


def test_letter_case_is_a_change(world: World, jane: ClientRow) -> None:
    """On MariaDB too, where the columns compare without case, no letter of the log can be turned."""
    row = db.session.execute(select(ACTIVITY.c.id, ACTIVITY.c.kind).limit(1)).one()
    db.session.rollback()
    assert row.kind != row.kind.upper()
    assert "append-only" in refused(update(ACTIVITY).where(ACTIVITY.c.id == row.id).values(kind=row.kind.upper()))


@pytest.mark.parametrize("name", TABLES)
def test_tables_cannot_be_emptied_at_once(world: World, jane: ClientRow, backend: str, name: str) -> None:
    """PostgreSQL's TRUNCATE, which row triggers do not see, is refused too."""
    if backend != "postgresql":
        pytest.skip("SQLite has no TRUNCATE, MariaDB's takes the right to drop the table")
    assert "append-only" in refused(text(f"TRUNCATE {TABLES[name].name} CASCADE"))


def test_delivery_may_be_noted(world: World, jane: ClientRow) -> None:
    """Of a log line the columns of its delivery may change, and only they."""
    values = {"waits": None, "claimed_until": None, "delivered_at": world.clock.now}
    db.session.execute(update(ACTIVITY).values(**values))
    db.session.commit()
    assert set(db.session.execute(select(ACTIVITY.c.delivered_at)).scalars()) == {world.clock.now}


MISFITS: dict[str, dict[str, int]] = {
    "a gap": {"seq": 5},
    "an entry before": {"seq": 3},
    "a balance that is no sum": {"balance": 5099},
    "an account that is not there": {"account_id": 999},
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_an_entry_must_follow_its_account(world: World, jane: ClientRow, misfit: str) -> None:
    """An entry that is not the next one of its account, or not by its sum, is refused, and the account stays."""
    last = entries()[-1]
    row = {
        "account_id": last.account_id, "seq": 4, "amount": 100, "balance": 5100, "reason": "gift", "key": "gift",
        "actor": "mallory", "at": world.clock.now, "hash": "x",
    }  # fmt: skip
    account = select(ACCOUNT).where(ACCOUNT.c.id == last.account_id)
    before = db.session.execute(account).one()
    db.session.rollback()
    refused(insert(LEDGER).values(row | MISFITS[misfit]))
    assert db.session.execute(account).one() == before
    db.session.rollback()
    db.session.execute(insert(LEDGER).values(row))
    assert db.session.execute(account).one().balance == 5100
    db.session.rollback()


def tampered(world: World, *statements: Any) -> tuple[int, str]:
    """Drop the triggers by hand, run the statements, make the triggers anew; what the verification says."""
    with db.engine.begin() as connection:
        for statement in triggers.drop(connection.dialect.name):
            connection.exec_driver_sql(statement)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)
        make_triggers(connection)
    result = world.app.test_cli_runner().invoke(args=["referrals", "ledger", "verify"])
    db.session.rollback()  # the command ran in our app context, and its transaction would keep the triggers locked
    return result.exit_code, result.output


def entry(seq: int) -> Any:
    """The condition for Jane's entry with that number."""
    return (LEDGER.c.seq == seq) & (LEDGER.c.account_id == account_of("1"))


def account_of(client_id: str) -> Any:
    """The id of a client's account in dollars."""
    query = select(ACCOUNT.c.id).where(ACCOUNT.c.client_id == client_id, ACCOUNT.c.currency == "USD")
    found = db.session.execute(query).scalar_one()
    db.session.rollback()
    return found


JANE = "org default, client 1, USD, "
TAMPERING: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "an amount": (
        lambda: [update(LEDGER).where(entry(2)).values(amount=9000)],
        "entry 2: the balance should be 14000, not 10000",
    ),
    "an amount and its balance": (
        lambda: [update(LEDGER).where(entry(2)).values(amount=9000, balance=14000)],
        "entry 2: it was changed: its hash does not fit",
    ),
    "a reason": (
        lambda: [update(LEDGER).where(entry(1)).values(reason="gift")],
        "entry 1: it was changed: its hash does not fit",
    ),
    "who did it": (
        lambda: [update(LEDGER).where(entry(3)).values(actor="nobody")],
        "entry 3: it was changed: its hash does not fit",
    ),
    "what caused it": (
        lambda: [update(LEDGER).where(entry(1)).values(invoice_id="another")],
        "entry 1: it was changed: its hash does not fit",
    ),
    "a deleted entry": (lambda: [delete(LEDGER).where(entry(2))], "entry 2: it is missing"),
    "a deleted last entry": (
        lambda: [delete(LEDGER).where(entry(3))],
        "account: the account says entry 3 and balance 5000, its entries end at 2 with 10000",
    ),
    "the account's balance": (
        lambda: [update(ACCOUNT).where(ACCOUNT.c.id == account_of("1")).values(balance=99)],
        "account: the account says entry 3 and balance 99, its entries end at 3 with 5000",
    ),
    "the account's holds": (
        lambda: [update(ACCOUNT).where(ACCOUNT.c.id == account_of("1")).values(held=7)],
        "account: 7 is held, its invoices hold 0",
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_verify_names_what_was_tampered_with(world: World, jane: ClientRow, what: str) -> None:
    """With its trigger dropped a row can be changed; the verification names the very entry, or the account."""
    make, expected = TAMPERING[what]
    saved = {table: db.session.execute(select(table)).mappings().all() for table in (ACCOUNT, LEDGER)}
    db.session.rollback()
    code, told = tampered(world, *make())
    assert code == 1
    first, last = told.splitlines()[0], told.splitlines()[-1]
    assert first.startswith(JANE)
    assert expected in first
    assert last == "1 accounts, 2 entries: 1 wrong" if "deleted" in what else last == "1 accounts, 3 entries: 1 wrong"
    # The world looks at its books at the end of each test.
    restore = [delete(LEDGER), *(insert(LEDGER).values(**row) for row in saved[LEDGER])]
    restore += [update(ACCOUNT).where(ACCOUNT.c.id == row["id"]).values(**row) for row in saved[ACCOUNT]]
    assert tampered(world, *restore) == (0, "1 accounts, 3 entries: the books are right\n")


def test_verify_of_one_org(world: World, jane: ClientRow) -> None:
    """`--org` looks at the accounts of that org alone."""
    runner = world.app.test_cli_runner()
    command = ["referrals", "ledger", "verify"]
    assert runner.invoke(args=command).output == "1 accounts, 3 entries: the books are right\n"
    assert runner.invoke(args=[*command, "--org", "other"]).output == "0 accounts, 0 entries: the books are right\n"
    held = update(ACCOUNT).where(ACCOUNT.c.id == account_of("1"))
    db.session.rollback()
    with db.engine.begin() as connection:
        connection.execute(held.values(held=7))
    assert runner.invoke(args=[*command, "--org", "other"]).exit_code == 0
    assert runner.invoke(args=[*command, "--org", "default"]).exit_code == 1
    db.session.rollback()
    with db.engine.begin() as connection:
        connection.execute(held.values(held=0))
