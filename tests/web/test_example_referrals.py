"""The referral program in the example app, over HTTP as a browser would: from a code to credit on an invoice."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from uuid import uuid4

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import inspect, select
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from example_app import create_app
from example_app.extensions import db
from example_app.models import Business, Client, Invoice, Staff
from example_app.referrals import host, referrals
from example_app.seed import ACME, seed
from example_app.tour import tour
from flask_referrals import Discount, Money, Promise, Terms
from flask_referrals.adapters import migrations
from tests.databases import fresh_database
from tests.web.test_example_host import PASSWORD, Browser

REWARD = Promise(amount=Money.of(50, "USD"))
DEAL = Terms(currency="USD", discount=Discount(percent=Decimal(15)), referrer_reward=REWARD)


class Site:
    """The example app with two businesses of one deal, their staff, and Jane, who has paid an invoice at `acme`."""

    def __init__(self, url: str) -> None:
        config = {"SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "test", "TESTING": True, "REFERRALS_STRICT": True}
        self.app = create_app(config)
        with self.app.app_context():
            db.create_all()
            referrals.create_all()
            for slug in ("acme", "other"):
                business = Business(slug=slug, name=f"Business {slug}", currency="USD")
                staff = Staff(business=business, name="Sam", email=f"staff@{slug}.example.com")
                staff.set_password(PASSWORD)
                db.session.add_all([business, staff])
                referrals.save_terms(slug, DEAL)
                referrals.switch(slug, on=True)
            db.session.commit()
        self.staff = Browser(self.app).staff("staff@acme.example.com")
        self.jane = self.register("Jane Smith", phone="+1 212 555 0147")
        self.pay(self.jane, self.invoice("Jane Smith", "10.00"))

    def register(self, name: str, *, slug: str = "acme", status: int = 302, **fields: str) -> Browser:
        """Somebody registers, and is logged in."""
        browser = Browser(self.app)
        response = browser.post(f"/{slug}/register", form_of(name, **fields))
        assert response.status_code == status, response.get_data(as_text=True)
        return browser

    def code(self, name: str, slug: str = "acme") -> str:
        """A client's referral code."""
        with self.app.app_context():
            text = referrals.code(host.client(self.client(name, slug))).text
            db.session.commit()
        return text

    def client(self, name: str, slug: str = "acme") -> Client:
        """A client, in an app context."""
        query = select(Client).join(Business).where(Client.name == name, Business.slug == slug)
        return db.session.scalars(query).one()

    def invoice(self, name: str, *amounts: str, tax: str = "", currency: str = "USD", draft: bool = False) -> int:
        """Staff write an invoice with a line for each amount; its id."""
        with self.app.app_context():
            client_id = self.client(name).id
        data = {"client": str(client_id), "number": f"N-{uuid4().hex[:8]}", "currency": currency, **lines(amounts, tax)}
        if draft:
            data["draft"] = "y"
        response = self.staff.post("/staff/invoices/new", data)
        assert response.status_code == 302, response.get_data(as_text=True)
        return int(response.location.rsplit("/", 1)[1])

    def pay(self, browser: Browser, invoice_id: int, **fields: str) -> TestResponse:
        """The client pays all that is due, or what the fields say."""
        path = f"/portal/invoices/{invoice_id}"
        page = browser.get(path)
        amount = re.search(r'name="amount"[^>]* value="([0-9.]+)"', page)
        assert amount, "there is nothing to pay"
        return browser.post(f"{path}/pay", {"amount": amount[1], **fields}, path)

    def act(self, invoice_id: int, step: str, **fields: str) -> TestResponse:
        """Staff do something with an invoice."""
        path = f"/staff/invoices/{invoice_id}"
        return self.staff.post(f"{path}/{step}", fields, path)

    def credit(self, browser: Browser, invoice_id: int, amount: str = "", action: str = "use") -> TestResponse:
        """The client puts credit on an invoice, or takes it off."""
        path = f"/portal/invoices/{invoice_id}"
        return browser.post(f"{path}/credit", {"amount": amount, "action": action}, path)

    def enter(self, browser: Browser, invoice_id: int, code: str) -> TestResponse:
        """The client enters a code at the checkout of an invoice."""
        path = f"/portal/invoices/{invoice_id}"
        return browser.post(f"{path}/code", {"code": code}, path)

    def sums(self, invoice_id: int) -> tuple[int, int, int, int]:
        """Discount, total, credit and due of an invoice, in cents."""
        with self.app.app_context():
            found = db.session.get_one(Invoice, invoice_id)
            return found.discount_minor, found.total_minor, found.credit_minor, found.due_minor

    def money(self, name: str, currency: str = "USD") -> tuple[int, int]:
        """What a client can spend, and what is held on open invoices."""
        with self.app.app_context():
            found = referrals.balance(host.client(self.client(name)), currency)
            return found.available.minor, found.held.minor

    def referral(self, name: str) -> tuple[str, str] | None:
        """State and way of a client's referral."""
        with self.app.app_context():
            found = referrals.referral_of(host.client(self.client(name)))
            return (found.state, found.via) if found else None

    def log(self, name: str) -> list[str]:
        """The kinds of what is on a client's log."""
        with self.app.app_context():
            return [line.kind for line in referrals.activity(host.client(self.client(name)))]

    def verify(self) -> None:
        """The books are right."""
        with self.app.app_context():
            assert list(referrals.verify_ledger()) == []


