"""The example app on its own, over HTTP as a browser would: tokens, forms and pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import downgrade, upgrade
from sqlalchemy import func, inspect, select
from werkzeug.test import TestResponse

from example_app import billing, create_app, money
from example_app.billing import BillingError, LineItem
from example_app.extensions import db
from example_app.models import Business, Client, Invoice, Payment, Refund, Staff
from example_app.referrals import referrals
from example_app.seed import is_empty, seed

PASSWORD = "correct horse"
EVIL = '<script>alert("x")</script>'
EVIL_SHOWN = "&lt;script&gt;"


class Browser:
    """A test client that takes the CSRF token and the request key from the page, as a browser does."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, status: int = 200) -> str:
        """The text of a page."""
        response = self.client.get(path)
        assert response.status_code == status, (path, response.status_code)
        return response.get_data(as_text=True)

    def hidden(self, page: str, name: str) -> str:
        """A hidden field of a page."""
        found = re.search(rf'name="{name}"[^>]*value="([^"]+)"', page)
        assert found, f"no {name} on the page"
        return found[1]

    def post(self, path: str, data: dict[str, str], page: str | None = None) -> TestResponse:
        """Send a form with the token of the page that it is on."""
        token = self.hidden(self.get(page or path), "csrf_token")
        return self.client.post(path, data={"csrf_token": token, "request_key": str(uuid4()), **data})

    def staff(self, email: str = "staff@one.example.com") -> Browser:
        """Log in as staff."""
        assert self.post("/staff/login", {"email": email, "password": PASSWORD}).status_code == 302
        return self

    def portal(self, email: str = "ann@example.com", slug: str = "one") -> Browser:
        """Log in as a client."""
        assert self.post(f"/{slug}/login", {"email": email, "password": PASSWORD}).status_code == 302
        return self


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The app on an own database, with two businesses, each with staff and a client."""
    uri = f"sqlite:///{tmp_path / 'host.sqlite3'}"
    app = create_app({"SQLALCHEMY_DATABASE_URI": uri, "SECRET_KEY": "test", "TESTING": True})
    with app.app_context():
        upgrade()
        referrals.create_all()
        for slug in ("one", "two"):
            business = Business(slug=slug, name=f"Business {slug}", currency="USD")
            staff = Staff(business=business, name="Sam", email=f"staff@{slug}.example.com")
            staff.set_password(PASSWORD)
            db.session.add_all([business, staff])
            billing.register_client(business, name="Ann", email="ann@example.com", password=PASSWORD)
        db.session.commit()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def session(app: Flask) -> Iterator[None]:
    """An app context, for tests that call the use cases."""
    with app.app_context():
        yield


def line(amount: int, tax: int = 0) -> LineItem:
    """A line of an invoice."""
    return LineItem("Work", amount, tax_millipercent=tax)


def make(*lines: LineItem, slug: str = "one", currency: str = "USD", number: str = "INV-1") -> Invoice:
    """A committed invoice for the client of a business."""
    client = db.session.scalars(select(Client).join(Business).where(Business.slug == slug)).one()
    invoice = billing.create_invoice(client, number=number, currency=currency, lines=lines or (line(10_000),)).item
    db.session.commit()
    return invoice


def make_over_http(app: Flask, *lines: LineItem, slug: str = "one", currency: str = "USD") -> int:
    """The id of a committed invoice, for tests that go on over HTTP."""
    with app.app_context():
        return make(*lines, slug=slug, currency=currency).id


def count(model: type[Any]) -> int:
    """How many rows there are."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def counted(app: Flask, model: type[Any]) -> int:
    """How many rows there are, seen by a new session."""
    with app.app_context():
        return count(model)


def facts(app: Flask, invoice_id: int) -> tuple[str, int, int, int]:
    """Status, due, money paid and given back, seen by a new session."""
    with app.app_context():
        invoice = db.session.get_one(Invoice, invoice_id)
        return invoice.status, invoice.due_minor, invoice.money_paid_minor, invoice.refunded_minor


# -- sums ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("session")
def test_tax_is_rounded_once_per_rate() -> None:
    """Three lines of one rate are taxed together, and not line by line."""
    invoice = make(line(333, 8_875), line(333, 8_875), line(333, 8_875))
    assert invoice.taxes == [(8_875, 89)]  # 999 x 8.875 % = 88.66; each line alone would be 29.55 -> 30, 90 in all
    assert invoice.total_minor == 999 + 89


