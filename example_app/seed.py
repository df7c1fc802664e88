"""Data to try the app with: three businesses, and a referral program in every state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from unicodedata import normalize

from flask import current_app
from sqlalchemy import select

from flask_referrals import Discount, Money, Promise, Terms, signals
from flask_referrals.domain.terms import Kind

from . import billing
from .billing import LineItem
from .clock import now, stopped_at
from .extensions import db, this_app
from .models import Business, Client, Invoice, Staff, Status
from .referrals import host, referrals

DEMO_PASSWORD = "demo-password"


class Firm(NamedTuple):
    """A business to seed, with its first staff member, and the client who shows it best."""

    slug: str
    name: str
    currency: str
    timezone: str
    staff: str
    client: str


ACME = Firm("acme", "Acme Landscaping", "USD", "America/New_York", "Nora Lindqvist", "Jane Smith")
KINTSU = Firm("kintsu", "Atelier Kintsu", "JPY", "Asia/Tokyo", "Mei Tanaka", "Haruto Sato")
HARBOR = Firm("harbor", "Harbor Cycles", "USD", "America/Los_Angeles", "Sam Ortiz", "Lena Fox")
FIRMS = (ACME, KINTSU, HARBOR)

MOWING = LineItem("Lawn care, one month", 18_000, "Maintenance", 8_875)
HEDGES = LineItem("Hedges and shrubs", 24_000, "Maintenance", 8_875)
DESIGN = LineItem("Garden design", 62_000, "Design")
PLANTS = LineItem("Plants and soil", 31_500, "Materials", 8_875)
TREE = LineItem("One tree, planted", 45_000, "Planting", 8_875)
CLEARING = LineItem("Clearing leaves", 12_500, "Maintenance", 8_875)
MENDING = LineItem("A tea bowl mended with gold", 28_000, "Kintsugi", 10_000)
TUNING = LineItem("A bicycle, tuned", 9_500, "Workshop", 9_500)
WHEELS = LineItem("Two wheels, built by hand", 42_000, "Workshop", 9_500)
COURSE = LineItem("Course for two", 15_000, "Courses", 10_000)


def email_of(name: str, firm: Firm) -> str:
    """The address under which a seeded person logs in."""
    ascii_name = normalize("NFKD", name.split()[0]).encode("ascii", "ignore").decode().lower()
    return f"{ascii_name}@{firm.slug}.example.com"


def demo_logins() -> dict[str, dict[str, str]]:
    """Whom to log in as, by the slug of the business."""
    return {
        firm.slug: {
            "staff": email_of(firm.staff, firm),
            "client": email_of(firm.client, firm),
            "password": DEMO_PASSWORD,
        }
        for firm in FIRMS
    }


def is_empty() -> bool:
    """Whether there is nothing in the database yet."""
    return db.session.scalar(select(Business.id).limit(1)) is None


def seed() -> None:
    """Fill an empty database, and commit."""
    seed_acme()
    seed_kintsu()
    seed_harbor()


def seed_acme() -> None:
    """Half a year of a garden business whose clients recommend it."""
    with days_ago(180):
        acme = add_business(ACME)
        set_terms(acme, Discount(percent=Decimal(10)), reward=25)
    with days_ago(178):
        jane, roberto = add_client(acme, "Jane Smith", phone="+1 212 555 0147"), add_client(acme, "Roberto Alvarez")
    with days_ago(170):
        pay(add_invoice(jane, DESIGN, PLANTS))
        pay(add_invoice(roberto, MOWING))
    refer_under_the_first_terms(acme, roberto)
    with days_ago(140):
        set_terms(acme, Discount(percent=Decimal(15), cap=Money.of(150, "USD")), reward=50)
    earn_lose_and_earn_again(acme, jane)
    spend(jane)
    void_and_write_anew(acme, roberto)
    refuse_codes(acme, jane, roberto)
    leave_open(acme, jane, roberto)
    set_terms(acme, Discount(percent=Decimal(20), cap=Money.of(150, "USD")), reward=75, in_days=14)
    db.session.commit()


def refer_under_the_first_terms(acme: Business, roberto: Client) -> None:
    """A referral that keeps the deal of its day, and invoices that are part paid and part refunded."""
    with days_ago(150):
        priya = add_client(acme, "Priya Nair", code=code_of(roberto))
        first = add_invoice(priya, MOWING, HEDGES)
    with days_ago(145):
        pay(first)
    with days_ago(120):
        hedges = add_invoice(priya, HEDGES)
        pay(hedges)
    with days_ago(118):
        give_back(hedges, "One hedge was left out", 6_000)
    with days_ago(20):
        pay(add_invoice(priya, DESIGN, TREE), 50_000)


def earn_lose_and_earn_again(acme: Business, jane: Client) -> None:
    """Rewards that stand, that were lost for good, and that came back with a second payment."""
    with days_ago(135):
        cookies = [follow_link(jane) for _ in range(3)]
    with days_ago(133):
        kim = add_client(acme, "Kim Park", link=cookies[0])
        kims = add_invoice(kim, TREE, PLANTS)
    with days_ago(126):
        pay(kims)
    with days_ago(122):
        lee = add_client(acme, "Lee Wong", code=code_of(jane).lower())
        lees = add_invoice(lee, HEDGES)
    with days_ago(115):
        pay(lees)
    with days_ago(110):
        give_back(lees, "The work was late")
    with days_ago(101):
        pay(lees)
    with days_ago(92):
        tom = add_client(acme, "Tom Becker", code=code_of(jane))
        toms = add_invoice(tom, CLEARING)
        pay(toms)
    with days_ago(80):
        billing.lose_dispute(toms)
        signals.invoice_refunded.send(this_app(), invoice=toms, reason=billing.DISPUTE)


def spend(jane: Client) -> None:
    """Credit that was captured by a payment, and credit that came back from a voided invoice."""
    with days_ago(75):
        hedges = add_invoice(jane, HEDGES)
        referrals.use_credit(hedges, Money.of(60, "USD"))
    with days_ago(72):
        pay(hedges)
    with days_ago(60):
        twice = add_invoice(jane, CLEARING)
        referrals.use_credit(twice)
    with days_ago(58):
        void(twice)


def void_and_write_anew(acme: Business, roberto: Client) -> None:
    """A first invoice that was a mistake: its discount is on the next one."""
    with days_ago(50):
        maya = add_client(acme, "Maya Cohen", code=code_of(roberto))
        mistake = add_invoice(maya, MOWING, MOWING)
    with days_ago(48):
        void(mistake)
        right = add_invoice(maya, MOWING)
    with days_ago(44):
        pay(right)


def refuse_codes(acme: Business, jane: Client, roberto: Client) -> None:
    """Codes that were mistyped, one's own, and entered by somebody who is no new client."""
    right = code_of(jane)
    with days_ago(30):
        omar = add_client(acme, "Omar Haddad", code=right[:-1] + ("7" if right[-1] != "7" else "8"))
        first = add_invoice(omar, PLANTS)
    with days_ago(28):
        referrals.enter_code(first, right)
        pay(first)
    with days_ago(26):
        add_client(acme, "Janet Smith", phone="(212) 555-0147", code=right)
    with days_ago(24):
        mowing = add_invoice(roberto, MOWING)
        referrals.enter_code(mowing, right)
        pay(mowing)