def form_of(name: str, **fields: str) -> dict[str, str]:
    """What somebody types at registration."""
    return {"name": name, "email": f"{name.split()[0].lower()}@example.com", "password": PASSWORD, **fields}


def lines(amounts: tuple[str, ...], tax: str = "") -> dict[str, str]:
    """The fields of an invoice's lines."""
    return {
        f"lines-{number}-{name}": value
        for number, amount in enumerate(amounts)
        for name, value in (("description", "Work"), ("amount", amount), ("tax_percent", tax))
    }


def refusal(response: TestResponse, field: str) -> tuple[str, str]:
    """The code and the sentence of a refusal, which stand at the field."""
    assert response.status_code == 422
    found = re.search(rf'data-reason="(\w+)" id="{field}-error">([^<]+)<', response.get_data(as_text=True))
    assert found, response.get_data(as_text=True)
    return found[1], html.unescape(found[2])


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords once and not a hundred thousand times."""
    quick = partial(generate_password_hash, method="pbkdf2:sha256:1")
    monkeypatch.setattr("example_app.models.generate_password_hash", quick)


def _site(url: str) -> Iterator[Site]:
    site = Site(url)
    yield site
    site.verify()
    with site.app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def site() -> Iterator[Site]:
    """The site on SQLite; the books are verified at the end."""
    with fresh_database("sqlite") as url:
        yield from _site(url)


@pytest.fixture
def any_site(database_url: str) -> Iterator[Site]:
    """The site on each database; the books are verified at the end."""
    yield from _site(database_url)


# -- the loop --------------------------------------------------------------------------------------------------------


def test_the_loop(any_site: Site) -> None:
    """From Jane's code to credit on her invoice, and back by a refund, by nothing but the pages."""
    site = any_site
    code = site.code("Jane Smith")
    assert code in site.jane.get("/portal/referrals/")
    kiera = site.register("Kiera Lopez", referral_code=f" {code[:4].lower()}-{code[4:]} ")
    assert site.referral("Kiera Lopez") == ("pending", "code")

    first = site.invoice("Kiera Lopez", "150.00", "50.00", tax="10")
    assert site.sums(first) == (3_000, 18_700, 0, 18_700)
    for page in (kiera.get(f"/portal/invoices/{first}"), site.staff.get(f"/staff/invoices/{first}")):
        assert re.search(r"Referral discount</dt><dd>\N{MINUS SIGN}\$30\.00<", page)
    site.pay(kiera, first)
    assert site.money("Jane Smith") == (5_000, 0)
    assert "$50.00" in site.jane.get("/portal/referrals/")

    spent = site.invoice("Jane Smith", "80.00")
    assert "<strong>$50.00</strong> to spend" in site.jane.get(f"/portal/invoices/{spent}")
    assert site.credit(site.jane, spent).status_code == 302
    assert site.sums(spent) == (0, 8_000, 5_000, 3_000)
    assert site.money("Jane Smith") == (0, 5_000)
    site.pay(site.jane, spent)
    assert site.money("Jane Smith") == (0, 0)

    assert "Kiera Lopez" in site.staff.get("/staff/clients/1")
    assert site.act(first, "refund", amount="187.00", reason="Late").status_code == 302
    assert site.referral("Kiera Lopez") == ("pending", "code")
    assert site.money("Jane Smith") == (-5_000, 0)
    kinds = ["attributed", "discount_applied", "qualified", "reward_issued", "discount_released", "reward_reversed"]
    assert [kind for kind in site.log("Kiera Lopez") if kind in kinds] == kinds


