"""What is special about bigbooks: eleven ways to become paid, all ways back, drafts, tax rates, portal, history."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from tests.databases import fresh_database

from .drivers.bigbooks import Bigbooks, Hand, migrating
from .plugging import read_plug

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.LegacyAPIWarning"),
    pytest.mark.filterwarnings("ignore:Passing SelectField choices:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bigbooks]:
    """One app for all: each test has clients of its own."""
    copy = read_plug("bigbooks").put_into(tmp_path_factory.mktemp("bigbooks"))
    with fresh_database("sqlite") as url, Bigbooks.running(copy, url) as found:
        yield found


@pytest.fixture
def driver(running: Bigbooks) -> Iterator[Bigbooks]:
    """With the usual terms; the books must be right after every test, and nothing missed."""
    with running.context():
        running.switch_on()
    yield running
    with running.context():
        assert list(running.referrals.verify_ledger()) == []
    assert running.command("reconcile")[0] == 0


@pytest.fixture
def pair(driver: Bigbooks) -> tuple[str, str]:
    """Jane, and Kiera who came by her."""
    return come(driver)


def come(driver: Bigbooks, **terms: Any) -> tuple[str, str]:
    """A new Jane, and a Kiera who came by her under these terms."""
    if terms:
        with driver.context():
            driver.switch_on(**terms)
    driver.emails += 1
    jane = driver.register("Jane Smith", f"jane{driver.emails}@mail.example")
    return jane, driver.register("Kiera Lopez", f"kiera{driver.emails}@mail.example", driver.code(jane))


def kinds(driver: Bigbooks, client_id: str) -> list[str]:
    """The kinds of lines on the client's log."""
    with driver.context():
        return [line.kind for line in driver.referrals.activity(driver.value(client_id))]


# -- eleven ways to become paid ----------------------------------------------------------------------------------------


def recorded(driver: Bigbooks, number: str) -> None:
    """The office records a payment, in two parts."""
    for amount in ("100", str(driver.record(number).balance - 100)):
        driver.clerk.post(f"/payments/invoice/{number}/new", {"amount": amount, "method": "bank"})


def statement(driver: Bigbooks, number: str) -> None:
    """The bank's statement is uploaded."""
    found = driver.record(number)
    rows = f"2024-05-02,{found.number} thanks,{found.balance}\n".encode()
    driver.clerk.post("/payments/statement", {"file": (io.BytesIO(rows), "may.csv")})


def marked(driver: Bigbooks, number: str) -> None:
    """The button for those who know that the money is there."""
    driver.clerk.post(f"/invoices/{number}/mark-paid")


def in_bulk(driver: Bigbooks, number: str) -> None:
    """Ticked in the list: an UPDATE that tells the session nothing, and payments by an INSERT."""
    driver.clerk.post("/invoices/bulk", {"ids": [number], "action": "mark_paid"})


def by_credit_note(driver: Bigbooks, number: str) -> None:
    """A credit note of the app's own is applied."""
    invoice = driver.record(number)
    form = {"amount": "1000", "reason": "Returned goods"}
    driver.clerk.post(f"/clients/{invoice.client_id}/credit-notes/new", form)
    note = driver.query(driver.models.CreditNote, client_id=invoice.client_id)[-1]
    driver.clerk.post(f"/invoices/{number}/apply-credit", {"credit_note_id": note.id})