@pytest.mark.usefixtures("session")
def test_tax_of_two_rates_and_a_half() -> None:
    """Each rate has its own tax, a half goes up, and a line without tax has none."""
    invoice = make(line(50, 5_000), line(1_000, 19_000), line(700))
    assert invoice.taxes == [(5_000, 3), (19_000, 190)]
    assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (1_750, 193, 1_943)


@pytest.mark.usefixtures("session")
def test_discount_lowers_the_tax_and_replaces_the_one_before() -> None:
    """Tax is on what is left of each line, and a second discount is not added to the first."""
    invoice = make(line(1_000, 10_000), line(1_000, 20_000))
    invoice.apply_discount([900, 0], "Too much")
    invoice.apply_discount([100, 200], "Welcome")
    assert (invoice.discount_minor, invoice.discount_label) == (300, "Welcome")
    assert invoice.taxes == [(10_000, 90), (20_000, 160)]
    assert invoice.total_minor == 2_000 - 300 + 250
    with pytest.raises(ValueError, match="one part per line"):
        invoice.apply_discount([100], "Welcome")
    with pytest.raises(ValueError, match="does not fit"):
        invoice.apply_discount([1_001, 0], "Welcome")


@pytest.mark.usefixtures("session")
def test_changed_lines_have_no_discount() -> None:
    """New lines come without the discount of the old ones, which are gone."""
    invoice = make(line(1_000))
    invoice.apply_discount([100], "Welcome")
    billing.change_invoice(invoice, [line(500), line(600)])
    db.session.commit()
    assert (invoice.discount_minor, invoice.discount_label, invoice.total_minor) == (0, None, 1_100)


# -- what comes of an invoice ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("session")
def test_part_payments_settle_only_with_the_last() -> None:
    """The invoice is open until nothing is due, and then takes no more money."""
    invoice = make(line(10_000))
    billing.record_payment(invoice, 4_000)
    assert (invoice.status, invoice.due_minor, invoice.paid_at, invoice.standing) == ("open", 6_000, None, "part paid")
    with pytest.raises(BillingError) as refused:
        billing.record_payment(invoice, 6_001)
    assert (refused.value.code, refused.value.field) == ("too_much", "amount")
    billing.record_payment(invoice)
    assert (invoice.status, invoice.due_minor) == ("paid", 0)
    assert invoice.paid_at is not None
    with pytest.raises(BillingError, match="takes no payment"):
        billing.record_payment(invoice, 1)


@pytest.mark.usefixtures("session")
def test_credit_counts_as_paid() -> None:
    """Credit lowers what is due, and is replaced and not added."""
    invoice = make(line(10_000))
    invoice.apply_credit(9_000)
    invoice.apply_credit(3_000)
    assert invoice.due_minor == 7_000
    billing.record_payment(invoice)
    assert (invoice.status, invoice.money_paid_minor) == ("paid", 7_000)


@pytest.mark.usefixtures("session")
def test_nothing_due_is_settled_by_the_payment_step_only() -> None:
    """An invoice that credit covers stays open until it is settled, without a payment of zero."""
    invoice = make(line(10_000))
    invoice.apply_credit(10_000)
    db.session.commit()
    assert (invoice.status, invoice.due_minor) == ("open", 0)
    assert billing.record_payment(invoice) == (None, True)
    assert (invoice.status, count(Payment)) == ("paid", 0)
    assert billing.record_payment(invoice) == (None, False)


@pytest.mark.usefixtures("session")
def test_partial_refund_leaves_nothing_due() -> None:
    """Giving back a part does not make the client owe it again."""
    invoice = make(line(10_000))
    billing.record_payment(invoice)
    billing.refund(invoice, 2_500, reason="Late")
    assert (invoice.status, invoice.due_minor, invoice.refundable_minor) == ("paid", 0, 7_500)
    assert (invoice.is_refunded, invoice.standing) == (False, "part refunded")
    with pytest.raises(BillingError) as refused:
        billing.refund(invoice, 7_501, reason="Late")
    assert refused.value.code == "too_much"