def test_every_form_sent_twice_counts_once(any_site: Site) -> None:
    """Registration, payment, credit, refund and void, each sent twice as it was: one referral, one reward, one hold."""
    site = any_site
    visitor, key = Browser(site.app), str(uuid4())
    data = form_of("Kiera Lopez", referral_code=site.code("Jane Smith"), request_key=key)
    token = visitor.hidden(visitor.get("/acme/register"), "csrf_token")
    for _ in range(2):
        sent = visitor.client.post("/acme/register", data={"csrf_token": token, **data})
        assert sent.status_code == 302, sent.get_data(as_text=True)
    assert site.log("Kiera Lopez").count("attributed") == 1

    first = site.invoice("Kiera Lopez", "100.00")
    path = f"/portal/invoices/{first}"
    token = visitor.hidden(visitor.get(path), "csrf_token")
    for _ in range(2):
        payment = {"csrf_token": token, "request_key": key, "amount": "85.00", "card_number": "4"}
        assert visitor.client.post(f"{path}/pay", data=payment).status_code == 302
    assert site.money("Jane Smith") == (5_000, 0)

    spent = site.invoice("Jane Smith", "30.00")
    for _ in range(2):
        assert site.credit(site.jane, spent, "20").status_code == 302
    assert site.money("Jane Smith") == (3_000, 2_000)
    for _ in range(2):
        assert site.act(spent, "void").status_code == 302
    assert site.money("Jane Smith") == (5_000, 0)
    for _ in range(2):
        assert site.act(first, "dispute").status_code == 302
    assert site.money("Jane Smith") == (0, 0)
    assert site.log("Jane Smith").count("reward_reversed") == 1


# -- registration ----------------------------------------------------------------------------------------------------


def test_mistyped_code_is_answered_at_the_form_and_stops_nobody(site: Site) -> None:
    """A typing error is told at the field; sent again as it is, the registration goes on and tells why once more."""
    code = site.code("Jane Smith")
    wrong = code[:-1] + ("7" if code[-1] != "7" else "8")
    visitor = Browser(site.app)
    text = visitor.post("/acme/register", form_of("Kiera Lopez", referral_code=wrong)).get_data(as_text=True)
    assert 'id="referral_code-error">There is a typing error in this code.' in text
    assert f'value="{wrong}"' in text
    told = visitor.hidden(text, "referral_code-told")
    data = form_of("Kiera Lopez", referral_code=wrong) | {"referral_code-told": told}
    assert visitor.post("/acme/register", data).location == "/portal/"
    page = visitor.get("/portal/")
    assert re.search(r'Welcome to Business acme! <span data-reason="code_mistyped">[^<]+typing error', page)
    assert site.referral("Kiera Lopez") is None
    assert "attribution_refused" in site.log("Kiera Lopez")


def test_code_field_may_be_left_empty(site: Site) -> None:
    """Nobody needs a code to register."""
    page = site.register("Kiera Lopez", referral_code=" ").get("/portal/")
    assert "Welcome to Business acme!" in page
    assert "data-reason" not in page
    assert site.referral("Kiera Lopez") is None
    assert site.log("Kiera Lopez") == []


def test_one_s_own_code_is_refused_after_registering(site: Site) -> None:
    """What only the whole registration shows, such as one's own telephone number, is told on the next page."""
    page = site.register("Janet Smith", phone="(212) 555-0147", referral_code=site.code("Jane Smith")).get("/portal/")
    assert 'data-reason="self_referral">The referral code was not used: This is your own code.' in page


def test_code_of_another_business_is_unknown(site: Site) -> None:
    """A code works with its own business only, and nothing tells that it exists elsewhere."""
    other = site.register("Kiera Lopez", slug="other", referral_code=site.code("Jane Smith"), status=422)
    assert other.client.get("/portal/").status_code == 302