def by_card(driver: Bigbooks, number: str) -> None:
    """The client pays in the portal."""
    contact = driver.query(driver.models.Contact, client_id=driver.record(number).client_id)[0]
    form = {"card_number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "123"}
    driver.portal(contact.email).post(f"/portal/invoices/{number}/pay", form)


def by_api(driver: Bigbooks, number: str) -> None:
    """The warehouse's system reports it, without any token."""
    data = {"amount": str(driver.record(number).balance)}
    driver.app.test_client().post(
        f"/api/invoices/{number}/payments", json=data, headers={"X-Api-Key": "test-api-key"}
    )  # fmt: skip


def by_webhook(driver: Bigbooks, number: str) -> None:
    """The payment provider says so, twice."""
    found = driver.record(number)
    for _ in range(2):
        payco(driver, f"evt_{number}", "payment.succeeded", found.number, found.balance)


def payco(driver: Bigbooks, event: str, kind: str, number: str, amount: Decimal) -> None:
    """One signed event."""
    data = {"invoice_number": number, "amount": str(amount)}
    body = json.dumps({"id": event, "type": kind, "data": data}).encode()
    signature = hmac.new(b"payco-test-secret", body, hashlib.sha256).hexdigest()
    client = driver.app.test_client()
    answer = client.post("/api/webhooks/payco", data=body, headers={"X-Payco-Signature": signature})
    assert answer.status_code == 200


def imported_file(driver: Bigbooks, number: str) -> None:
    """A command, outside any request."""
    found = driver.record(number)
    file = Path(driver.app.root_path) / f"payments-{number}.csv"
    file.write_text(f"number,amount,reference\n{found.number},{found.balance},r{number}\n")
    assert (
        "1 payments imported" in driver.app.test_cli_runner().invoke(args=["bill", "import-payments", str(file)]).output
    )


def small_balance(driver: Bigbooks, number: str) -> None:
    """Nearly all is paid, and cron settles the rest."""
    form = {"amount": str(driver.record(number).balance - Decimal("0.60")), "method": "cash"}
    driver.clerk.post(f"/payments/invoice/{number}/new", form)
    assert "1 invoices settled" in driver.app.test_cli_runner().invoke(args=["bill", "settle-small"]).output


WAYS = [
    recorded, statement, marked, in_bulk, by_credit_note, by_card, by_api, by_webhook, imported_file, small_balance,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_way_to_become_paid(driver: Bigbooks, pair: tuple[str, str], way: Callable[[Bigbooks, str], None]) -> None:
    """R1, R4: one reward, by a view, service or command in which no line was changed."""
    jane, kiera = pair
    invoice = driver.invoice(kiera)
    assert (driver.record(invoice).total, driver.state(kiera)) == (Decimal("204.00"), "pending")
    way(driver, invoice)
    assert driver.record(invoice).status == "paid"
    assert (driver.state(kiera), driver.credit(jane), kinds(driver, jane).count("reward_issued")) == (
        "qualified",
        50,
        1,
    )


def test_a_quick_sale(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """R1, D1: the eleventh way makes and pays an invoice at once: rewarded, and the discount waits for the next."""
    jane, kiera = pair
    form = {
        "client_id": kiera,
        "description": "Rope",
        "qty": "1",
        "unit_price": "9",
        "tax_rate": "20",
        "method": "cash",
    }
    driver.clerk.post("/invoices/quick-sale", form)
    assert (driver.state(kiera), driver.credit(jane), kinds(driver, jane).count("reward_issued")) == (
        "qualified",
        50,
        1,
    )
    assert driver.record(driver.invoice(kiera)).total == Decimal("204.00")


def test_many_at_once(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """R4: invoices of several clients by one statement."""
    first, other = pair, come(driver)
    numbers = [driver.invoice(kiera) for _, kiera in (first, other)]
    driver.clerk.post("/invoices/bulk", {"ids": numbers, "action": "mark_paid"})
    assert [driver.credit(jane) for jane, _ in (first, other)] == [50, 50]


def test_sent_in_bulk(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """D1: a draft is no invoice until it is sent, also where many are sent together."""
    number = driver.draft(pair[1])
    assert (driver.discount(pair[1]), driver.record(number).total) == (0, Decimal("240.00"))
    driver.clerk.post("/invoices/bulk", {"ids": [number], "action": "send"})
    assert driver.record(number).total == Decimal("204.00")


def test_a_draft_that_is_marked_as_paid(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """R1, D1: it is paid when we first see it: rewarded, and the discount waits for the next."""
    jane, kiera = pair
    number = driver.draft(kiera)
    marked(driver, number)
    assert (driver.credit(jane), driver.record(number).total, driver.discount(kiera)) == (50, Decimal("240.00"), 0)
    assert driver.record(driver.invoice(kiera)).total == Decimal("204.00")


# -- all ways back -----------------------------------------------------------------------------------------------------


def reverse(driver: Bigbooks, number: str) -> None:
    """The bank took it back."""
    for payment in driver.record(number).payments:
        driver.clerk.post(f"/payments/{payment.id}/reverse")


def void(driver: Bigbooks, number: str) -> None:
    """An admin voids the paid invoice."""
    driver.admin.post(f"/invoices/{number}/void")


def delete(driver: Bigbooks, number: str) -> None:
    """An admin deletes it; the row stays."""
    driver.admin.post(f"/invoices/{number}/delete")


def raise_it(driver: Bigbooks, number: str) -> None:
    """An admin adds a line, so that it is not paid in full any more."""
    form = {"description": "Rope", "qty": "1", "unit_price": "100", "tax_rate": "20"}
    driver.admin.post(f"/invoices/{number}/lines", form)


def refunded_by_webhook(driver: Bigbooks, number: str) -> None:
    """The payment provider gave it back."""
    found = driver.record(number)
    payco(driver, f"evt_back_{number}", "payment.refunded", found.number, found.amount_paid)


BACK = [reverse, Bigbooks.undo, refunded_by_webhook, void, delete, raise_it]


@pytest.mark.parametrize("way", BACK, ids=lambda way: way.__name__)
def test_each_way_back(driver: Bigbooks, pair: tuple[str, str], way: Callable[[Bigbooks, str], None]) -> None:
    """U1: the reward goes back to the cent, and the referral waits."""
    jane, kiera = pair
    invoice = driver.invoice(kiera)
    driver.pay(invoice)
    way(driver, invoice)
    assert (driver.state(kiera), driver.credit(jane)) == ("pending", 0)
    if driver.record(invoice).is_payable:
        driver.pay(invoice)
        assert (driver.state(kiera), driver.credit(jane)) == ("qualified", 50)


def test_refunds_of_parts(driver: Bigbooks) -> None:
    """U2: each takes its part of a percentage, though the app now calls the invoice part paid; the last takes all."""
    jane, kiera = come(driver, referrer_reward={"kinds": ["credit"], "percent": "10"})
    invoice = driver.invoice(kiera)
    driver.pay(invoice)
    assert driver.credit(jane) == 17
    for amount, left in (("51", 12.75), ("51", 8.5), ("102", 0)):
        driver.clerk.post(f"/payments/invoice/{invoice}/refund", {"amount": amount, "note": "Returned"})
        assert driver.credit(jane) == left
    assert driver.state(kiera) == "pending"
    driver.clerk.post(f"/payments/invoice/{invoice}/new", {"amount": "100", "method": "bank"})
    assert driver.state(kiera) == "pending"  # what was refunded does not count twice
    driver.pay(invoice)
    assert driver.credit(jane) == 17


def test_deleted_and_restored(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """U1, D5: a deleted invoice counts as void, and as what it is again once it is restored."""
    jane, kiera = pair
    invoice = driver.invoice(kiera)
    driver.pay(invoice)
    delete(driver, invoice)
    assert (driver.state(kiera), driver.credit(jane), driver.discount(kiera)) == ("pending", 0, 0)
    driver.admin.post(f"/admin/deleted/{invoice}/restore")
    assert (driver.state(kiera), driver.credit(jane), driver.discount(kiera)) == ("qualified", 50, 30)


def test_restored_while_another_has_the_discount(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """D3: it is used once; the one that is restored is to be paid in full."""
    first = driver.invoice(pair[1])
    delete(driver, first)
    second = driver.invoice(pair[1])
    driver.admin.post(f"/admin/deleted/{first}/restore")
    assert [driver.record(one).total for one in (first, second)] == [Decimal("240.00"), Decimal("204.00")]


def test_after_a_void_the_next_that_is_sent(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """D5: a draft of before, which is sent now, gets the discount."""
    first, draft = driver.invoice(pair[1]), driver.draft(pair[1])
    driver.clerk.post(f"/invoices/{first}/void")
    driver.clerk.post(f"/invoices/{draft}/send")
    assert driver.record(draft).total == Decimal("204.00")


# -- what is no invoice ------------------------------------------------------------------------------------------------


def test_estimates_and_templates(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """§3.8: they never count; what they become is a draft, and an invoice when it is sent."""
    jane, kiera = pair
    estimate = driver.clerk.post("/estimates/new", {"client_id": kiera}).headers["Location"].rsplit("/", 1)[1]
    line = {"description": "Anvil", "qty": "1", "unit_price": "200", "tax_rate": "20"}
    driver.clerk.post(f"/invoices/{estimate}/lines", line)
    template = driver.draft(kiera, kind="recurring_template")
    for number in (estimate, template):
        driver.clerk.post(f"/invoices/{number}/send")
        marked(driver, number)
    found = [driver.record(one) for one in (estimate, template)]
    assert [(one.status, one.total) for one in found] == [("sent", Decimal("240.00"))] * 2
    assert (driver.state(kiera), driver.discount(kiera)) == ("pending", 0)
    driver.app.test_cli_runner().invoke(args=["bill", "run-recurring"])
    converted = driver.clerk.post(f"/estimates/{estimate}/convert").headers["Location"].rsplit("/", 1)[1]
    assert (driver.record(converted).status, driver.discount(kiera)) == ("draft", 0)
    driver.clerk.post(f"/invoices/{converted}/send")
    assert driver.record(converted).total == Decimal("204.00")
    driver.pay(converted)
    assert (driver.state(kiera), driver.credit(jane)) == ("qualified", 50)


# -- the discount on its lines -----------------------------------------------------------------------------------------


def test_each_tax_rate_is_right(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """D2: a negative line for each rate, recalculated by the app; a discount given by hand stays."""
    number = driver.draft(
        pair[1],
        {"qty": "3", "unit_price": "33.33", "discount": "9.99", "tax_rate": "20"},
        {"unit_price": "45.55", "tax_rate": "20"},
        {"unit_price": "99.95", "tax_rate": "5"},
        {"unit_price": "10.01", "tax_rate": "0"},
    )
    driver.clerk.post(f"/invoices/{number}/send")
    found = driver.record(number)
    net = {Decimal(20): Decimal("135.55"), Decimal(5): Decimal("99.95"), Decimal(0): Decimal("10.01")}
    ours = {line.tax_rate: line.line_total for line in found.lines if line.description == "Referral discount"}
    assert ours == {Decimal(20): Decimal("-20.34"), Decimal(5): Decimal("-14.99"), Decimal(0): Decimal("-1.50")}
    assert (sum(ours.values()), found.discount_total) == (Decimal("-36.83"), Decimal("9.99"))  # 15% of 245.51
    tax = sum(((net[rate] + ours[rate]) * rate / 100).quantize(Decimal("0.01")) for rate in net)
    assert (found.tax_total, found.total) == (tax, sum(net.values()) + sum(ours.values()) + tax)


def test_lines_that_are_changed(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """D3: worked out again in place of what was there; a line of ours that somebody removes comes back."""
    number = driver.invoice(pair[1])
    for rate in ("20", "5"):
        form = {"description": "Rope", "qty": "1", "unit_price": "100", "tax_rate": rate, "discount": "20"}
        driver.clerk.post(f"/invoices/{number}/lines", form)
    ours = [line for line in driver.record(number).lines if line.description == "Referral discount"]
    assert sorted(line.line_total for line in ours) == [Decimal("-42.00"), Decimal("-12.00")]  # 15% of 280 and 80
    driver.clerk.post(f"/invoices/{number}/lines/{ours[0].id}/delete")
    found = driver.record(number)
    assert (found.discount_total, found.total) == (Decimal("40.00"), Decimal("357.00"))  # 238 and 20%, 68 and 5%
    driver.clerk.post(f"/invoices/{number}/lines/{found.lines[0].id}/delete")
    assert driver.record(number).total == Decimal("153.00")  # 68 and 20%, 68 and 5%


# -- credit ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rich(driver: Bigbooks) -> str:
    """A client with 50.00 of credit, which goes on its invoices by itself."""
    jane, kiera = come(driver, auto_apply_credit=True)
    driver.pay(driver.invoice(kiera))
    assert driver.credit(jane) == 50
    return jane


def test_credit_and_credit_notes(driver: Bigbooks, rich: str) -> None:
    """K4: ours is a payment of its own; a void gives back each to where it came from."""
    invoice = driver.invoice(rich)
    by_note = {"amount": "20", "reason": "Returned goods"}
    driver.clerk.post(f"/clients/{rich}/credit-notes/new", by_note)
    note = driver.query(driver.models.CreditNote, client_id=int(rich))[-1]
    driver.clerk.post(f"/invoices/{invoice}/apply-credit", {"credit_note_id": note.id})
    found = driver.record(invoice)
    assert (found.amount_paid, found.credit_applied, found.balance) == (50, 20, 170)
    assert (found.payments[0].method, driver.credit(rich)) == ("referral credit", 0)
    driver.clerk.post(f"/invoices/{invoice}/void")
    driver.admin.post(f"/invoices/{invoice}/void")
    notes = driver.query(driver.models.CreditNote, client_id=int(rich))
    assert ([one.remaining for one in notes], driver.credit(rich)) == ([0, 20], 50)
    found = driver.record(invoice)
    assert (found.amount_paid, found.payments[0].reversed_at is not None) == (0, True)


def test_a_refund_gives_back_money_first(driver: Bigbooks, rich: str) -> None:
    """K4, U2: the money, then the credit."""
    invoice = driver.invoice(rich)
    driver.pay(invoice)
    for amount, credit in (("190", 0), ("20", 20), ("30", 50)):
        driver.clerk.post(f"/payments/invoice/{invoice}/refund", {"amount": amount, "note": "Returned"})
        assert driver.credit(rich) == credit
    assert driver.record(invoice).status == "sent"


def test_credit_that_is_reversed_by_hand(driver: Bigbooks, rich: str) -> None:
    """K4: while the invoice is open `reconcile` tells of it, and puts it back."""
    invoice = driver.invoice(rich)
    driver.clerk.post(f"/payments/{driver.record(invoice).payments[0].id}/reverse")
    assert driver.record(invoice).amount_paid == 0
    code, told = driver.command("reconcile")
    assert (code, "50.00" in told) == (1, True), told
    driver.command("reconcile", "--repair")
    assert driver.record(invoice).amount_paid == 50


def test_credit_that_covers_all(driver: Bigbooks, rich: str) -> None:
    """K4, R1: the app counts it as paid at once, and so do we; a line removed later gives credit back."""
    number = driver.draft(rich, {"unit_price": "10"}, {"unit_price": "20"})
    driver.clerk.post(f"/invoices/{number}/send")
    found = driver.record(number)
    assert (found.status, found.total, driver.credit(rich)) == ("paid", 36, 14)
    assert "credit_captured" in kinds(driver, rich)
    delete(driver, number)
    assert driver.credit(rich) == 50
    driver.admin.post(f"/admin/deleted/{number}/restore")
    assert driver.record(number).balance == 36


# -- the portal, the staff, the forms ----------------------------------------------------------------------------------


class Inline(HTMLParser):
    """Finds what the app's Content-Security-Policy forbids, and everything that a page loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.loaded: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One tag."""
        named = dict(attrs)
        self.forbidden += [f"{tag} {name}" for name in named if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not named.get("src")):
            self.forbidden.append(tag)
        for name in ("src", "action", "formaction") + (("href",) if tag == "link" else ()):
            if named.get(name):
                self.loaded.append(str(named[name]))


STAFF_PAGES = (
    "", "settings", "versions", "dashboard", "liability", "simulator", "queue", "payouts", "attribute", "clients/1",
    "referrals/1", "why/1",
)  # fmt: skip
CLIENT_PAGES = ("", "news", "settings", "invite", "code")


def test_no_page_of_ours_breaks_its_policy(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """§3.11: no script, style or handler in the page, and nothing from elsewhere; in the app's two layouts."""
    jane, kiera = pair
    driver.pay(driver.invoice(kiera))
    portal = driver.portal(driver.query(driver.models.Contact, client_id=int(jane))[0].email)
    pages = [driver.clerk.get(f"/admin/referrals/{page}") for page in STAFF_PAGES]
    pages += [portal.get(f"/portal/referrals/{page}") for page in CLIENT_PAGES]
    pages.append(driver.app.test_client().get("/r/NONE2345"))
    for page in pages:
        assert page.status_code == (404 if page.request.path.startswith("/r/") else 200), page.request.path
        assert "script-src 'self'; style-src 'self'" in page.headers["Content-Security-Policy"]
        found = Inline(page.get_data(as_text=True))
        assert found.forbidden == [], page.request.path
        assert [one for one in found.loaded if not one.startswith("/")] == [], page.request.path
        assert '<link rel="stylesheet" href="/static/bigbooks.css">' in page.get_data(as_text=True)


@pytest.mark.parametrize("who", ["staff", "client"])
def test_our_forms_with_its_csrf_on(driver: Bigbooks, pair: tuple[str, str], who: str) -> None:
    """§3.11: they carry its token; without one it leads back, as with its own forms, and nothing is done."""
    jane = pair[0]
    if who == "staff":
        hand, page, address = driver.clerk, f"/admin/referrals/clients/{jane}", f"/admin/referrals/adjust/{jane}"
        form = {"amount": "5", "currency": "EUR", "note": "Sorry", "key": f"{int(jane):032x}"}
    else:
        hand = driver.portal(driver.query(driver.models.Contact, client_id=int(jane))[0].email)
        page = address = "/portal/referrals/code"
        form = {"code": f"JANE{jane}YES"}
    before = kinds(driver, jane)
    refused = hand.client.post(address, data=form, headers={"Referer": page})
    assert (refused.status_code, refused.headers["Location"], kinds(driver, jane)) == (302, page, before)
    hand.token, hand.page = "", page
    assert hand.post(address, form).status_code in (302, 303)
    assert len(kinds(driver, jane)) == len(before) + 1


def test_a_client_signs_up_by_a_link(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """C5, A1: from the link to the portal's own form, whose cookie is enough; nothing is typed."""
    jane = pair[0]
    hand = Hand(driver.app, "/portal/signup")
    landed_at = hand.get(f"/r/{driver.code(jane)}")
    assert (landed_at.status_code, landed_at.headers["Location"]) == (303, "/portal/signup")
    form = {"company": "Lee Ltd", "name": "Lee", "email": f"lee{jane}@mail.example", "phone": "", "referral_code": ""}
    assert hand.post("/portal/signup", form).headers["Location"] == "/portal/welcome"
    lee = driver.query(driver.models.Client, name="Lee Ltd")[-1]
    assert driver.state(str(lee.id)) == "pending"
    assert hand.get("/portal/referrals/").status_code == 200
    assert "Recommend us" in hand.get("/portal/").text


def test_a_code_that_is_mistyped(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """A6, C3: staff are told once at the field, and it keeps nobody from becoming a client."""
    form = {"name": "Mo", "billing_email": "mo@mail.example", "currency": "EUR", "referral_code": "NONE2345"}
    answer = driver.clerk.post("/clients/new", form)
    assert (answer.status_code, "referral_code-told" in answer.text) == (200, True)
    assert driver.clerk.post("/clients/new", form | {"referral_code-told": "NONE2345"}).status_code == 302
    assert driver.query(driver.models.Client, name="Mo")


def test_who_may_look(driver: Bigbooks, pair: tuple[str, str]) -> None:
    """§3.7: each has a login of its own; a client that was archived is out of our pages as of the app's."""
    jane = pair[0]
    nobody = driver.app.test_client()
    assert nobody.get("/portal/referrals/").headers["Location"].startswith("/portal/login?")
    assert nobody.get("/admin/referrals/").headers["Location"].startswith("/auth/login?")
    portal = driver.portal(driver.query(driver.models.Contact, client_id=int(jane))[0].email)
    assert portal.get("/admin/referrals/").status_code == 302
    assert portal.get("/portal/referrals/").status_code == 200
    driver.admin.post(f"/clients/{jane}/archive")
    assert portal.get("/portal/referrals/").headers["Location"].startswith("/portal/login?")


# -- its own history ---------------------------------------------------------------------------------------------------


def test_its_own_migrations_are_as_they_were(tmp_path: Path) -> None:
    """§6: check and migrate find nothing of ours to make or drop; down and up again, our tables stay where they are."""
    copy = read_plug("bigbooks").put_into(tmp_path)
    with fresh_database("sqlite") as url, Bigbooks.running(copy, url) as driver:

        def flask(*arguments: str) -> str:
            kept = driver.app.extensions["migrate"].configure_args
            kept.pop("process_revision_directives", None)  # its env.py leaves that behind, for commands in one process
            with migrating():
                done = driver.app.test_cli_runner().invoke(args=["db", *arguments])
            assert done.exit_code == 0, (done.output, done.exception)
            return done.output

        def tables() -> set[str]:
            with driver.context():
                return set(inspect(driver.db.engine).get_table_names())

        versions = copy / "bigbooks" / "migrations" / "versions"
        before, files = tables(), sorted(versions.glob("*.py"))
        flask("check")
        flask("migrate")
        assert sorted(versions.glob("*.py")) == files
        flask("downgrade", "base")
        ours = {table for table in before if table.startswith("referrals_")}
        assert tables() == ours | {"alembic_version"}
        flask("upgrade")
        assert tables() == before
        assert driver.command("db", "check")[0] == 0
