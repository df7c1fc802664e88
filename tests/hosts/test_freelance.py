"""What is special about freelance: no stored totals, drafts, a token in place of a login, a program for each owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from tests.databases import fresh_database

from .drivers.freelance import Freelance
from .plugging import read_plug

pytestmark = pytest.mark.hosts
_NUMBERS = count()


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Freelance]:
    """It runs on one database, with Ann's program and Bob's; each test has customers of its own."""
    copy = read_plug("freelance").put_into(tmp_path_factory.mktemp("freelance"))
    with fresh_database("sqlite") as url, Freelance.running(copy, url) as found:
        with found.as_owner(bob(found), "USD"), found.context():
            found.switch_on()
        yield found
        with found.context():
            assert list(found.referrals.verify_ledger()) == []


def bob(driver: Freelance) -> str:
    """The second owner."""
    others = [owner for owner in driver.owners if owner != driver.org]
    return others[0] if others else driver.sign_up("bob@text.example", "Bob Writes", "USD")


@pytest.fixture
def pair(driver: Freelance) -> tuple[str, str]:
    """Jane, and Kiera who came by her to Ann."""
    jane = somebody(driver, "Jane Smith")
    return jane, somebody(driver, "Kiera Lopez", driver.code(jane))


def somebody(driver: Freelance, name: str, code: str = "") -> str:
    """A new customer of the owner's."""
    return driver.register(name, f"person{next(_NUMBERS)}@mail.example", code)


def items(driver: Freelance, bill: str) -> list[tuple[str, float, float]]:
    """The bill's lines: text, price, tax."""
    return [
        tuple(row) for row in driver.rows(f"SELECT text, price, tax FROM bill_item WHERE bill_id = {bill} ORDER BY id")
    ]


def receipts(driver: Freelance, bill: str) -> list[tuple[str, float]]:
    """What came in, and how."""
    return [tuple(row) for row in driver.rows(f"SELECT how, amount FROM receipt WHERE bill_id = {bill} ORDER BY id")]


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the forms on a page."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_a_draft_is_no_invoice_until_it_is_sent(driver: Freelance, pair: tuple[str, str]) -> None:
    """D1, D2: seen at the UPDATE that sends it; off each tax rate its part, as items with their own tax."""
    bill = driver.draft(pair[1], ("Design", "2.5", "80", "19"), ("Book", "10", "10", "7"))
    assert (len(items(driver, bill)), driver.discount(pair[1])) == (2, 0)
    driver.send(bill)
    assert items(driver, bill)[2:] == [("Referral discount", -30, 19), ("Referral discount", -15, 7)]
    seen = driver.sees(bill)
    assert [float(money.amount) for money in (seen.subtotal, seen.total, seen.due)] == [300, 293.25, 293.25]
    assert "293.25 EUR" in driver.get(f"/bills/{bill}")


def test_an_item_more_is_seen_though_the_bill_stays(driver: Freelance, pair: tuple[str, str]) -> None:
    """D3: the discount is worked out again in place of what was there; an owner's own discount comes off before."""
    bill = driver.invoice(pair[1])
    for text, price, off in (("Poster", "100", 45), ("Discount", "-20", 42)):
        driver.post(f"/bills/{bill}/items", text=text, qty="1", price=price, tax="19")
        ours = [price for text, price, tax in items(driver, bill) if text == "Referral discount"]
        assert sum(ours) == pytest.approx(-off)
    assert float(driver.sees(bill).subtotal.amount) == 280


def test_the_discount_of_a_cancelled_bill_is_the_next_ones(driver: Freelance, pair: tuple[str, str]) -> None:
    """D5: of the next bill that is sent, though its draft is older; a draft that is edited or deleted is none."""
    draft, other = driver.draft(pair[1]), driver.draft(pair[1])
    first = driver.invoice(pair[1])
    driver.pay(first)
    assert driver.credit(pair[0]) == 50
    driver.post(f"/bills/{first}/cancel")
    assert (driver.state(pair[1]), driver.credit(pair[0])) == ("pending", 0)
    driver.post(f"/bills/{draft}/edit", customer_id=pair[1], text="Logo", qty="1", price="400", tax="19")
    driver.post(f"/bills/{other}/delete")
    assert len(items(driver, draft)) == 1
    driver.send(draft)
    assert items(driver, draft)[1] == ("Referral discount", -60, 19)


