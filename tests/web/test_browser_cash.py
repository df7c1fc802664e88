"""Cash in Chromium, on the stand-in for Stripe: a bank account linked, a payout sent and landed, a debt settled.

Pictures are taken as in `test_browser_loop`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from example_app import create_app
from example_app.cash import SECRETS
from example_app.extensions import db
from example_app.models import Invoice, Status
from example_app.seed import HARBOR, give_back
from example_app.standin import Standin
from flask_referrals.adapters.stripe import StripeGateway
from tests.databases import clone_database
from tests.web.test_browser_loop import PHONE, PORTAL, Clock, Person, Site, demo_data, served

__all__ = ["demo_data"]  # a fixture
pytestmark = pytest.mark.browser
STAFF = "/staff/referrals"


@dataclass
class Harbor:
    """The example app with a stand-in for Stripe."""

    site: Site
    standin: Standin

    def work(self) -> None:
        """The worker runs once, an hour later."""
        self.site.clock.days_pass(0, hours=1)
        result = self.site.app.test_cli_runner().invoke(args=["referrals", "work"])
        assert result.exit_code == 0, result.output


@pytest.fixture
def harbor(demo_data: str) -> Iterator[Harbor]:
    """Served for this test alone; the stand-in tells the app of what happens when a test says so."""
    clock, standin = Clock(), Standin()
    standin.now = clock
    url = standin.serve()
    with clone_database("sqlite", demo_data) as database:
        gateway = StripeGateway(standin.key, webhook_secrets=SECRETS, api=url)
        app = create_app(
            {
                "SQLALCHEMY_DATABASE_URI": database, "SECRET_KEY": "test", "REFERRALS_STRICT": True, "CLOCK": clock,
                "GATEWAY": gateway,
            }
        )  # fmt: skip
        with served(app) as address:
            webhook = f"{address}/referrals/stripe/webhook"
            own, connected, thin = SECRETS
            standin.add_endpoint(webhook, own)
            standin.add_endpoint(webhook, connected, connect=True)
            standin.add_endpoint(webhook, thin, thin=True)
            yield Harbor(Site(app, address), standin)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    standin.stop()
    assert standin.violations == []


def test_the_whole_way_of_cash(harbor: Harbor, chromium: Browser) -> None:
    """P1, P6, R6: as the client and the owner see it, on a telephone."""
    site, standin = harbor.site, harbor.standin
    lena = Person(site, chromium, PHONE).log_in(HARBOR.client, to=f"{PORTAL}cash", firm=HARBOR)
    lena.sees("How do you want your rewards?", "Link a bank account", "waits for your account")
    lena.looks_good("cash-start-360")
    lena.press("Link a bank account")
    lena.sees("Not finished", "Continue with the payment service")
    lena.looks_good()
    lena.page.get_by_role("link", name="Continue with the payment service").click()
    lena.sees("A stand-in for Stripe, on this computer. Nothing here is real")
    lena.picture("standin-360")
    lena.page.get_by_role("button", name="Stop halfway").click()
    lena.sees("Needs you", "Still missing")
    lena.looks_good("cash-missing-360")
    lena.page.get_by_role("link", name="Continue with the payment service").click()
    lena.page.get_by_role("button", name="Link a test bank account").click()
    lena.sees("Ready", "goes out with the next payout")
    harbor.work()
    lena.go(f"{PORTAL}cash")
    lena.sees("Sent", "It is on its way to your bank")
    (account,) = standin.books.accounts
    standin.land(account)
    assert set(standin.deliver()) == {200}
    lena.go(f"{PORTAL}cash")
    lena.sees("Your bank has it")
    lena.looks_good("cash-360", "cash-1280")
    with site.app.app_context():
        ines = select(Invoice).where(Invoice.status == Status.PAID).order_by(Invoice.id.desc())
        invoice = next(one for one in db.session.scalars(ines) if one.client.name == "Ines Costa")
        give_back(invoice, "The wheels were late")
        db.session.commit()
    harbor.work()
    lena.go(f"{PORTAL}cash")
    lena.sees("later rewards settle it")
    lena.looks_good()
    lena.press("Save")
    lena.sees("Saved.")
    lena.context.close()

    sam = Person(site, chromium, PHONE).log_in(HARBOR.staff, to=f"{STAFF}/payouts", firm=HARBOR)
    sam.page.get_by_role("link", name=re.compile("^Done")).click()
    sam.looks_good("payouts-360", "payouts-1280")
    sam.page.get_by_role("link", name=re.compile("^Owed")).click()
    sam.sees("Lena Fox")
    sam.looks_good("owed-360")
    sam.page.get_by_label("How it was settled").fill("She paid it back")
    sam.press("Settled")
    sam.sees("Nobody owes anything.")
    sam.press("Pause payouts")
    sam.sees("All payouts are paused.")
    sam.looks_good()
    sam.press("Let them go on")
    expect(sam.page.get_by_text("All payouts are paused.")).to_have_count(0)
    sam.page.get_by_label("Client's id").fill("nobody")
    sam.press("Pause payouts")
    sam.sees("No client with this id has earned anything.")
    sam.complaints.clear()
    sam.looks_good()
    sam.context.close()