@pytest.mark.usefixtures("session")
def test_full_refund_makes_it_unpaid_and_it_can_be_paid_again() -> None:
    """After everything went back, all is due again, and payments count on top of the earlier ones."""
    invoice = make(line(10_000))
    billing.record_payment(invoice)
    billing.refund(invoice, 2_500, reason="Late")
    billing.refund(invoice, reason="Never came")
    assert (invoice.status, invoice.paid_at, invoice.due_minor, invoice.is_refunded) == ("open", None, 10_000, True)
    with pytest.raises(BillingError, match="Nothing was paid"):
        billing.refund(invoice, reason="Again")
    billing.record_payment(invoice)
    assert (invoice.status, invoice.money_paid_minor, invoice.refunded_minor) == ("paid", 20_000, 10_000)
    assert (invoice.is_refunded, invoice.refundable_minor) == (False, 10_000)


@pytest.mark.usefixtures("session")
def test_money_goes_back_before_credit_in_every_round() -> None:
    """Credit that went back in the first round is not taken for money in the second."""
    invoice = make(line(10_000))
    invoice.apply_credit(3_000)
    billing.record_payment(invoice)
    billing.refund(invoice, 8_000, reason="Most of it")
    assert (invoice.money_refunded_minor, invoice.credit_minor, invoice.due_minor) == (7_000, 2_000, 0)
    billing.refund(invoice, reason="The rest")
    assert (invoice.refunded_minor, invoice.money_refunded_minor, invoice.credit_minor) == (10_000, 7_000, 0)
    assert invoice.due_minor == 10_000
    billing.record_payment(invoice, 6_000)
    assert (invoice.due_minor, invoice.money_kept_minor) == (4_000, 6_000)


@pytest.mark.usefixtures("session")
def test_lost_dispute_twice_is_once() -> None:
    """A lost dispute gives everything back, and saying so again changes nothing."""
    invoice = make(line(10_000))
    with pytest.raises(BillingError, match="Nothing was paid"):
        billing.lose_dispute(invoice)
    billing.record_payment(invoice)
    assert billing.lose_dispute(invoice) == (invoice, True)
    assert billing.lose_dispute(invoice) == (invoice, False)
    assert (invoice.refunded_minor, invoice.refund_reason, invoice.due_minor) == (10_000, "dispute", 10_000)


@pytest.mark.usefixtures("session")
def test_void_is_final() -> None:
    """A paid invoice can be void; then nothing is due, and it takes neither money nor changes."""
    invoice = make(line(10_000))
    billing.record_payment(invoice, 1_000)
    assert billing.void(invoice) == (invoice, True)
    at = invoice.voided_at
    assert billing.void(invoice) == (invoice, False)
    assert (invoice.status, invoice.due_minor, invoice.voided_at) == ("void", 0, at)
    for step in (lambda: billing.record_payment(invoice, 1), lambda: billing.change_invoice(invoice, [line(1)])):
        with pytest.raises(BillingError):
            step()
    billing.refund(invoice, reason="It was void")
    assert (invoice.status, invoice.due_minor) == ("void", 0)


@pytest.mark.usefixtures("session")
def test_change_not_below_what_was_paid() -> None:
    """Lines that come to less than what was paid are refused with a sentence."""
    invoice = make(line(10_000))
    billing.record_payment(invoice, 4_000)
    with pytest.raises(BillingError, match=r"\$40\.00 were already paid"):
        billing.change_invoice(invoice, [line(3_999)])


@pytest.mark.usefixtures("session")
def test_key_of_another_form_is_refused() -> None:
    """A request key does not lead to somebody else's payment."""
    first, second = make(number="INV-1"), make(slug="two")
    billing.record_payment(first, 1, request_key="k")
    with pytest.raises(BillingError) as refused:
        billing.record_payment(second, 1, request_key="k")
    assert refused.value.code == "key_reused"


# -- forms, as people use them ---------------------------------------------------------------------------------------

NEW = {
    "client": "1",
    "number": "A-7",
    "currency": "usd",
    "lines-0-description": "Design",
    "lines-0-service": "Studio",
    "lines-0-amount": "100.10",
    "lines-0-tax_percent": "8.875",
    "lines-3-description": "Travel",
    "lines-3-amount": "5",
}


