"""The world of a story: the example app on a database of its own, its businesses, and who is who in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from flask import Flask

from example_app.extensions import db
from example_app.models import Business, Staff
from example_app.referrals import referrals
from example_app.standin import Standin
from flask_referrals import Client, Referrals
from flask_referrals.testing import FrozenClock

from .pages import Browser, Page
from .player import StepFailed, Story
from .terms import Book, save_terms, switch


class World:
    """Finds what steps name: clients and invoices of an org, browsers of visitors, sessions of staff and clients."""

    def __init__(self, app: Flask, clock: FrozenClock, standin: Standin) -> None:
        self.app = app
        self.clock = clock
        self.standin = standin
        self.terms: dict[str, Book] = {}
        self._clients: dict[tuple[str, str], int] = {}
        self._invoices: dict[tuple[str, str], int] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._browsers: dict[str, Browser] = {}
        self._sessions: dict[str, Browser] = {}
        self._staff: dict[str, int] = {}

    def open(self, story: Story) -> None:
        """Set the clock; found the businesses, each with a member of staff, its terms in force and its program on."""
        self.clock.now = story.clock
        with self.app.app_context():
            for org in story.orgs:
                business = Business(slug=org, name=org.title(), currency=story.terms["currency"])
                staff = Staff(business=business, name="Sam", email=f"sam@{org}.example")
                db.session.add_all([business, staff])
                db.session.flush()
                self._staff[org] = staff.id
            db.session.commit()
        for org in story.orgs:
            self.terms[org] = Book(self.clock)
            save_terms(self, org, story.terms)
            switch(self, org, "on")

    @contextmanager
    def asking(self) -> Iterator[Referrals]:
        """The public API, in a request; what it wrote is committed."""
        with self.app.test_request_context():
            yield referrals
            db.session.commit()

    # -- who and what ------------------------------------------------------------------------------------------------

    def client_pk(self, org: str, client: str) -> int:
        """The host's key of a client."""
        return _known(self._clients, org, client, "client")

    def invoice_pk(self, org: str, invoice: str) -> int:
        """The host's key of an invoice."""
        return _known(self._invoices, org, invoice, "invoice")

    def value(self, org: str, client: str) -> Client:
        """A client as the public API takes it."""
        return Client(id=str(self.client_pk(org, client)), name=client, org=org)

    def name_of(self, org: str, pk: str) -> str:
        """The id by which the story knows a client of the host's."""
        return next((name for (one, name), known in self._clients.items() if one == org and str(known) == pk), pk)

    def add_client(self, org: str, client: str, pk: int) -> None:
        """Remember a client; the same once more is the same client."""
        _add(self._clients, org, client, pk)

    def add_invoice(self, org: str, invoice: str, pk: int, client: str) -> None:
        """Remember an invoice and whose it is; the same once more is the same invoice."""
        _add(self._invoices, org, invoice, pk)
        self._owners[org, invoice] = client

    def owner(self, org: str, invoice: str) -> str:
        """The client whose invoice it is."""
        self.invoice_pk(org, invoice)
        return self._owners[org, invoice]

    def code(self, org: str, client: str) -> str:
        """The client's present code."""
        with self.asking() as api:
            return api.code(self.value(org, client)).text

    # -- who sits where ----------------------------------------------------------------------------------------------

    def browser(self, name: str | None) -> Browser:
        """A visitor's browser by its name, with the cookies that it has by now; without a name, a new one."""
        if name is None:
            return Browser(self.app)
        return self._browsers.setdefault(name, Browser(self.app))

    def staff(self, org: str) -> Browser:
        """The browser of the org's member of staff."""
        return self._session(f"staff:{self._staff[org]}")

    def client(self, org: str, client: str) -> Browser:
        """The browser of a client who is logged in on the portal."""
        return self._session(f"client:{self.client_pk(org, client)}")

    def _session(self, user: str) -> Browser:
        if user not in self._sessions:
            self._sessions[user] = Browser(self.app, user)
        return self._sessions[user]

    def invoice_page(self, org: str, invoice: str) -> Page:
        """The invoice as staff see it."""
        return self.staff(org).get(f"/staff/invoices/{self.invoice_pk(org, invoice)}")

    def discount_on(self, page: Page) -> Decimal:
        """What the discount took off, on the page of an invoice; zero where it shows none."""
        names = {name for name, _ in page.facts} & {"Referral discount", "Discount"}
        return -page.fact(names.pop()) if names else Decimal(0)


def _known(found: dict[tuple[str, str], int], org: str, name: str, what: str) -> int:
    if (org, name) not in found:
        raise StepFailed(f"{org} has no {what} {name!r} yet")
    return found[org, name]


def _add(found: dict[tuple[str, str], int], org: str, name: str, pk: int) -> None:
    if found.setdefault((org, name), pk) != pk:
        raise StepFailed(f"{org} has a {name!r} already")