def test_what_is_given_back(driver: Freelance, pair: tuple[str, str]) -> None:
    """U1, U2: a part leaves the flat reward, all takes it; a deleted receipt un-pays."""
    jane, kiera = pair
    bill = driver.invoice(kiera)
    driver.post(f"/bills/{bill}/receipts", amount="100", how="bank")
    assert (driver.sees(bill).settled, driver.credit(jane)) == (False, 0)
    driver.post(f"/bills/{bill}/receipts", amount="102.30", how="cash")
    assert driver.credit(jane) == 50
    driver.post(f"/bills/{bill}/back", amount="20")
    seen = driver.sees(bill)
    assert (seen.settled, float(seen.paid.amount), driver.credit(jane)) == (True, 182.3, 50)
    driver.post(f"/bills/{bill}/back", amount="182.30")
    assert (driver.sees(bill).settled, driver.credit(jane)) == (False, 0)
    driver.post(f"/bills/{bill}/receipts", amount="10", how="cash")
    assert (driver.sees(bill).settled, driver.credit(jane)) == (False, 0)
    driver.pay(bill)
    assert driver.credit(jane) == 50
    *_, last = re.findall(rf'action="(/bills/{bill}/receipts/\d+/delete)"', driver.get(f"/bills/{bill}"))
    driver.post(last)
    assert (driver.state(kiera), driver.credit(jane)) == ("pending", 0)


def test_credit_is_a_receipt(driver: Freelance, pair: tuple[str, str]) -> None:
    """K4: in place of what was there; one that the owner deletes comes back once money has paid the bill."""
    jane, kiera = pair
    driver.pay(driver.invoice(kiera))
    bill = driver.invoice(jane)
    with driver.context():
        session = driver.referrals.session()
        for amount in (20, 50):
            value = driver.sees(bill).subtotal.from_minor(amount * 100, "EUR")
            assert driver.referrals.use_credit(session.get(driver.models.Bill, int(bill)), value).ok
    assert (receipts(driver, bill), driver.credit(jane)) == ([("credit", 50)], 0)
    driver.undo(bill)
    driver.pay(bill)
    assert (receipts(driver, bill), driver.credit(jane)) == ([("card", 238)], 50)


def test_a_bill_that_was_paid_with_both_is_undone(driver: Freelance, pair: tuple[str, str]) -> None:
    """K4, U1: the money is given back, and the credit's receipt deleted."""
    jane, kiera = pair
    driver.pay(driver.invoice(kiera))
    bill = driver.invoice(jane)
    with driver.context():
        session = driver.referrals.session()
        assert driver.referrals.use_credit(session.get(driver.models.Bill, int(bill))).ok
    driver.pay(bill)
    assert (receipts(driver, bill), driver.credit(jane)) == ([("credit", 50), ("card", 188)], 0)
    driver.post(f"/bills/{bill}/back", amount="188")
    assert (driver.sees(bill).settled, driver.credit(jane)) == (True, 0)
    driver.post(re.findall(rf'action="(/bills/{bill}/receipts/\d+/delete)"', driver.get(f"/bills/{bill}"))[0])
    assert (driver.sees(bill).settled, driver.credit(jane)) == (False, 50)
    assert driver.command("reconcile", "--org", driver.org)[0] == 0


def test_a_script_without_an_app(driver: Freelance, pair: tuple[str, str]) -> None:
    """§3.13: an item that it changes and a receipt that it books, by a session of its own, are seen."""
    bill, models = driver.invoice(pair[1]), driver.models

    def script() -> None:
        engine = create_engine(driver.app.config["DATABASE_URL"])
        with Session(engine) as session, session.begin():
            session.scalars(select(models.BillItem).filter_by(bill_id=int(bill), price=200)).one().price = 400
        with Session(engine) as session:
            session.add(models.Receipt(bill_id=int(bill), amount=404.6, how="bank"))
            session.commit()
        engine.dispose()

    thread = Thread(target=script)
    thread.start()
    thread.join()
    assert items(driver, bill)[1] == ("Referral discount", -60, 19)
    assert (driver.state(pair[1]), driver.credit(pair[0])) == ("qualified", 50)


def test_our_forms_carry_its_token(driver: Freelance, pair: tuple[str, str]) -> None:
    """§3.11: the app checks every POST, ours as well; ours carry its field, in the portal and in the admin."""
    browser = driver.app.test_client()
    address = f"{driver.link(pair[0])}/referrals/code"
    form = hidden(driver.get(address, browser))
    assert list(form) == ["_token"]
    chosen = f"JANE{next(_NUMBERS)}XYZ"
    assert browser.post(address, data={"code": chosen}).status_code == 400
    assert browser.post(address, data=form | {"code": chosen}).status_code == 303
    assert driver.code(pair[0]) == chosen
    owner = driver.owners[driver.org]
    form = hidden(driver.get("/admin/referrals/settings"))
    assert owner.post("/admin/referrals/switch", data={"program": "on"}).status_code == 400
    assert owner.post("/admin/referrals/switch", data=form | {"program": "on"}).status_code in (302, 303)


