"""Data to try the app with."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from unicodedata import normalize

from sqlalchemy import select

from . import billing
from .billing import LineItem
from .clock import now, stopped_at
from .extensions import db
from .models import Business, Client, Invoice, Staff

DEMO_PASSWORD = "demo-password"


class Firm(NamedTuple):
    """A business to seed, with its first staff member and its clients."""

    slug: str
    name: str
    currency: str
    timezone: str
    staff: str
    clients: tuple[str, ...]


FIRMS = (
    Firm(
        "northlight",
        "Northlight Studio",
        "USD",
        "America/New_York",
        "Nora Lindqvist",
        ("Ana Sousa", "Ben Okafor", "Chloé Martin", "Dev Patel", "Emma O'Neill"),
    ),
    Firm(
        "gartenwerk",
        "Gartenwerk Berlin",
        "EUR",
        "Europe/Berlin",
        "Jonas Weber",
        ("Ayşe Yılmaz", "Felix Krüger", "Greta Sommer"),
    ),
    Firm("kintsu", "Atelier Kintsu", "JPY", "Asia/Tokyo", "Mei Tanaka", ("Haruto Sato", "Yui Mori")),
)


def email_of(name: str, firm: Firm) -> str:
    """The address under which a seeded person logs in."""
    ascii_name = normalize("NFKD", name.split()[0]).encode("ascii", "ignore").decode().lower()
    return f"{ascii_name}@{firm.slug}.example.com"


def demo_logins() -> dict[str, dict[str, str]]:
    """Whom to log in as, by the slug of the business."""
    return {
        firm.slug: {
            "staff": email_of(firm.staff, firm),
            "client": email_of(firm.clients[0], firm),
            "password": DEMO_PASSWORD,
        }
        for firm in FIRMS
    }


def is_empty() -> bool:
    """Whether there is nothing in the database yet."""
    return db.session.scalar(select(Business.id).limit(1)) is None


def seed() -> None:
    """Fill an empty database, and commit."""
    for firm in FIRMS:
        business = add_business(firm)
        clients = [add_client(business, name, email_of(name, firm)) for name in firm.clients]
        add_history(clients)
    db.session.commit()


def add_business(firm: Firm) -> Business:
    """A business and its first staff member."""
    business = Business(slug=firm.slug, name=firm.name, currency=firm.currency, timezone=firm.timezone)
    staff = Staff(business=business, name=firm.staff, email=email_of(firm.staff, firm))
    staff.set_password(DEMO_PASSWORD)
    db.session.add_all([business, staff])
    db.session.flush()
    return business


def add_client(business: Business, name: str, email: str) -> Client:
    """A client who registered some months ago."""
    with stopped_at(now() - timedelta(days=120)):
        return billing.register_client(business, name=name, email=email, password=DEMO_PASSWORD).item


def add_invoice(
    client: Client, *lines: LineItem, days_ago: int = 0, paid: bool = False, draft: bool = False
) -> Invoice:
    """An invoice of some days ago, paid two days later if it is paid."""
    with stopped_at(now() - timedelta(days=days_ago)):
        invoice = billing.create_invoice(
            client,
            number=billing.next_number(client.business),
            currency=client.business.currency,
            lines=lines,
            draft=draft,
        ).item
    if paid:
        with stopped_at(now() - timedelta(days=days_ago - 2)):
            billing.record_payment(invoice, method="card")
    return invoice


def add_history(clients: list[Client]) -> None:
    """Invoices in every standing, most of them for the first two clients."""
    first, second = clients[0], clients[1]
    day = LineItem("One day on site", 84_000, "On site", 8_875)
    plan = LineItem("Planning and drawings", 32_000, "Planning", 8_875)
    parts = LineItem("Paper, wood and paint", 14_500, "Materials", 5_000)
    travel = LineItem("Travel", 6_000, "Travel")

    add_invoice(first, plan, travel, days_ago=90, paid=True)
    add_invoice(second, day, parts, days_ago=62, paid=True)
    given_back = add_invoice(second, plan, days_ago=55, paid=True)
    billing.refund(given_back, given_back.total_minor // 4, reason="One drawing was late")
    billing.void(add_invoice(first, travel, days_ago=40))
    part_paid = add_invoice(first, day, plan, parts, days_ago=21)
    billing.record_payment(part_paid, part_paid.total_minor // 2)
    add_invoice(first, day, travel, days_ago=6)
    add_invoice(clients[-1], plan, parts, days_ago=3)
    add_invoice(second, day, draft=True)