def test_link_leads_to_registration_and_binds(site: Site) -> None:
    """Who opens Jane's link reads her name on the registration page, and is bound without typing anything."""
    visitor = Browser(site.app)
    landed = visitor.client.get(f"/r/acme/{site.code('Jane Smith')}")
    assert landed.location == "/acme/register"
    assert "You were recommended by Jane S.: 15% off your first invoice" in visitor.get("/acme/register")
    assert visitor.post("/acme/register", form_of("Kiera Lopez")).location == "/portal/"
    assert site.referral("Kiera Lopez") == ("pending", "link")


def test_staff_add_a_client_by_code_but_never_by_their_own_cookie(site: Site) -> None:
    """A link that staff have looked at binds nobody; a code that they type does."""
    code = site.code("Jane Smith")
    site.staff.client.get(f"/r/acme/{code}")
    site.staff.post("/staff/clients/new", {"name": "Ann Ash", "email": "ann@example.com"})
    assert site.referral("Ann Ash") is None
    site.staff.post("/staff/clients/new", {"name": "Bo Birch", "email": "bo@example.com", "referral_code": code})
    assert site.referral("Bo Birch") == ("pending", "code")


# -- the discount on invoices ----------------------------------------------------------------------------------------


def test_discount_is_spread_over_the_lines_to_the_cent(site: Site) -> None:
    """Of equal remainders the earlier lines get the cent more, and each rate is taxed on what is left."""
    site.register("Kiera Lopez", referral_code=site.code("Jane Smith"))
    first = site.invoice("Kiera Lopez", "0.05", "0.05", "0.05")
    with site.app.app_context():
        found = db.session.get_one(Invoice, first)
        assert [line.discount_minor for line in found.lines] == [1, 1, 0]
        assert found.discount_label == "Referral discount"


def test_changed_lines_change_the_discount(site: Site) -> None:
    """While the invoice is not paid, its discount follows its subtotal."""
    site.register("Kiera Lopez", referral_code=site.code("Jane Smith"))
    first = site.invoice("Kiera Lopez", "100.00")
    changed = site.staff.post(f"/staff/invoices/{first}/edit", lines(("40.00",)))
    assert changed.status_code == 302
    assert site.sums(first) == (600, 3_400, 0, 3_400)


def test_draft_gets_its_discount_when_it_is_opened(site: Site) -> None:
    """A draft is no invoice yet, also where an earlier first invoice has given its discount back."""
    kiera = site.register("Kiera Lopez", referral_code=site.code("Jane Smith"))
    refunded = site.invoice("Kiera Lopez", "100.00")
    site.pay(kiera, refunded)
    site.act(refunded, "refund", amount="85.00", reason="Late")
    draft = site.invoice("Kiera Lopez", "40.00", draft=True)
    assert site.sums(draft)[0] == 0
    site.staff.post(f"/staff/invoices/{draft}/edit", {**lines(("40.00",)), "draft": "y"})
    assert site.sums(draft)[0] == 0
    site.staff.post(f"/staff/invoices/{draft}/edit", lines(("40.00",)))
    assert site.sums(draft)[0] == 600


def test_voided_first_invoice_frees_its_discount(site: Site) -> None:
    """The next invoice has it instead, and no third one."""
    site.register("Kiera Lopez", referral_code=site.code("Jane Smith"))
    mistake = site.invoice("Kiera Lopez", "100.00")
    site.act(mistake, "void")
    assert [site.sums(site.invoice("Kiera Lopez", "20.00"))[0] for _ in range(2)] == [300, 0]


def test_part_payment_earns_nothing_yet(site: Site) -> None:
    """The reward comes with the payment that settles the invoice, also when staff book it."""
    kiera = site.register("Kiera Lopez", referral_code=site.code("Jane Smith"))
    first = site.invoice("Kiera Lopez", "100.00")
    site.pay(kiera, first, amount="80.00")
    assert site.money("Jane Smith") == (0, 0)
    site.act(first, "payment", amount="5.00", method="cash")
    assert site.money("Jane Smith") == (5_000, 0)