def leave_open(acme: Business, jane: Client, roberto: Client) -> None:
    """What there is to do: Kiera's first invoice to pay, and Jane's credit to spend; Sofia has only registered."""
    with days_ago(12):
        add_client(acme, "Sofia Rossi", link=follow_link(jane))
    with days_ago(8):
        referrals.use_credit(add_invoice(roberto, HEDGES))
    with days_ago(6):
        add_invoice(jane, CLEARING, HEDGES)
    with days_ago(3):
        kiera = add_client(acme, "Kiera Lopez", code=code_of(jane))
    with days_ago(1):
        add_invoice(kiera, DESIGN, PLANTS)
        add_invoice(roberto, TREE, draft=True)


def seed_kintsu() -> None:
    """A workshop without decimals in its currency, and with a reward for both sides."""
    with days_ago(90):
        kintsu = add_business(KINTSU)
        set_terms(kintsu, Discount(amount=Money.of(2_000, "JPY")), reward=1_500, referee_reward=1_000)
        haruto = add_client(kintsu, "Haruto Sato")
        pay(add_invoice(haruto, COURSE))
    with days_ago(40):
        yui = add_client(kintsu, "Yui Mori", link=follow_link(haruto))
        pay(add_invoice(yui, MENDING))
    with days_ago(5):
        add_client(kintsu, "Ren Ito", code=code_of(haruto))
        add_invoice(haruto, MENDING, COURSE)