def test_staff_writes_changes_and_books_an_invoice(app: Flask) -> None:
    """From the form to paid: empty lines are left out, amounts and rates are exact."""
    staff = Browser(app).staff()
    assert 'value="INV-1001"' in staff.get("/staff/invoices/new")
    sent = staff.post("/staff/invoices/new", NEW)
    assert sent.location == "/staff/invoices/1"
    with app.app_context():
        invoice = db.session.get_one(Invoice, 1)
        assert [(one.description, one.service, one.amount_minor) for one in invoice.lines] == [
            ("Design", "Studio", 10_010),
            ("Travel", None, 500),
        ]
        assert (invoice.currency, invoice.total_minor) == ("USD", 10_510 + 888)
    assert 'value="A-8"' in staff.get("/staff/invoices/new")
    assert 'value="8.875"' in staff.get("/staff/invoices/1/edit")
    changed = {"lines-0-description": "Design", "lines-0-amount": "80", "lines-0-tax_percent": ""}
    assert staff.post("/staff/invoices/1/edit", changed).status_code == 302
    page = staff.get("/staff/invoices/1")
    assert 'value="80.00"' in page
    sent = staff.post("/staff/invoices/1/payment", {"amount": "80.00", "method": "cash"}, "/staff/invoices/1")
    assert sent.status_code == 302
    assert facts(app, 1) == ("paid", 0, 8_000, 0)
    assert staff.get("/staff/?status=paid").count("A-7") == 1
    assert "A-7" not in staff.get("/staff/?status=open")


def test_refund_dispute_and_void_pages(app: Flask) -> None:
    """The buttons of the invoice page do what they say, and the page says what came of it."""
    invoice_id = make_over_http(app)
    path = f"/staff/invoices/{invoice_id}"
    staff = Browser(app).staff()
    staff.post(f"{path}/payment", {"amount": "100", "method": "card"}, path)
    staff.post(f"{path}/refund", {"amount": "30", "reason": "Late"}, path)
    assert facts(app, invoice_id) == ("paid", 0, 10_000, 3_000)
    assert 'value="70.00"' in staff.get(path)
    staff.post(f"{path}/dispute", {}, path)
    assert facts(app, invoice_id) == ("open", 10_000, 10_000, 10_000)
    assert "Refunded" in staff.get(path)
    staff.post(f"{path}/void", {}, path)
    staff.post(f"{path}/void", {}, path)
    assert facts(app, invoice_id)[:2] == ("void", 0)


def test_client_pays_in_parts(app: Flask) -> None:
    """The checkout is prefilled with what is due, takes a part, and goes when nothing is left."""
    invoice_id = make_over_http(app)
    path = f"/portal/invoices/{invoice_id}"
    client = Browser(app).portal()
    assert "$100.00" in client.get("/portal/")
    client.post(f"{path}/pay", {"amount": "60"}, path)
    assert 'value="40.00"' in client.get(path)
    client.post(f"{path}/pay", {"amount": "40.00"}, path)
    assert facts(app, invoice_id) == ("paid", 0, 10_000, 0)
    page = client.get(path)
    assert "Pay now" not in page
    assert "Paid, thank you" in page
    assert "Nothing" in client.get("/portal/")


def test_draft_is_hidden_from_the_client(app: Flask) -> None:
    """A draft is on no page of the client, and is opened by saving it without the tick."""
    staff, client = Browser(app).staff(), Browser(app).portal()
    staff.post("/staff/invoices/new", {**NEW, "draft": "y"})
    client.get("/portal/invoices/1", 404)
    assert "A-7" not in client.get("/portal/")
    staff.post("/staff/invoices/1/edit", {"lines-0-description": "Design", "lines-0-amount": "80"})
    assert "A-7" in client.get("/portal/")


def test_registering_logs_in(app: Flask) -> None:
    """A new client lands on the portal; an address that is taken is refused at its field."""
    visitor = Browser(app)
    form = {"name": "Bob", "email": "Bob@Example.com", "password": PASSWORD}
    assert visitor.post("/one/register", form).location == "/portal/"
    assert "Bob" in visitor.get("/portal/")
    again = Browser(app).post("/one/register", form)
    assert again.status_code == 422
    text = again.get_data(as_text=True)
    assert 'id="email-error">There is already an account' in text
    assert 'value="Bob@Example.com"' in text
    assert Browser(app).post("/two/register", form).location == "/portal/"