def test_code_at_the_checkout(site: Site) -> None:
    """A wrong code is answered at its field and logged; the right one takes its discount off this invoice at once."""
    kiera = site.register("Kiera Lopez")
    first = site.invoice("Kiera Lopez", "100.00")
    assert "Did somebody recommend" in kiera.get(f"/portal/invoices/{first}")
    reason, sentence = refusal(site.enter(kiera, first, "NO-SUCH-CODE"), "code")
    assert (reason, sentence[:24]) == ("code_not_found", "We don't know this code.")
    assert "attribution_refused" in site.log("Kiera Lopez")
    assert "Please enter a code." in site.enter(kiera, first, " ").get_data(as_text=True)
    assert site.enter(kiera, first, site.code("Jane Smith").lower()).status_code == 302
    page = kiera.get(f"/portal/invoices/{first}")
    assert "Your code is accepted: $15.00 off this invoice." in page
    assert "Did somebody recommend" not in page
    assert site.sums(first) == (1_500, 8_500, 0, 8_500)

    site.register("Roberto Alvarez")
    assert refusal(site.enter(kiera, first, site.code("Roberto Alvarez")), "code")[0] == "already_referred"
    again = site.invoice("Jane Smith", "20.00")
    assert "Did somebody recommend" not in site.jane.get(f"/portal/invoices/{again}")
    assert refusal(site.enter(site.jane, again, site.code("Roberto Alvarez")), "code")[0] == "existing_client"


# -- credit on invoices ----------------------------------------------------------------------------------------------


def with_credit(site: Site) -> None:
    """Jane has earned $50."""
    kiera = site.register("Kiera Lopez", referral_code=site.code("Jane Smith"))
    site.pay(kiera, site.invoice("Kiera Lopez", "100.00"))


@pytest.mark.parametrize(
    ("who", "due", "currency", "amount", "reason"),
    [
        ("Ann Ash", "100.00", "USD", "", "no_credit"),
        ("Jane Smith", "100.00", "USD", "50.01", "not_enough_credit"),
        ("Jane Smith", "20.00", "USD", "20.01", "more_than_due"),
        ("Jane Smith", "5000", "JPY", "", "currency_mismatch"),
    ],
)
def test_credit_refusals_stand_at_the_field(
    site: Site, who: str, due: str, currency: str, amount: str, reason: str
) -> None:
    """Each has its code and its sentence, for the client and for staff, and nothing is held."""
    with_credit(site)
    browsers = {"Jane Smith": site.jane, "Ann Ash": site.register("Ann Ash")}
    invoice_id = site.invoice(who, due, currency=currency)
    expected = {"no_credit": "There is no credit", "currency_mismatch": "The credit is in another"}
    for answer in (site.credit(browsers[who], invoice_id, amount), site.act(invoice_id, "credit", amount=amount)):
        code, sentence = refusal(answer, "credit-amount")
        assert code == reason
        assert sentence.startswith(expected.get(reason, "That is more"))
    assert site.sums(invoice_id)[2] == 0
    assert site.money("Jane Smith") == (5_000, 0)


@pytest.mark.parametrize("amount", ["ten", "0", "-5", "1.999", "1,50"])
def test_credit_amounts_are_read_like_any_other(site: Site, amount: str) -> None:
    """What is no amount is told at the field, what was typed stays, and nothing is held."""
    with_credit(site)
    invoice_id = site.invoice("Jane Smith", "80.00")
    sent = site.credit(site.jane, invoice_id, amount)
    assert sent.status_code == 422
    text = sent.get_data(as_text=True)
    assert re.search(r'id="credit-amount-error">\w', text)
    assert f'value="{amount}"' in text
    assert site.money("Jane Smith") == (5_000, 0)


def test_credit_is_replaced_and_taken_off(site: Site) -> None:
    """A second amount stands in place of the first; taken off, all of it can be spent again, also by staff."""
    with_credit(site)
    invoice_id = site.invoice("Jane Smith", "80.00")
    site.credit(site.jane, invoice_id, "40")
    site.credit(site.jane, invoice_id, "10")
    assert (site.sums(invoice_id)[2], site.money("Jane Smith")) == (1_000, (4_000, 1_000))
    site.credit(site.jane, invoice_id, "ignored", "take_off")
    assert (site.sums(invoice_id)[2], site.money("Jane Smith")) == (0, (5_000, 0))
    assert "The credit is back on the account." in site.jane.get(f"/portal/invoices/{invoice_id}")
    assert site.act(invoice_id, "credit", amount="50").status_code == 302
    assert site.act(invoice_id, "credit", action="take_off").status_code == 302
    assert site.money("Jane Smith") == (5_000, 0)


