"""The hands in freelance: owners who log in, customers who hold a link; the forms' tokens are checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from ..driver import Driver, landed
from ..plugging import imported


class Freelance(Driver):
    """One owner at a time is at work (`as_owner`); each has customers, bills and a program of its own."""

    name = "freelance"
    frame = "<strong>Freelance</strong>"

    #: The app's own modules.
    models: Any

    def __init__(self) -> None:
        self.owners: dict[str, FlaskClient] = {}

    @classmethod
    @contextmanager
    def running(cls, copy: Path, url: str) -> Iterator[Freelance]:
        with imported(copy, "freelance", "freelance.models", DATABASE_URL=url) as (freelance, models):
            driver = cls()
            driver.models = models
            driver.app = freelance.create_app({"TESTING": True})
            driver.referrals = driver.app.extensions["referrals"].owner
            driver.org = driver.sign_up("ann@studio.example", "Ann's Studio")
            driver.start()
            yield driver
            with driver.context():
                engine: Any = driver.referrals.session().get_bind()
            engine.dispose()

    def sign_up(self, email: str, business: str, currency: str = "EUR") -> str:
        """Somebody opens a business; its id."""
        browser = self.browser()
        form = {"email": email, "business_name": business, "password": "long enough", "currency": currency}
        assert self.post("/signup", browser, **form).status_code == 302
        with browser.session_transaction() as session:
            owner_id = str(session["owner_id"])
        self.owners[owner_id] = browser
        return owner_id

    def browser(self) -> FlaskClient:
        """A person's browser, with the token that any page of the app would have given it."""
        found = self.app.test_client()
        with found.session_transaction() as session:
            session["_token"] = "t" * 32
        return found

    @contextmanager
    def as_owner(self, owner_id: str, currency: str = "EUR") -> Iterator[None]:
        """What is done meanwhile is done by this owner."""
        before = self.org, self.currency
        self.org, self.currency = owner_id, currency
        try:
            yield
        finally:
            self.org, self.currency = before

    def get(self, url: str, browser: FlaskClient | None = None) -> str:
        """A page, as the owner or somebody else sees it."""
        response = (browser or self.owners[self.org]).get(url)
        assert response.status_code == 200, url
        return response.get_data(as_text=True)

    def post(self, url: str, browser: FlaskClient | None = None, /, **form: Any) -> TestResponse:
        """A form that is sent, by the owner or somebody else, with the token that was in it."""
        return (browser or self.owners[self.org]).post(url, data={"_token": "t" * 32, **form})

    def register(self, name: str, email: str, code: str = "") -> str:
        return landed(self.post("/customers/new", name=name, email=email, referral_code=code))

    def draft(self, client_id: str, *items: tuple[str, str, str, str]) -> str:
        """A draft with items (text, quantity, price, tax); its id."""
        what, qty, price, tax = map(list, zip(*(items or [("Logo", "1", "200", "19")]), strict=True))
        return landed(self.post("/bills/new", customer_id=client_id, text=what, qty=qty, price=price, tax=tax))

    def send(self, invoice_id: str) -> str:
        """The draft is sent."""
        self.post(f"/bills/{invoice_id}/send")
        return invoice_id

    def invoice(self, client_id: str) -> str:
        return self.send(self.draft(client_id))

    def link(self, client_id: str) -> str:
        """Where the customer's own pages are, as the owner sends it."""
        found = re.search(r'href="(/p/[0-9a-f]{32})"', self.get(f"/customers/{client_id}"))
        assert found is not None
        return found[1]

    def pay(self, invoice_id: str) -> None:
        with self.context():
            bill = self.referrals.session().get_one(self.models.Bill, int(invoice_id))
            address = f"/p/{bill.customer.portal_token}/bill/{bill.id}/pay"
        assert self.post(address, self.browser()).status_code == 302

    def undo(self, invoice_id: str) -> None:
        for receipt in re.findall(
            rf'action="(/bills/{invoice_id}/receipts/\d+/delete)"', self.get(f"/bills/{invoice_id}")
        ):
            assert self.post(receipt).status_code == 302

    def pages(self) -> list[TestResponse]:
        jane = self.link(self.register("Jane Smith", "jane@mail.example"))
        staff = [self.owners[self.org].get(f"/admin/referrals/{page}") for page in ("", "settings")]
        return [self.browser().get(f"{jane}/referrals/{page}") for page in ("", "news", "invite")] + staff

    def pay_by_hand(self, invoice_id: str) -> list[str]:
        due = self.sees(invoice_id).due.amount
        return [f"INSERT INTO receipt VALUES (1000, {invoice_id}, {due}, 'bank', CURRENT_DATE)"]

    def rows(self, query: str) -> list[Any]:
        """What is in the database."""
        with self.context():
            return list(self.referrals.session().execute(text(query)))
