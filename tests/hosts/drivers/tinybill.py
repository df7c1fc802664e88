"""The hands in tinybill: one global app, no login; clients come with their first invoice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ..driver import Driver, landed
from ..plugging import imported


class Tinybill(Driver):
    """Everything is open, and payment is a link."""

    name = "tinybill"
    frame = '<div id="top">'

    def __init__(self) -> None:
        self.emails: dict[str, str] = {}
        self.browser: FlaskClient

    @classmethod
    @contextmanager
    def running(cls, copy: Path, url: str) -> Iterator[Tinybill]:
        with imported(copy, "tinybill", DATABASE_URL=url) as (tinybill,):
            driver = cls()
            driver.app, driver.referrals = tinybill.app, tinybill.referrals
            driver.app.config["TESTING"] = True
            driver.browser = driver.app.test_client()
            driver.start()
            yield driver
            with driver.app.app_context():
                tinybill.db.session.remove()
                tinybill.db.engine.dispose()

    def register(self, name: str, email: str, code: str = "") -> str:
        form = {"client_name": name, "client_email": email, "amount": "1", "vat_percent": "0", "referral_code": code}
        first = landed(self.browser.post("/invoice/new", data=form | {"action": "save"}))
        with self.context():
            client_id = self.sees(first).client_id
        self.browser.get(f"/invoice/{first}/delete")
        self.emails[client_id] = email
        return client_id

    def invoice(self, client_id: str) -> str:
        form = {"client_email": self.emails[client_id], "amount": "200", "vat_percent": "19", "action": "save"}
        return landed(self.browser.post("/invoice/new", data=form))

    def pay(self, invoice_id: str) -> None:
        assert self.browser.get(f"/invoice/{invoice_id}/status/paid").status_code == 302

    def undo(self, invoice_id: str) -> None:
        assert self.browser.get(f"/invoice/{invoice_id}/status/open").status_code == 302

    def pages(self) -> list[TestResponse]:
        return [self.browser.get("/admin/referrals/"), self.browser.get("/admin/referrals/settings")]

    def pay_by_hand(self, invoice_id: str) -> list[str]:
        return [f"UPDATE invoice SET status = 'paid' WHERE id = {invoice_id}"]