def test_credit_that_covers_an_invoice_settles_it_without_money(site: Site) -> None:
    """With nothing left to pay, one button settles the invoice, and the credit is spent."""
    with_credit(site)
    invoice_id = site.invoice("Jane Smith", "50.00")
    site.credit(site.jane, invoice_id)
    page = site.jane.get(f"/portal/invoices/{invoice_id}")
    assert "Settle with credit" in page
    assert "Card number" not in page
    assert site.pay(site.jane, invoice_id).status_code == 302
    assert site.money("Jane Smith") == (0, 0)
    assert "Paid, thank you" in site.jane.get(f"/portal/invoices/{invoice_id}")


def test_draft_takes_no_credit(site: Site) -> None:
    """Staff are told so at the form."""
    with_credit(site)
    draft = site.invoice("Jane Smith", "50.00", draft=True)
    assert refusal(site.act(draft, "credit"), "credit-amount") == ("not_open", "A draft takes no credit yet.")


# -- who may do what -------------------------------------------------------------------------------------------------


def test_another_s_invoice_is_not_there(site: Site) -> None:
    """Neither another client nor another business's staff can put a code or credit on it."""
    with_credit(site)
    invoice_id = site.invoice("Jane Smith", "80.00")
    stranger = site.register("Ann Ash")
    for step in ("code", "credit"):
        sent = stranger.post(f"/portal/invoices/{invoice_id}/{step}", {"code": "X", "action": "use"}, "/portal/")
        assert sent.status_code == 404, step
    staff = Browser(site.app).staff("staff@other.example.com")
    assert staff.post(f"/staff/invoices/{invoice_id}/credit", {}, "/staff/").status_code == 404
    assert site.money("Jane Smith") == (5_000, 0)


def test_forms_of_ours_need_their_token_too(site: Site) -> None:
    """A code or credit from a page elsewhere is refused, for using it and for taking it off."""
    with_credit(site)
    invoice_id = site.invoice("Jane Smith", "80.00")
    site.credit(site.jane, invoice_id, "10")
    for step, data in (("code", {"code": "X"}), ("credit", {}), ("credit", {"action": "take_off"})):
        assert site.jane.client.post(f"/portal/invoices/{invoice_id}/{step}", data=data).status_code == 400
    assert site.money("Jane Smith") == (4_000, 1_000)


def test_logins_lead_back_to_the_referral_pages(site: Site) -> None:
    """A visitor is sent to the host's own logins; a client may not see the pages of staff."""
    visitor = Browser(site.app)
    assert visitor.client.get("/portal/referrals/").location == "/?next=/portal/referrals/"
    assert visitor.client.get("/staff/referrals/").location == "/staff/login?next=/staff/referrals/"
    site.jane.get("/staff/referrals/", 403)
    site.staff.get("/staff/referrals/")


def test_pages_with_our_parts_keep_to_the_policy(site: Site) -> None:
    """No inline script or style, no file from elsewhere, no id twice, on any page that shows something of ours."""
    with_credit(site)
    invoice_id = site.invoice("Jane Smith", "80.00")
    visitor = Browser(site.app)
    visitor.client.get(f"/r/acme/{site.code('Jane Smith')}")
    kiera = site.register("Ann Ash")
    open_one = site.invoice("Ann Ash", "80.00")
    pages = [(site.jane, path) for path in ("/portal/", "/portal/referrals/", f"/portal/invoices/{invoice_id}")]
    staff_paths = (f"/staff/invoices/{invoice_id}", "/staff/clients/1", "/staff/clients/2", "/staff/clients/new")
    pages += [(site.staff, path) for path in (*staff_paths, "/staff/referrals/", "/staff/referrals/settings")]
    pages += [(visitor, "/acme/register"), (kiera, f"/portal/invoices/{open_one}")]
    for browser, path in pages:
        text = browser.get(path)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! (type=\"module\" )?src=\"/)", text), path
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path


# -- the host's answers ----------------------------------------------------------------------------------------------


def test_host_keeps_businesses_apart(site: Site) -> None:
    """A client or an invoice is found in its own business only, and ids are given out business by business."""
    site.register("Olga Other", slug="other")
    invoice_id = site.invoice("Jane Smith", "1.00")
    with site.app.app_context():
        olga = str(site.client("Olga Other", "other").id)
        assert host.find_client("other", olga) is not None
        assert host.find_client("acme", olga) is None
        assert host.find_client("acme", "999") is None
        assert host.find_invoice("other", str(invoice_id)) is None
        assert host.find_invoice("acme", str(invoice_id)) is not None
        assert host.client_ids("other", None, 10) == [olga]
        assert host.client_ids("other", olga, 10) == []
        assert sorted(host.orgs()) == ["acme", "other"]