def test_client_added_by_staff_cannot_log_in(app: Flask) -> None:
    """Without a password there is no way in, not even with an empty one."""
    Browser(app).staff().post("/staff/clients/new", {"name": "Cy", "email": "cy@example.com"})
    assert counted(app, Client) == 3
    for password in ("", "x"):
        sent = Browser(app).post("/one/login", {"email": "cy@example.com", "password": password})
        assert sent.status_code == 422


def test_every_creating_form_sent_twice_creates_once(app: Flask) -> None:
    """The second of two equal submissions does nothing and answers like the first."""
    staff, visitor = Browser(app).staff(), Browser(app)
    key = str(uuid4())
    path = "/staff/invoices/1"
    steps: list[tuple[Browser, str, str, dict[str, str], type[Any], int]] = [
        (visitor, "/one/register", "/two/", {"name": "Bob", "email": "b@example.com", "password": PASSWORD}, Client, 3),
        (staff, "/staff/clients/new", "", {"name": "Cy", "email": "cy@example.com"}, Client, 4),
        (staff, "/staff/invoices/new", "", NEW, Invoice, 1),
        (staff, f"{path}/payment", path, {"amount": "113.98", "method": "card"}, Payment, 1),
        (staff, f"{path}/refund", path, {"amount": "113.98", "reason": "Late"}, Refund, 1),
    ]
    for number, (browser, target, page, data, model, rows) in enumerate(steps):
        data = {**data, "request_key": key[:-1] + str(number)}
        token = browser.hidden(browser.get(target if number == 0 else page or target), "csrf_token")
        answers = [browser.client.post(target, data={**data, "csrf_token": token}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [302, 302], target
        assert answers[0].location == answers[1].location
        assert counted(app, model) == rows, target


def test_key_of_a_client_is_no_password(app: Flask) -> None:
    """Sending somebody's request key with another password does not log in as them."""
    form = {"name": "Bob", "email": "b@example.com", "password": PASSWORD, "request_key": str(uuid4())}
    Browser(app).post("/one/register", form)
    thief = Browser(app)
    assert thief.post("/one/register", {**form, "password": "wrong horse"}).status_code == 422
    assert thief.client.get("/portal/").status_code == 302


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("", "Please enter an amount."),
        ("ten", "Please enter a number"),
        ("1e3", "Please enter a number"),
        ("NaN", "Please enter a number"),
        ("٣", "Please enter a number"),
        ("1,50", "without commas"),
        ("-5", "cannot be negative"),
        ("0.00", "more than zero"),
        ("1.999", "at most 2 decimals"),
        ("1000000000001", "too large"),
        ("100.01", "Only $100.00 are due"),
    ],
)
def test_bad_amounts_are_explained_at_the_field(app: Flask, amount: str, sentence: str) -> None:
    """A wrong amount is refused with a sentence at the field, what was typed stays, and nothing is booked."""
    invoice_id = make_over_http(app)
    path = f"/portal/invoices/{invoice_id}"
    sent = Browser(app).portal().post(f"{path}/pay", {"amount": amount}, path)
    text = sent.get_data(as_text=True)
    assert sent.status_code == 422
    found = re.search(r'id="amount-error">([^<]+)<', text)
    assert found
    assert sentence in found[1]
    assert 'aria-describedby="amount-error"' in text
    assert f'value="{amount}"' in text
    assert counted(app, Payment) == 0


def test_bad_lines_keep_what_was_typed(app: Flask) -> None:
    """Each wrong field of a line has its sentence, by the digits of the currency, and nothing typed is lost."""
    staff = Browser(app).staff()
    bad = {
        **{name: value for name, value in NEW.items() if not name.startswith("lines-3")},
        "currency": "JPY",
        "lines-0-tax_percent": "101",
        "lines-1-amount": "7",
        "lines-2-description": "Hotel",
        "lines-2-amount": "5.5",
    }
    sent = staff.post("/staff/invoices/new", bad)
    text = sent.get_data(as_text=True)
    assert sent.status_code == 422
    for error in (
        "lines-0-amount-error",
        "lines-0-tax_percent-error",
        "lines-1-description-error",
        "lines-2-amount-error",
    ):
        assert f'id="{error}"' in text
    assert "An amount in JPY has no decimals." in text
    for typed in ("A-7", "Design", "Studio", "100.10", "101", "Hotel", "5.5"):
        assert f'value="{typed}"' in text
    assert "Please add at least one line." in staff.post(
        "/staff/invoices/new", {"client": "1", "number": "A-7", "currency": "JPY"}
    ).get_data(as_text=True)
    assert "currency code" in staff.post("/staff/invoices/new", {**NEW, "currency": "ABC"}).get_data(as_text=True)
    assert counted(app, Invoice) == 0