def test_the_link_is_the_login(driver: Freelance, pair: tuple[str, str]) -> None:
    """§3.7: below the customer's link everything of ours is the customer's, and two customers share a browser."""
    browser = driver.app.test_client()
    driver.code(pair[0])
    for number, name in zip(pair, ("Jane", "Kiera"), strict=True):
        token_page = driver.get(driver.link(number), browser)
        assert f'href="{driver.link(number)}/referrals/"' in token_page, name
    portal = f"{driver.link(pair[0])}/referrals"
    page = driver.get(f"{portal}/", browser)
    assert "Kiera L." in page
    assert "Kiera L." not in driver.get(f"{driver.link(pair[1])}/referrals/", browser)
    addresses = set(re.findall(r'(?:href|action|src)="(/[^"]*)"', page))
    ours = {address for address in addresses if "/referrals/" in address and "/static/" not in address}
    assert len(ours) > 3
    assert all(address.startswith(portal) for address in ours)
    for address in ours:
        assert browser.get(address).status_code == 200, address
    assert browser.get(f"{portal}/").headers["Referrer-Policy"] == "same-origin"


def test_the_token_stands_in_nothing_but_the_clients_own_pages(driver: Freelance, pair: tuple[str, str]) -> None:
    """§3.7: stylesheets are the same for all; a token that nobody has is a page that there is not, in the API too."""
    token = driver.link(pair[0]).rpartition("/")[2]
    page = driver.get(f"/p/{token}/referrals/", driver.app.test_client())
    files = re.findall(r'(?:href|src)="([^"]*\.(?:css|js))"', page)
    assert files
    assert not [one for one in files if token in one]
    for path in ("", "news", "api", "api/news"):
        assert driver.app.test_client().get(f"/p/{'0' * 32}/referrals/{path}").status_code == 404, path
    assert driver.app.test_client().get(f"/p/{token}/referrals/api").status_code == 200
    assert driver.app.test_client().get("/admin/referrals/").headers["Location"].startswith("/login?next=")


def test_two_owners_do_not_see_each_other(driver: Freelance) -> None:
    """A5, §3.15: nor their customers, though these have one email; a code is worth nothing with the other owner."""
    jane = driver.register("Jane Smith", "jane@both.example")
    code = driver.code(jane)
    with driver.as_owner(bob(driver), "USD"):
        other = driver.register("Jane Smith", "jane@both.example")
        kiera = somebody(driver, "Kiera Lopez", code)
        own = somebody(driver, "Kim Lang", driver.code(other))
        bill = driver.invoice(own)
        assert (driver.state(kiera), driver.state(own), driver.discount(own)) == (None, "pending", 30)
        driver.pay(bill)
        assert (driver.credit(other), driver.sees(bill).currency) == (50, "USD")
        assert "Kim Lang" in driver.get("/admin/referrals/")
        assert driver.owners[driver.org].get(f"/admin/referrals/clients/{jane}").status_code == 404
        assert "Bob Writes" in driver.get(f"{driver.link(other)}/referrals/")
    assert "Kim Lang" not in driver.get("/admin/referrals/")
    assert driver.credit(jane) == 0
    page = driver.get(f"{driver.link(jane)}/referrals/")
    assert ("Ann&#39;s Studio" in page, "Kim" in page) == (True, False)


def test_a_link_where_nobody_registers(driver: Freelance, pair: tuple[str, str]) -> None:
    """C5: it shows who recommends whom, what that brings, and the code to mention, since owners make the customers."""
    code = driver.code(pair[0])
    page = driver.get(f"/r/{driver.org}/{code}", driver.app.test_client())
    for part in ("Jane S.", "15% off", f"{code[:4]}-{code[4:]}", "Ann&#39;s Studio", driver.frame):
        assert part in page, part
    assert "Smith" not in page
    unknown = driver.app.test_client().get(f"/r/{driver.org}/NOSUCHCODE")
    assert (unknown.status_code, "go on without one" in unknown.get_data(as_text=True)) == (404, False)


def test_a_wrong_code_stops_no_customer(driver: Freelance) -> None:
    """A6: it is on the log."""
    number = somebody(driver, "Sam Stone", "no such code")
    with driver.context():
        kinds: list[Any] = [line.kind for line in driver.referrals.activity(driver.value(number))]
    assert (driver.state(number), kinds) == (None, ["attribution_refused"])
