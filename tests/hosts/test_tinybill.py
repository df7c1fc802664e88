"""What is special about tinybill: rows that are no invoices, links, one statement over many, numbers used again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import fresh_database

from .drivers.tinybill import Tinybill
from .plugging import read_plug

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.LegacyAPIWarning"),
]


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Tinybill]:
    """It runs on a database of its own."""
    with fresh_database("sqlite") as url, Tinybill.running(read_plug("tinybill").put_into(tmp_path), url) as found:
        yield found
        with found.context():
            assert list(found.referrals.verify_ledger()) == []


@pytest.fixture
def pair(driver: Tinybill) -> tuple[str, str]:
    """Jane, and Kiera who came by her."""
    jane = driver.register("Jane Smith", "jane@mail.example")
    return jane, driver.register("Kiera Lopez", "kiera@mail.example", driver.code(jane))


def save(driver: Tinybill, **form: str) -> str:
    """The form for a new invoice; the address it leads to."""
    data = {"amount": "200", "vat_percent": "19", "action": "save"} | form
    return driver.browser.post("/invoice/new", data=data).headers["Location"]


def test_a_client_and_its_first_invoice_in_one_form(driver: Tinybill) -> None:
    """A1, D1: the code is typed where the client is made, and the discount is on that very invoice."""
    jane = driver.register("Jane Smith", "jane@mail.example")
    address = save(driver, client_name="Lee", client_email="lee@mail.example", referral_code=driver.code(jane))
    page = driver.browser.get(address).get_data(as_text=True)
    assert "30.00" in page
    assert "202.30 EUR" in page  # 170.00 and 19%


def test_previews_get_nothing(driver: Tinybill, pair: tuple[str, str]) -> None:
    """§3.8: a row without a client is no invoice, and the discount waits for the real one."""
    for _ in range(2):
        assert driver.browser.post("/invoice/new", data={"amount": "50", "action": "preview"}).status_code == 200
    assert driver.discount(pair[1]) == 0
    driver.invoice(pair[1])
    assert driver.discount(pair[1]) == 30


def test_a_whole_month_is_paid_by_one_statement(driver: Tinybill, pair: tuple[str, str]) -> None:
    """R1: `Query.update`, which no flush tells of."""
    jane, kiera = pair
    invoice = driver.invoice(kiera)
    with driver.context():
        created = driver.referrals.session().connection().exec_driver_sql(
            f"SELECT created FROM invoice WHERE id = {invoice}"
        ).scalar_one()  # fmt: skip
    driver.browser.get(f"/invoices/mark-all-paid?month={str(created)[:7]}")
    assert (driver.sees(invoice).settled, driver.credit(jane)) == (True, 50)


def test_a_deleted_invoice_and_its_number_used_again(driver: Tinybill, pair: tuple[str, str]) -> None:
    """U1, D5: SQLite gives the id of the last row again; the new invoice is another one."""
    jane, kiera = pair
    first = driver.invoice(kiera)
    driver.pay(first)
    driver.browser.get(f"/invoice/{first}/delete")
    assert (driver.state(kiera), driver.credit(jane)) == ("pending", 0)
    second = driver.invoice(kiera)
    assert (second, driver.discount(kiera)) == (first, 30)
    driver.pay(second)
    assert (driver.state(kiera), driver.credit(jane)) == ("qualified", 50)
    with driver.context():
        driver.switch_on(auto_apply_credit=True)
    held = driver.invoice(jane)
    driver.browser.get(f"/invoice/{held}/delete")
    again = driver.invoice(jane)
    assert (again, driver.credit(jane)) == (held, 0)
    driver.pay(again)
    assert driver.command("reconcile")[0] == 0


def test_what_people_type_is_kept(driver: Tinybill, pair: tuple[str, str]) -> None:
    """§3.6: a discount and a deposit given by hand stand beside ours, through a change of the invoice."""
    kiera = pair[1]
    address = save(driver, client_email=driver.emails[kiera], discount_percent="10", deposit="20")
    invoice = address.rsplit("/", 1)[1]
    seen = driver.sees(invoice)
    assert (str(seen.subtotal), str(seen.total)) == ("180.00 EUR", "182.07 EUR")  # 180 - 27, and 19%
    driver.browser.post(f"/invoice/{invoice}/edit", data={"amount": "100", "discount_percent": "10"})
    seen = driver.sees(invoice)
    assert (str(seen.total), str(seen.due)) == ("91.04 EUR", "71.04 EUR")  # 90 - 13.50, and 19%; less 20


def test_a_void_invoice(driver: Tinybill, pair: tuple[str, str]) -> None:
    """U1: the reward goes back; opened and paid again, it comes again."""
    jane, kiera = pair
    invoice = driver.invoice(kiera)
    driver.pay(invoice)
    driver.browser.get(f"/invoice/{invoice}/status/void")
    assert (driver.state(kiera), driver.credit(jane)) == ("pending", 0)
    driver.undo(invoice)
    driver.pay(invoice)
    assert (driver.state(kiera), driver.credit(jane)) == ("qualified", 50)