# -- the demo --------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_of_the_database_to_make_the_app() -> None:
    """The app can be made where its database is not there yet, as migrations and commands need it."""
    create_app({"SQLALCHEMY_DATABASE_URI": "sqlite:////nowhere/at/all.sqlite3", "SECRET_KEY": "test"})


def test_both_histories_leave_each_other_alone(tmp_path: Path) -> None:
    """The host's migrations and ours make all tables, and the host's autogenerate has nothing to add or drop."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'm.sqlite3'}", "SECRET_KEY": "test"})
    with app.app_context():
        flask_migrate.upgrade()
        migrations.upgrade(db.engine)
        flask_migrate.check()
        assert set(inspect(db.engine).get_table_names()) >= {"client", "referrals_referral"}
        with db.engine.connect() as connection:
            assert migrations.check(connection) == []
        db.engine.dispose()


def _demo(url: str) -> Iterator[Flask]:
    app = create_app({"SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "test", "REFERRALS_STRICT": True})
    with app.app_context():
        db.create_all()
        referrals.create_all()
        seed()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def demo() -> Iterator[Flask]:
    """The app with the demo data on SQLite."""
    with fresh_database("sqlite") as url:
        yield from _demo(url)


@pytest.fixture
def any_demo(database_url: str) -> Iterator[Flask]:
    """The app with the demo data on each database."""
    yield from _demo(database_url)


def test_demo_has_every_state_and_right_books(any_demo: Flask) -> None:
    """Referrals, rewards and credit in every state that there is, terms of three days, and books that verify."""
    with any_demo.app_context():
        assert list(referrals.verify_ledger()) == []
        clients = {client.name: host.client(client) for client in db.session.scalars(select(Client))}
        lines = [line for client in clients.values() if (line := referrals.referral_of(client))]
        assert {line.state for line in lines} == {"pending", "qualified"}
        assert {line.via for line in lines} == {"code", "link"}
        jane = [(reward.amount, reward.state) for reward in referrals.rewards(clients["Jane Smith"])]
        fifty = Money.of(50, "USD")
        assert sorted(jane, key=lambda reward: reward[1]) == [(fifty, "issued")] * 3 + [(fifty, "reversed")] * 2
        kinds = {line.kind for client in clients.values() for line in referrals.activity(client)}
        assert kinds >= {"credit_held", "credit_captured", "credit_released", "attribution_refused"}
        assert kinds >= {"discount_applied", "discount_released", "reward_issued", "reward_reversed", "link_visited"}
        data = [line.data for client in clients.values() for line in referrals.activity(client)]
        assert {"code_mistyped", "self_referral", "existing_client"} <= {one.get("reason") for one in data}
        held = referrals.balance(clients["Roberto Alvarez"], "USD")
        assert (held.available.minor, held.held.minor) == (0, 7_500)
        assert [reward.amount for reward in referrals.rewards(clients["Yui Mori"])] == [Money.of(1_000, "JPY")]
        versions = referrals.program(ACME.slug).versions
        assert [version.terms.document()["referrer_reward"]["amount"] for version in versions] == [
            "25.00",
            "50.00",
            "75.00",
        ]


def test_tour_leads_through_the_loop(demo: Flask) -> None:
    """Every address of the tour opens for whom it names, and Kiera's payment shows in Jane's credit."""
    with demo.test_request_context(base_url="http://localhost"):
        text = tour()
    steps = re.findall(r"\d\. .*\n +http://localhost(\S+)\n +as (\S+)", text)
    assert len(steps) == 6
    for address, who in steps:
        browser = Browser(demo)
        if who == "nobody":
            assert browser.client.get(address).location == "/acme/register"
            continue
        entered = browser.post(address, {"email": who, "password": "demo-password"})
        assert entered.location == address.split("next=")[1]
        page = browser.get(entered.location)
        if who.startswith("kiera"):
            assert "Referral discount" in page
            due = re.search(r'name="amount"[^>]* value="([0-9.]+)"', page)
            assert due
            browser.post(f"{entered.location}/pay", {"amount": due[1], "card_number": "4"}, entered.location)
        elif "invoices" in address:
            assert "<strong>$140.00</strong> to spend" in page