def test_number_is_taken_only_once_per_business(app: Flask) -> None:
    """A number that the business has used is refused at its field; another business may use it."""
    staff = Browser(app).staff()
    staff.post("/staff/invoices/new", NEW)
    text = staff.post("/staff/invoices/new", NEW).get_data(as_text=True)
    assert 'id="number-error">There is already an invoice' in text
    other = Browser(app).staff("staff@two.example.com")
    assert other.post("/staff/invoices/new", {**NEW, "client": "2"}).status_code == 302


def test_html_is_shown_as_text_everywhere(app: Flask) -> None:
    """Nothing that anybody types becomes part of a page's markup."""
    visitor, staff = Browser(app), Browser(app).staff()
    visitor.post(
        "/one/register",
        {"name": EVIL, "email": "evil@example.com", "phone": f"1{EVIL}"[:40], "password": PASSWORD},
    )
    data = {
        **NEW,
        "client": "3",
        "number": EVIL[:40],
        "lines-0-description": EVIL,
        "lines-0-service": EVIL,
    }
    assert staff.post("/staff/invoices/new", data).status_code == 302
    staff.post("/staff/invoices/1/payment", {"amount": "10", "method": "card"}, "/staff/invoices/1")
    staff.post("/staff/invoices/1/refund", {"amount": "1", "reason": EVIL}, "/staff/invoices/1")
    for browser, path in [
        (staff, "/staff/"),
        (staff, "/staff/clients"),
        (staff, "/staff/clients/3"),
        (staff, "/staff/invoices/new"),
        (staff, "/staff/invoices/1"),
        (staff, "/staff/invoices/1/edit"),
        (visitor, "/portal/"),
        (visitor, "/portal/invoices/1"),
    ]:
        page = browser.get(path)
        assert "<script>" not in page, path
        assert EVIL_SHOWN in page, path
    assert EVIL_SHOWN in staff.get("/staff/clients?q=%3Cscript%3E%27")


# -- who may see what ------------------------------------------------------------------------------------------------


def test_another_business_is_not_there(app: Flask) -> None:
    """Staff and clients of one business get 404 for what belongs to another, for reading and for writing."""
    invoice_id = make_over_http(app, slug="two")
    staff, client = Browser(app).staff(), Browser(app).portal()
    for path in (f"/staff/invoices/{invoice_id}", f"/staff/invoices/{invoice_id}/edit", "/staff/clients/2"):
        staff.get(path, 404)
    for step in ("payment", "refund", "dispute", "void", "edit"):
        sent = staff.post(f"/staff/invoices/{invoice_id}/{step}", {"amount": "1", "reason": "x"}, "/staff/")
        assert sent.status_code == 404, step
    assert "Not a valid choice" in staff.post("/staff/invoices/new", {**NEW, "client": "2"}).get_data(as_text=True)
    client.get(f"/portal/invoices/{invoice_id}", 404)
    assert client.post(f"/portal/invoices/{invoice_id}/pay", {"amount": "1"}, "/portal/").status_code == 404
    staff.get("/staff/invoices/99999999999999999999", 404)
    assert facts(app, invoice_id) == ("open", 10_000, 0, 0)


def test_clients_and_staff_have_their_own_pages(app: Flask) -> None:
    """A client may not see the pages of staff, nor staff those of clients; others are sent to log in."""
    Browser(app).portal().get("/staff/", 403)
    Browser(app).staff().get("/portal/", 403)
    visitor = Browser(app)
    assert visitor.client.get("/staff/clients?q=a").location == "/staff/login?next=/staff/clients?q%3Da"
    assert visitor.client.get("/portal/").location == "/?next=/portal/"
    assert 'href="/one/login?next=/portal/"' in visitor.get("/?next=/portal/")


