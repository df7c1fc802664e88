"""The loop, clicked through in Chromium: the example app on demo data, with a client, her friend, and the owner.

Pictures of the pages are taken only where a folder is named for them:

    REFERRALS_SCREENSHOTS=docs/screenshots .venv/bin/python -m pytest tests/web/test_browser_loop.py
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread
from time import monotonic
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from flask_migrate import upgrade
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from example_app import create_app
from example_app.extensions import db
from example_app.models import Client, Invoice, Status
from example_app.seed import ACME, DEMO_PASSWORD, HEDGES, Firm, add_client, add_invoice, code_of, email_of, pay, seed
from flask_referrals.adapters import migrations
from tests.databases import clone_database, fresh_database

pytestmark = pytest.mark.browser

PORTAL = "/portal/referrals/"
SETTINGS = "/staff/referrals/settings"
NOON = datetime(2026, 3, 10, 16, tzinfo=UTC)  # in New York
PHONE, DESK = 360, 1280
PATIENCE = 20_000  # milliseconds, for a machine that is busy
expect.set_options(timeout=PATIENCE)
EVIL = "<img/src=x/onerror=alert(1)>"
# Runs before the page and is not subject to its policy; what it says is collected with the other complaints.
HEAR_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP:", event.effectiveDirective, event.blockedURI, event.sample));"""
OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.body.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > wide + 1)
    .map((each) => each.outerHTML.slice(0, 120));
}"""


class Clock:
    """Runs from noon, and can be moved on."""

    def __init__(self) -> None:
        self.noon, self.started = NOON, monotonic()

    def __call__(self) -> datetime:
        return self.noon + timedelta(seconds=monotonic() - self.started)

    def days_pass(self, days: int, hours: int = 0) -> None:
        """It is later than it was."""
        self.noon += timedelta(days=days, hours=hours)


class Site:
    """The example app as it is served."""

    def __init__(self, app: Flask, address: str) -> None:
        self.app, self.address = app, address
        self.clock: Clock = app.config["CLOCK"]

    def client(self, name: str) -> Client:
        """A seeded client, in an app context."""
        return db.session.scalars(select(Client).filter_by(name=name)).one()

    def code(self, name: str) -> str:
        """A client's referral code."""
        with self.app.app_context():
            return code_of(self.client(name))

    def open_invoice(self, name: str) -> int:
        """The id of the client's open invoice."""
        with self.app.app_context():
            query = select(Invoice.id).filter_by(client_id=self.client(name).id, status=Status.OPEN)
            return db.session.scalars(query).one()


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, site: Site, browser: Browser, width: int, *, scripts: bool = True) -> None:
        self.address, self.width, self.scripts = site.address, width, scripts
        self.context = browser.new_context(
            base_url=site.address,
            viewport={"width": width, "height": 800},
            java_script_enabled=scripts,
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(HEAR_VIOLATIONS)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("requestfailed", self._miss)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({urlsplit(self.page.url).path})")

    def _miss(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # what was still loading when the person went on
            self.complaints.append(f"{request.failure}: {request.url}")

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    # -- what one does -----------------------------------------------------------------------------------------------

    def go(self, address: str) -> Person:
        """Open a page."""
        response = self.page.goto(address)
        assert response is not None
        assert response.ok, (address, response.status)
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';"), policy
        assert "unsafe" not in policy
        return self

    def log_in(self, name: str, *, to: str = "", firm: Firm = ACME) -> Person:
        """Log in by the form; staff, if that is who it is."""
        place = "staff" if name == firm.staff else firm.slug
        self.go(f"/{place}/login?next={to}")
        self.fill({"Email": email_of(name, firm), "Password": DEMO_PASSWORD})
        self.press("Log in")
        expect(self.page).to_have_url(re.compile(re.escape(to) + "$"))
        return self

    def fill(self, fields: dict[str, str]) -> None:
        """Write into fields, by their labels."""
        for label, text in fields.items():
            self.page.get_by_label(re.compile(f"^{re.escape(label)}")).fill(text)

    def press(self, name: str, within: str = "main") -> None:
        """Press a button."""
        self.page.locator(within).get_by_role("button", name=name, exact=True).click()

    def register(self, name: str, **more: str) -> None:
        """Fill in the form of the page and send it; a referral code only where one is given."""
        email = f"{name.split()[-1].lower()}@mail.example.com"
        self.fill({"Name": name, "Email": email, "Password": "long enough"} | more)
        self.press("Create account")

    # -- what one sees -----------------------------------------------------------------------------------------------

    def sees(self, *texts: str) -> None:
        """Each of these stands on the page, in what one reads."""
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text, use_inner_text=True)

    def row(self, name: str) -> Locator:
        """The row about somebody, or something, in a table."""
        return self.page.locator("tbody tr").filter(has_text=name)

    def credit(self) -> Decimal:
        """What the portal says there is to spend."""
        shown = self.page.locator("section", has=self.page.locator("#rf-credit-USD")).locator(".rf-stat > p").first
        return Decimal(shown.inner_text().translate({ord("$"): None, ord(","): None, ord("\N{MINUS SIGN}"): "-"}))

    def refused(self) -> None:
        """The form came back to be corrected, which Chromium notes as an error of its own."""
        expect(self.page.locator("main :is(.error-text, .rf-error)").first).to_be_visible()
        assert [text for text in self.complaints if "status of 422" not in text] == []
        assert len(self.complaints) == 1
        self.complaints.clear()

    def looks_good(self, *pictures: str) -> None:
        """Nothing overflows on a telephone or a desk, axe finds nothing serious, and the browser has no complaint.

        A picture is named after the page and its width, such as `portal-360`.
        """
        where = self.page.url
        for width in (PHONE, DESK):
            self.page.set_viewport_size({"width": width, "height": 800})
            assert self.page.evaluate(OVERFLOW) == [], (where, width)
            for name in pictures:
                if name.endswith(f"-{width}"):
                    self._photograph(name)
        self.page.set_viewport_size({"width": self.width, "height": 800})
        assert self._faults() == [], where
        assert self.complaints == [], where

    def _faults(self) -> list[tuple[str, list[str]]]:
        """What axe calls serious or critical; it needs scripts itself."""
        found = Axe().run(self.page).response["violations"] if self.scripts else []
        grave = [issue for issue in found if issue["impact"] in ("serious", "critical")]
        return [(issue["id"], [node["html"] for node in issue["nodes"]]) for issue in grave]

    def picture(self, name: str) -> None:
        """A picture of a page that is not ours."""
        self._photograph(name)

    def _photograph(self, name: str) -> None:
        if folder := os.environ.get("REFERRALS_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


@pytest.fixture(scope="module")
def demo_data() -> Iterator[str]:
    """A database as `make demo` makes it: migrated from nothing, and seeded."""
    with fresh_database("sqlite") as url:
        app = _create_app(url)
        with app.app_context():
            upgrade()
            migrations.upgrade(db.engine)
            seed()
            db.session.remove()
            db.engine.dispose()
        yield url


@pytest.fixture
def site(demo_data: str) -> Iterator[Site]:
    """The example app on a copy of the demo data, served for this test alone."""
    with clone_database("sqlite", demo_data) as url:
        app = _create_app(url)
        with served(app) as address:
            yield Site(app, address)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def _create_app(url: str) -> Flask:
    config = {"SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "test", "REFERRALS_STRICT": True, "CLOCK": Clock()}
    return create_app(config)


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# -- the loop --------------------------------------------------------------------------------------------------------


def test_the_loop(site: Site, chromium: Browser) -> None:
    """From Jane's link to credit on her own invoice, the owner's pages about it, and a refund that takes it back."""
    jane = Person(site, chromium, DESK).log_in("Jane Smith", to=PORTAL)
    link = copy_the_link(jane, site.code("Jane Smith"))
    credit = jane.credit()

    nina = Person(site, chromium, PHONE)
    register_by_the_link(nina, link)
    site.clock.days_pass(1, hours=2)
    owner = Person(site, chromium, DESK).log_in(ACME.staff, to="/staff/clients")
    invoice = write_the_first_invoice(owner)
    site.clock.days_pass(2, hours=5)
    pay_the_first_invoice(nina)
    read_of_the_reward(jane, credit + 50)
    site.clock.days_pass(1, hours=-4)
    spend_the_credit(jane, site.open_invoice("Jane Smith"), credit + 50)
    read_the_chain(owner)
    change_the_terms(owner)
    site.clock.days_pass(3)
    refund(owner, invoice)
    read_of_the_refund(jane)
    for person in (jane, nina, owner):
        assert person.complaints == []
        person.context.close()


def copy_the_link(jane: Person, code: str) -> str:
    """Jane sees her code, and copies her link, which holds it."""
    jane.sees("They get 15% off their first invoice", "You get $50.00 credit when they pay their first invoice")
    expect(jane.page.get_by_label("Your code", exact=True)).to_have_value(f"{code[:4]}-{code[4:]}")
    jane.press("Copy the link")
    jane.page.get_by_text("Copied").first.wait_for()
    link = jane.page.evaluate("navigator.clipboard.readText()")
    assert (
        link == jane.page.get_by_label("Your link", exact=True).input_value() == f"{jane.address}/r/{ACME.slug}/{code}"
    )
    jane.looks_good()
    return str(link)


def register_by_the_link(nina: Person, link: str) -> None:
    """The link leads to the registration, which knows by whom she comes; she types no code."""
    nina.go(link)
    assert urlsplit(nina.page.url).path == f"/{ACME.slug}/register"
    nina.sees("You were recommended by Jane S.: 15% off your first invoice")
    nina.looks_good("register-360")
    expect(nina.page.get_by_label("Referral code")).to_have_value("")
    nina.register("Nina Okafor")
    nina.sees("Welcome to Acme Landscaping!", "No invoices yet")
    nina.looks_good()


def write_the_first_invoice(owner: Person) -> str:
    """The owner writes an invoice as any other, and 15% is off it; the path of its page."""
    page = owner.page
    owner.row("Nina Okafor").get_by_role("link").click()
    owner.sees("How Nina Okafor came", "Recommended by Jane Smith")
    page.get_by_role("link", name="New invoice").click()
    expect(page.get_by_label("Client").locator("option:checked")).to_contain_text("Nina Okafor")
    _write_line(page, 0, "Herb garden", "400", "")
    owner.press("Add a line")
    _write_line(page, 1, "Compost and mulch", "100", "10")
    owner.looks_good()
    owner.press("Save invoice")
    owner.sees("is saved.", "Referral discount −$75.00", "Tax 10\N{NO-BREAK SPACE}% $8.50", "Total $433.50")
    owner.looks_good()
    return urlsplit(page.url).path


def _write_line(page: Page, number: int, description: str, amount: str, tax: str) -> None:
    line = page.locator("fieldset.line:visible").nth(number)
    for label, text in (("Description", description), ("Amount", amount), ("Tax %", tax)):
        line.get_by_label(label).fill(text)


def pay_the_first_invoice(nina: Person) -> None:
    """The discount is on the invoice already, and she pays what is left."""
    nina.go("/portal/")
    nina.page.locator("td.main a").click()
    nina.sees("Subtotal $500.00", "Referral discount −$75.00", "Due $433.50")
    nina.looks_good("checkout-360")
    nina.press("Pay now")
    nina.sees("your payment has arrived", "Paid, thank you")
    nina.looks_good()


def read_of_the_reward(jane: Person, credit: Decimal) -> None:
    """Jane has the credit of the promise, and reads of her friend no more than a first name and an initial."""
    jane.page.reload()
    assert jane.credit() == credit
    row = jane.row("Nina O.").first
    expect(row).to_contain_text(re.compile(r"Nina O\.\s*Rewarded\s*Has paid the first invoice.*\$50\.00", re.DOTALL))
    jane.sees("For recommending Nina O.")
    expect(jane.page.locator("body")).not_to_contain_text("Okafor")
    jane.looks_good("portal-360", "portal-1280")
    jane.page.locator("main").get_by_role("link", name="News").click()
    jane.sees("Nina O. paid the first invoice, and you got $50.00 credit. Thank you!")
    jane.looks_good()


def spend_the_credit(jane: Person, invoice: int, credit: Decimal) -> None:
    """Jane puts all of it on her own invoice, and pays the rest."""
    jane.go(f"/portal/invoices/{invoice}")
    jane.sees(f"${credit} to spend")
    jane.press("Use credit")
    jane.sees(
        f"${credit} of credit is now on this invoice.",
        f"Account credit −${credit}",
        f"Due ${Decimal('397.39') - credit}",
    )
    jane.looks_good()
    jane.press("Pay now")
    jane.sees("Paid, thank you")
    jane.go(PORTAL)
    assert jane.credit() == 0
    expect(jane.row("Used on an invoice").first).to_contain_text(f"−${credit}")


def read_the_chain(owner: Person) -> None:
    """The owner reads all of it on the client's page, finds the referral in the list, and opens it."""
    page = owner.page
    owner.go("/staff/clients?q=okafor").row("Nina Okafor").get_by_role("link").click()
    steps = [
        "Nina Okafor opened the referral link of Jane Smith",
        "Nina Okafor became a client, recommended by Jane Smith",
        "Nina Okafor got $75.00 off",
        "Nina Okafor paid, and the referral counts",
        "Jane Smith was credited $50.00",
        "Jane Smith put",
    ]
    expect(page.locator(".rf-chain > li > strong")).to_contain_text(steps)
    owner.looks_good()

    page.locator("header").get_by_role("link", name="Referrals").click()
    expect(owner.row("Nina Okafor").first).to_contain_text("Qualified")
    owner.looks_good("list-1280")
    owner.row("Nina Okafor").first.get_by_role("link", name="Nina Okafor", exact=True).click()
    owner.sees("Jane Smith recommended Nina Okafor")
    expect(page.locator(".rf-chain > li > strong")).to_contain_text(steps)
    owner.looks_good("chain-1280", "chain-360")


def change_the_terms(owner: Person) -> None:
    """A change is read before it is saved, and then it is a version."""
    page = owner.page
    owner.go(SETTINGS).sees("You get $50.00 credit when they pay")
    owner.fill({"Percent off": "12.5", "Credit for the referrer": "60"})
    owner.press("Preview")
    owner.sees("They get 12.5% off their first invoice", "You get $60.00 credit when they pay", "Not saved yet")
    expect(page.get_by_role("row", name="Referral discount")).to_contain_text("\N{MINUS SIGN}$25.00")
    owner.looks_good("settings-360", "settings-1280")
    owner.press("Save")
    owner.sees("Saved as version 4.", "It is in force now.", "12.5% off the first invoice", "by Nora Lindqvist")
    owner.looks_good()


def refund(owner: Person, invoice: str) -> None:
    """The owner gives the first payment back."""
    owner.go(invoice)
    owner.fill({"Reason": "The herbs did not take"})
    owner.press("Refund")
    owner.sees("The refund is recorded.", "Given back: The herbs did not take")
    owner.looks_good()


def read_of_the_refund(jane: Person) -> None:
    """The reward is taken back; since it was spent, there is a gap, which is explained."""
    jane.page.reload()
    assert jane.credit() == -50
    expect(jane.row("Nina O.").filter(has_text="Taken back").first).to_contain_text("The payment was undone")
    jane.sees("A payment was undone after its reward had been spent", "Taken back, since Nina O.'s payment was undone")
    jane.looks_good()


# -- what else may happen on the way ---------------------------------------------------------------------------------


def test_a_mistyped_code(site: Site, chromium: Browser) -> None:
    """It is answered at the form, in a sentence; corrected, it registers and counts."""
    code = site.code("Jane Smith")
    wrong = code[:-1] + ("7" if code[-1] != "7" else "8")
    omid = Person(site, chromium, PHONE).go(f"/{ACME.slug}/register")
    expect(omid.page.get_by_text("recommended by")).to_have_count(0)
    omid.register("Omid Farahani", **{"Referral code": wrong})
    omid.refused()
    omid.sees("There is a typing error in this code. Check the code, character by character.")
    expect(omid.page.get_by_label("Referral code")).to_have_value(wrong)
    expect(omid.page.get_by_label("Name")).to_have_value("Omid Farahani")
    omid.looks_good()
    omid.fill({"Password": "long enough", "Referral code": code})
    omid.press("Create account")
    omid.sees("Welcome to Acme Landscaping!")
    jane = Person(site, chromium, PHONE).log_in("Jane Smith", to=PORTAL)
    expect(jane.row("Omid F.")).to_contain_text("Waits for the first payment")
    for person in (omid, jane):
        assert person.complaints == []
        person.context.close()


def test_without_javascript(site: Site, chromium: Browser) -> None:
    """The portal, the registration, the checkout and the settings do all that they do with it, except for copying."""
    with site.app.app_context():
        friend = add_client(site.client("Kiera Lopez").business, "Ada Fried", code=code_of(site.client("Kiera Lopez")))
        pay(add_invoice(friend, HEDGES))
        db.session.commit()
    portal_without_javascript(Person(site, chromium, DESK, scripts=False))
    checkout_without_javascript(Person(site, chromium, DESK, scripts=False), site.open_invoice("Kiera Lopez"))
    settings_without_javascript(Person(site, chromium, DESK, scripts=False))


def portal_without_javascript(jane: Person) -> None:
    """No button is shown that does nothing; and a friend registers by the link."""
    jane.log_in("Jane Smith", to=PORTAL)
    expect(jane.page.locator(".rf-page button:visible")).to_have_count(0)
    for name in ("Email", "Text", "WhatsApp", "X", "LinkedIn", "Facebook"):
        expect(jane.page.get_by_role("link", name=name, exact=True)).to_be_visible()
    link = jane.page.get_by_label("Your link", exact=True).input_value()
    jane.looks_good()
    jane.press("Log out", within="header")
    jane.go(link).sees("You were recommended by Jane S.")
    jane.register("Nina Okafor")
    jane.sees("Welcome to Acme Landscaping!")
    jane.looks_good()
    jane.context.close()


def checkout_without_javascript(kiera: Person, invoice: int) -> None:
    """Discount and credit on one invoice: she has recommended somebody before she paid her own first one."""
    kiera.log_in("Kiera Lopez", to=f"/portal/invoices/{invoice}")
    kiera.fill({"Amount (optional)": "40"})
    kiera.press("Use credit")
    kiera.sees("Referral discount −$140.25", "Account credit −$40.00", "$10.00 more to spend")
    kiera.looks_good("invoice-1280")
    kiera.press("Pay now")
    kiera.sees("Paid, thank you")
    kiera.context.close()


def settings_without_javascript(owner: Person) -> None:
    """Another kind of discount shows its own field; the preview says it, and it is saved."""
    owner.log_in(ACME.staff, to=SETTINGS)
    owner.page.get_by_label("A fixed amount").check()
    expect(owner.page.get_by_label("Percent off")).to_be_hidden()
    owner.fill({"Amount off": "40"})
    owner.press("Preview")
    owner.sees("They get $40.00 off their first invoice", "Not saved yet")
    owner.looks_good()
    owner.press("Save")
    owner.sees("Saved as version 4.", "$40.00 off the first invoice")
    owner.looks_good()
    owner.context.close()


def test_html_is_text(site: Site, chromium: Browser) -> None:
    """HTML in a name, a code, a message, a line, a reason, a search and a setting is read as it was typed."""
    eve = Person(site, chromium, DESK).go(f"/{ACME.slug}/register")
    eve.register(f"{EVIL} Lopez", **{"Referral code": EVIL})
    eve.refused()
    eve.sees("We don't know this code.")
    expect(eve.page.get_by_label("Referral code")).to_have_value(EVIL)
    expect(eve.page.get_by_label("Name")).to_have_value(f"{EVIL} Lopez")
    is_text(eve)
    eve.fill({"Password": "long enough", "Referral code": site.code("Jane Smith")})
    eve.press("Create account")
    expect(eve.page.locator("header")).to_contain_text(EVIL)

    jane = Person(site, chromium, DESK).log_in("Jane Smith", to=PORTAL)
    jane.sees(f"{EVIL} L.")
    jane.fill({"Your message": EVIL})
    email = jane.page.get_by_role("link", name="Email", exact=True).get_attribute("href") or ""
    assert parse_qs(urlsplit(email).query)["body"][0].startswith(EVIL)
    is_text(jane)

    owner = Person(site, chromium, DESK).log_in(ACME.staff, to="/staff/clients")
    owner.row(EVIL).get_by_role("link").click()
    owner.sees(EVIL)
    owner.page.get_by_role("link", name="New invoice").click()
    _write_line(owner.page, 0, EVIL, "100", "")
    owner.press("Save invoice")
    owner.sees(EVIL, "Due $85.00")
    owner.press("Record payment")
    owner.fill({"Reason": EVIL})
    owner.press("Refund")
    owner.sees(f"Given back: {EVIL}")
    is_text(owner)
    eve.go("/portal/").page.locator("td.main a").click()
    eve.sees(f"Given back: {EVIL}")
    is_text(eve)
    jane.page.reload()
    jane.sees(f"Taken back, since {EVIL} L.'s payment was undone")
    is_text(jane)

    owner.go("/staff/referrals")
    owner.fill({"Search by name": EVIL})
    owner.press("Search")
    owner.row(EVIL).get_by_role("link", name=EVIL).first.click()
    owner.sees(f"Jane Smith recommended {EVIL} Lopez")
    is_text(owner)
    owner.go(SETTINGS).fill({"Credit for the referrer": EVIL})
    owner.press("Save")
    expect(owner.page.get_by_label("Credit for the referrer")).to_have_value(EVIL)
    owner.sees("Nothing was saved yet.")
    owner.refused()
    is_text(owner)
    for person in (eve, jane, owner):
        person.context.close()


def is_text(person: Person) -> None:
    """Nothing of it became an element, and nothing ran."""
    expect(person.page.locator('img[src="x"], [onerror]')).to_have_count(0)
    assert person.complaints == []


FAULTS = {
    "style": ("""document.body.insertAdjacentHTML("beforeend", "<p style='color:red'>x</p>")""", "CSP: style-src-attr"),
    "handler": ("""document.body.insertAdjacentHTML("beforeend", "<p onclick='x'>x</p>")""", "CSP: script-src-attr"),
    "overflow": ("""document.querySelector("h1").style.width = "400px" """, "<h1"),
    "axe": ("""document.querySelector("header img").removeAttribute("alt")""", "image-alt"),
    "console": ("""console.error("Oh dear")""", "Oh dear"),
    "error": ("""setTimeout(() => undefined.x)""", "error: Cannot read properties of undefined"),
    "image": ("""document.querySelector("header img").src = "/nothing.png" """, "status of 404"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_noticed(site: Site, chromium: Browser, fault: str) -> None:
    """What every page above is looked at for would be found."""
    script, noticed = FAULTS[fault]
    person = Person(site, chromium, PHONE).go("/staff/login")
    person.page.evaluate(f"async () => {{ {script}; await new Promise((done) => setTimeout(done, 200)) }}")
    with pytest.raises(AssertionError) as caught:
        person.looks_good()
    assert noticed in f"{caught.value} {person.complaints}"
    person.context.close()
