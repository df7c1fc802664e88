"""Strangers' apps with us plugged in: few lines, the loop in their own views, their own tests unchanged (§3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from flask_referrals.services import rewards
from tests.databases import fresh_database

from .driver import Driver
from .drivers import DRIVERS
from .plugging import MOST_EDITS, MOST_LINES, own_tests, read_plug

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.mostly_sqlite,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.LegacyAPIWarning"),  # old habits of the apps'
    pytest.mark.filterwarnings("ignore:Passing SelectField choices:DeprecationWarning"),
]


@pytest.fixture(params=DRIVERS)
def name(request: pytest.FixtureRequest) -> str:
    """Each of the apps."""
    found: str = request.param
    return found


@pytest.fixture
def copy(name: str, tmp_path: Path) -> Path:
    """The app with us plugged in."""
    return read_plug(name).put_into(tmp_path)


@pytest.fixture
def driver(name: str, copy: Path, backend: str) -> Iterator[Driver]:
    """It runs on a database of its own; the books must be right after every test."""
    with fresh_database(backend) as url, DRIVERS[name].running(copy, url) as found:
        yield found
        with found.context():
            if inspect(found.referrals.session().get_bind()).has_table("referrals_account"):
                assert list(found.referrals.verify_ledger()) == []


@pytest.fixture
def pair(driver: Driver) -> tuple[str, str]:
    """Jane, and Kiera who came by her."""
    jane = driver.register("Jane Smith", "jane@mail.example")
    return jane, driver.register("Kiera Lopez", "kiera@mail.example", driver.code(jane))


def test_few_lines(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One module of at most 25 lines, and at most three one-line edits."""
    plug = read_plug(name)
    with capsys.disabled():
        print(f"\n{name}: {plug.lines} lines in {plug.module}, {len(plug.edits)} one-line edits")
    assert plug.lines <= MOST_LINES
    assert len(plug.edits) <= MOST_EDITS


def test_its_own_tests_are_unchanged(copy: Path) -> None:
    """They pass with us, every one of them."""
    own_tests(copy)


@pytest.mark.everywhere
def test_the_loop(driver: Driver, pair: tuple[str, str]) -> None:
    """A1, D1, R1, U1: code, discount, paid, reward, refund, repay, by the app's own views."""
    jane, kiera = pair
    assert driver.state(kiera) == "pending"
    invoice = driver.invoice(kiera)
    seen = driver.sees(invoice)
    assert (driver.discount(kiera), seen.settled) == (30, False)
    assert seen.total.amount < 200 * (1 + driver.tax)
    driver.pay(invoice)
    assert (driver.state(kiera), driver.credit(jane), driver.sees(invoice).settled) == ("qualified", 50, True)
    driver.undo(invoice)
    assert (driver.state(kiera), driver.credit(jane), driver.sees(invoice).settled) == ("pending", 0, False)
    driver.pay_again(invoice)
    assert (driver.state(kiera), driver.credit(jane)) == ("qualified", 50)
    assert driver.command("reconcile") == (0, "nothing was missed, and nothing is wrong\n")


def test_credit_is_spent(driver: Driver, pair: tuple[str, str]) -> None:
    """K4, K6: on the referrer's own next invoice, by itself; a deleted payment gives it back."""
    jane, kiera = pair
    with driver.context():
        driver.switch_on(auto_apply_credit=True)
    driver.pay(driver.invoice(kiera))
    invoice = driver.invoice(jane)
    seen = driver.sees(invoice)
    assert (driver.credit(jane), float((seen.total - seen.due).amount)) == (0, 50)
    driver.pay(invoice)
    assert (driver.sees(invoice).settled, driver.credit(jane)) == (True, 0)
    assert driver.command("reconcile")[0] == 0


def test_our_failure_breaks_no_payment(driver: Driver, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """§3.5: the app's payment is committed, and `work` makes up for it."""
    jane, kiera = pair
    invoice = driver.invoice(kiera)
    with monkeypatch.context() as patch:

        def fail(*arguments: Any, **named: Any) -> None:
            raise RuntimeError("planted")

        patch.setattr(rewards, "make", fail)
        driver.pay(invoice)
    assert (driver.sees(invoice).settled, driver.credit(jane)) == (True, 0)
    with driver.context():
        assert driver.referrals.work().repaired == 1
    assert driver.credit(jane) == 50


def test_reconcile_repairs_what_nobody_told(driver: Driver, pair: tuple[str, str]) -> None:
    """§3.5: a payment that was booked past the app and us."""
    jane, kiera = pair
    invoice = driver.invoice(kiera)
    driver.execute(driver.pay_by_hand(invoice))
    code, output = driver.command("reconcile")
    assert (code, "its payment has earned the reward" in output) == (1, True)
    assert driver.credit(jane) == 0
    assert driver.command("reconcile", "--repair")[0] == 0
    assert (driver.credit(jane), driver.command("reconcile")[0]) == (50, 0)


@pytest.mark.everywhere
def test_our_tables_beside_its_own(driver: Driver) -> None:
    """§6: made without touching the app's; taken away, they leave nothing behind."""
    with driver.context():
        engine = driver.referrals.session().get_bind()
        before = set(inspect(engine).get_table_names())
    ours = {table for table in before if table.startswith("referrals_")}
    assert len(ours) > 10
    assert driver.command("db", "upgrade")[0] == 0
    assert driver.command("db", "check")[0] == 0
    assert driver.command("db", "downgrade", "base")[0] == 0
    assert set(inspect(engine).get_table_names()) == before - ours


def test_doctor_finds_nothing_to_do(driver: Driver, pair: tuple[str, str]) -> None:
    """Nothing that must be done."""
    code, output = driver.command("doctor")
    assert code == 0, output


def test_our_pages_are_in_its_layout(driver: Driver) -> None:
    """§3.11: in the app's own frame, with its own variables."""
    for page in driver.pages():
        assert page.status_code == 200
        assert driver.frame_of(page) in page.get_data(as_text=True)