@pytest.mark.parametrize(
    ("target", "location"),
    [("/staff/clients", "/staff/clients"), ("//evil.example", "/staff/"), ("https://evil.example", "/staff/")],
)
def test_login_leads_to_our_own_pages_only(app: Flask, target: str, location: str) -> None:
    """After logging in one gets where one wanted to go, if that is here."""
    sent = Browser(app).post(f"/staff/login?next={target}", {"email": "staff@one.example.com", "password": PASSWORD})
    assert sent.location == location


def test_forms_without_a_token_are_refused(app: Flask) -> None:
    """A form from elsewhere changes nothing, and the page about it is one of ours."""
    invoice_id = make_over_http(app)
    staff = Browser(app).staff()
    sent = staff.client.post(f"/staff/invoices/{invoice_id}/void")
    assert sent.status_code == 400
    assert "This form has expired" in sent.get_data(as_text=True)
    assert facts(app, invoice_id)[0] == "open"
    staff.client.get("/logout")
    staff.get("/staff/")
    staff.post("/logout", {}, "/staff/")
    assert staff.client.get("/staff/").status_code == 302


def test_pages_allow_only_our_own_files(app: Flask) -> None:
    """The policy is on every answer, and no page carries a style or a script of its own."""
    make_over_http(app)
    staff = Browser(app).staff()
    for path in ("/", "/one/", "/one/register", "/staff/", "/staff/invoices/1", "/staff/invoices/new", "/nothing/"):
        response = staff.client.get(path)
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        text = response.get_data(as_text=True)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=)", text), path
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path


# -- the database ----------------------------------------------------------------------------------------------------


def test_migrations_up_and_down(tmp_path: Path) -> None:
    """From nothing to the tables of the models, without a difference, and back to nothing."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'm.sqlite3'}", "SECRET_KEY": "test"})
    with app.app_context():
        upgrade()
        with db.engine.connect() as connection:
            own = MigrationContext.configure(
                connection,
                opts={"include_object": lambda _o, name, kind, *_: kind != "table" or name in HOST_TABLES},
            )
            assert compare_metadata(own, db.metadata) == []
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert set(inspect(db.engine).get_table_names()) >= HOST_TABLES
        downgrade(revision="base")
        assert not set(inspect(db.engine).get_table_names()) & HOST_TABLES
        db.engine.dispose()


HOST_TABLES = {"business", "staff", "client", "invoice", "invoice_line", "payment", "refund"}


def test_seed_fills_an_empty_database(tmp_path: Path) -> None:
    """The demo data has every standing, and its logins work."""
    uri = f"sqlite:///{tmp_path / 's.sqlite3'}"
    app = create_app({"SQLALCHEMY_DATABASE_URI": uri, "SECRET_KEY": "test", "TESTING": True})
    with app.app_context():
        upgrade()
        referrals.create_all()
        assert is_empty()
        seed()
        assert not is_empty()
        standings = {invoice.standing for invoice in db.session.scalars(select(Invoice))}
        assert standings == {"draft", "open", "part paid", "paid", "part refunded", "refunded", "void"}
    page = Browser(app).get("/")
    found = re.search(r"nora@[a-z.]+", page)
    assert found
    assert Browser(app).post("/staff/login", {"email": found[0], "password": "demo-password"}).location == "/staff/"
    with app.app_context():
        db.engine.dispose()


def test_secret_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    """Without a secret in the environment, one is kept in the instance folder."""
    from example_app.config import kept_secret

    path = tmp_path / "instance" / "secret_key"
    assert kept_secret(path) == kept_secret(path)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("minor", "currency", "typed", "read"),
    [
        (123_450, "USD", "1234.50", "$1,234.50"),
        (1_234, "JPY", "1234", "¥1,234"),
        (1_234_500, "KWD", "1234.500", "KWD\N{NO-BREAK SPACE}1,234.500"),
        (-5, "EUR", "-0.05", "\N{MINUS SIGN}€0.05"),
    ],
)
def test_amounts_as_typed_and_as_read(minor: int, currency: str, typed: str, read: str) -> None:
    """Amounts have the decimals of their currency, in the field and on the page."""
    assert (money.plain(minor, currency), money.show(minor, currency)) == (typed, read)
    assert minor < 0 or money.parse_amount(typed, currency) == minor
