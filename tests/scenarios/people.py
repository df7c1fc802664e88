"""Verbs of people: clients, registrations, visits."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select

from example_app import billing
from example_app.billing import LineItem
from example_app.clock import stopped_at
from example_app.extensions import db
from example_app.models import Business
from example_app.money import parse_amount
from flask_referrals.domain.codes import ALPHABET

from .deeds import Deed, Fields
from .pages import Page
from .player import StepFailed
from .world import World

PASSWORD = "correct horse"
#: How long before the program those came who were there before it.
BEFORE = timedelta(days=365)


def client(world: World, org: str, fields: Fields) -> Deed:
    """Somebody who was there before the program, and whom the host has never announced."""
    key = str(uuid4())

    def deed() -> None:
        with world.app.app_context(), stopped_at(world.clock() - BEFORE):
            business = db.session.scalars(select(Business).filter_by(slug=org)).one()
            made = billing.register_client(
                business,
                name=fields["name"],
                email=fields["email"],
                phone=fields.get("phone"),
                request_key=key,
            ).item
            if fields.get("has_paid"):
                currency = world.terms[org].at()["currency"]
                work = LineItem("Work of old", parse_amount("10", currency))
                number = billing.next_number(business)
                old = billing.create_invoice(made, number=number, currency=currency, lines=[work], request_key=key)
                billing.record_payment(old.item, request_key=key)
            db.session.commit()
            world.add_client(org, fields["id"], made.id)

    return deed


def register(world: World, org: str, fields: Fields) -> Deed:
    """Somebody registers on the host's page, and insists on a code that the form does not like."""
    browser = world.browser(fields.get("browser"))
    form = browser.get(f"/{org}/register").form()
    form.fill(name=fields["name"], email=fields["email"], phone=fields.get("phone", ""), password=PASSWORD)
    form.fill(referral_code=typed_code(world, org, fields))

    def deed() -> str | None:
        page = browser.insist(form, password=PASSWORD)
        kind, _, pk = (browser.user() or "").partition(":")
        if page.status != 200 or kind != "client":
            raise StepFailed(f"the host does not register {fields['id']}: {page.text}")
        world.add_client(org, fields["id"], int(pk))
        return refusal(page)

    return deed


def visit(world: World, org: str, fields: Fields) -> Deed:
    """Somebody opens a referral link."""
    with world.asking() as api:
        link = api.link(api.code(world.value(org, fields["link_of"])))
    browser = world.browser(fields["browser"])

    def deed() -> None:
        browser.get(link)

    return deed


def invite(world: World, org: str, fields: Fields) -> Deed:
    """A referrer invites somebody by email, on its portal."""
    browser = world.client(org, fields["from"])
    form = browser.get("/portal/referrals/invite").form("/portal/referrals/invite").fill(emails=fields["email"])
    return lambda: refusal(browser.send(form))


def vanity(world: World, org: str, fields: Fields) -> Deed:
    """A client chooses a code of its own, on its portal."""
    browser = world.client(org, fields["client"])
    form = browser.get("/portal/referrals/code").form("/portal/referrals/code").fill(code=fields["code"])
    return lambda: refusal(browser.send(form))


def refusal(page: Page) -> str | None:
    """The reason that a page gives for a refusal; None where nothing was refused."""
    if page.reasons:
        return page.reasons[0]
    if page.status != 200:
        raise StepFailed(f"the form is refused without a reason: {page.text}")
    return None


def typed_code(world: World, org: str, fields: Fields) -> str:
    """What is typed into the field for the code; nothing where the step names no code."""
    if "code" in fields:
        return str(fields["code"])
    if "code_of" in fields:
        return world.code(org, fields["code_of"])
    if "typo_of" in fields:
        return mistyped(world.code(org, fields["typo_of"]))
    if "sloppy_code_of" in fields:
        return sloppy(world.code(org, fields["sloppy_code_of"]))
    return ""


def mistyped(code: str) -> str:
    """The code with the character in its middle changed to the next one of the alphabet."""
    middle = len(code) // 2
    other = ALPHABET[(ALPHABET.find(code[middle]) + 1) % len(ALPHABET)]
    return code[:middle] + other + code[middle + 1 :]


def sloppy(code: str) -> str:
    """The code in lower case, with spaces and a hyphen."""
    third, half = len(code) // 3, len(code) // 2
    return f" {code[:third]} {code[third:half]}-{code[half:]} ".lower()