def seed_harbor() -> None:
    """A workshop whose rewards are credit or cash: one that has been given, one that waits for a bank account."""
    with days_ago(60):
        harbor = add_business(HARBOR)
        set_terms(harbor, Discount(percent=Decimal(10)), reward=40, kinds=("credit", "cash"))
        lena = add_client(harbor, "Lena Fox")
        pay(add_invoice(lena, TUNING))
    with days_ago(45):
        milo = add_client(harbor, "Milo Brandt", code=code_of(lena))
        pay(add_invoice(milo, WHEELS))
    with days_ago(30):
        referrals.choose(host.client(lena), "cash")
    with days_ago(12):
        pay(add_invoice(add_client(harbor, "Ines Costa", link=follow_link(lena)), TUNING, WHEELS))
    with days_ago(3):
        add_invoice(add_client(harbor, "Pete Long", code=code_of(lena)), TUNING)


# -- the steps, as the pages take them -------------------------------------------------------------------------------


@contextmanager
def days_ago(days: int) -> Iterator[None]:
    """The clock shows that day; what is done is committed."""
    with stopped_at(now() - timedelta(days=days)):
        yield
        db.session.commit()


def add_business(firm: Firm) -> Business:
    """A business and its first staff member."""
    business = Business(slug=firm.slug, name=firm.name, currency=firm.currency, timezone=firm.timezone)
    staff = Staff(business=business, name=firm.staff, email=email_of(firm.staff, firm))
    staff.set_password(DEMO_PASSWORD)
    db.session.add_all([business, staff])
    db.session.flush()
    return business


def set_terms(
    business: Business,
    discount: Discount,
    *,
    reward: int,
    referee_reward: int | None = None,
    kinds: tuple[Kind, ...] = ("credit",),
    in_days: int = 0,
) -> None:
    """New terms of the referral program, which is switched on with its first ones."""
    terms = Terms(
        currency=business.currency,
        discount=discount,
        referrer_reward=Promise(amount=Money.of(reward, business.currency)),
        kinds=kinds,
        referee_reward=Money.of(referee_reward, business.currency) if referee_reward else None,
    )
    staff = db.session.scalars(select(Staff.name).filter_by(business_id=business.id)).one()
    referrals.save_terms(business.slug, terms, effective_from=now() + timedelta(days=in_days), by=staff)
    if not referrals.program(business.slug).enabled:
        referrals.switch(business.slug, on=True, by=staff)


def add_client(
    business: Business, name: str, *, phone: str | None = None, code: str | None = None, link: str | None = None
) -> Client:
    """A client who registers, with a referral code or the cookie of a link."""
    firm = next(firm for firm in FIRMS if firm.slug == business.slug)
    email = email_of(name, firm)
    client = billing.register_client(business, name=name, email=email, phone=phone, password=DEMO_PASSWORD).item
    referrals.client_registered(client, code=code, link=link)
    return client


def code_of(client: Client) -> str:
    """The client's referral code."""
    return referrals.code(host.client(client)).text


def follow_link(client: Client) -> str:
    """Somebody opens the client's referral link; the cookie that their browser keeps."""
    with current_app.test_request_context():
        link = referrals.link(referrals.code(host.client(client)))
    db.session.commit()
    browser = current_app.test_client()
    browser.get(link)
    cookie = browser.get_cookie("referrals_link")
    return cookie.value if cookie else ""


def add_invoice(client: Client, *lines: LineItem, draft: bool = False) -> Invoice:
    """An invoice in the currency of the business."""
    business = client.business
    number = billing.next_number(business)
    done = billing.create_invoice(client, number=number, currency=business.currency, lines=lines, draft=draft)
    signals.invoice_created.send(this_app(), invoice=done.item)
    return done.item


def pay(invoice: Invoice, amount_minor: int | None = None) -> None:
    """A card payment, of all that is due by default."""
    billing.record_payment(invoice, amount_minor, method="card")
    if invoice.status == Status.PAID:
        signals.invoice_paid.send(this_app(), invoice=invoice)


def give_back(invoice: Invoice, reason: str, amount_minor: int | None = None) -> None:
    """A refund, of everything by default."""
    billing.refund(invoice, amount_minor, reason=reason)
    signals.invoice_refunded.send(this_app(), invoice=invoice)


def void(invoice: Invoice) -> None:
    """An invoice is cancelled."""
    billing.void(invoice)
    signals.invoice_voided.send(this_app(), invoice=invoice)
