"""Every form of ours in Chromium, on a telephone, its errors first: nothing is lost or overflows, axe is calm.

Pictures are taken as in `test_browser_loop`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from example_app.extensions import db
from example_app.models import Client
from example_app.referrals import referrals
from example_app.seed import ACME, HEDGES, add_client, add_invoice, code_of, pay
from flask_referrals.adapters import links
from tests.web.test_browser_loop import DESK, PHONE, PORTAL, Person, Site, demo_data, site

__all__ = ["demo_data", "site"]  # fixtures
pytestmark = pytest.mark.browser
STAFF = "/staff/referrals"


def corrected(person: Person, **fields: str) -> None:
    """The form was refused with a sentence; fill in what is right instead."""
    expect(person.page.locator("main :is(.rf-error, .rf-notice--bad)").first).to_be_visible()
    assert [text for text in person.complaints if "status of 422" not in text] == []
    person.complaints.clear()
    person.looks_good()
    fill(person, **fields)


def fill(person: Person, **fields: str) -> None:
    """Write into fields by their names."""
    for name, text in fields.items():
        person.page.locator(f"main [name={name}]:visible").first.fill(text)


def test_what_a_client_fills_in(site: Site, chromium: Browser) -> None:
    """Emails and credit, invitations, a code of one's own."""
    jane = Person(site, chromium, PHONE).log_in("Jane Smith", to=f"{PORTAL}news")
    jane.looks_good("news-360")
    jane.page.get_by_role("link", name="Emails and credit").click()
    jane.page.get_by_label("Leave it to me").check()
    jane.page.get_by_label("You got a reward").uncheck()
    jane.press("Save")
    jane.sees("Saved.")
    expect(jane.page.get_by_label("Leave it to me")).to_be_checked()
    expect(jane.page.get_by_label("You got a reward")).not_to_be_checked()
    expect(jane.page.get_by_label("Some of your credit expires soon")).to_be_checked()
    jane.looks_good("choices-360")
    jane.go(f"{PORTAL}invite")
    fill(jane, emails="not an address")
    jane.press("Invite")
    expect(jane.page.locator("[name=emails]")).to_have_value("not an address")
    corrected(jane, emails="ann@ash.example")
    jane.press("Invite")
    jane.sees("Noted. Now send it")
    jane.looks_good("invite-360")
    jane.go(f"{PORTAL}code")
    fill(jane, code="x")
    jane.press("Take this code")
    corrected(jane, code="JANESGARDEN")
    jane.press("Take this code")
    jane.sees("JANESGARDEN")
    jane.looks_good()
    jane.context.close()


def test_a_link_that_ends_emails(site: Site, chromium: Browser) -> None:
    """It asks, does it, and says so; a broken one says what to do."""
    with site.app.app_context():
        token = links.sign_stop(site.app, "invitations", ACME.slug, "0" * 64)
    ann = Person(site, chromium, PHONE).go(f"/r/-/stop/{token}")
    ann.sees("With one click this address gets no invitations")
    ann.looks_good()
    ann.press("No more invitations")
    ann.sees("This address gets no invitations by us any more.")
    ann.looks_good()
    ann.page.goto("/r/-/stop/nonsense")
    ann.sees("This link doesn't work")
    ann.context.close()


def test_what_the_owner_looks_at_and_tries(site: Site, chromium: Browser) -> None:
    """The overview, what is owed, other terms, why a referral stands as it does."""
    nora = Person(site, chromium, PHONE).log_in(ACME.staff, to=f"{STAFF}/dashboard")
    nora.sees("What your program brings", "From visit to reward", "Top referrers")
    nora.looks_good("dashboard-360", "dashboard-1280")
    nora.page.get_by_text("As a table").click()
    nora.looks_good()
    nora.page.get_by_role("link", name="Credit that clients still have").click()
    nora.page.locator("[name=on]").fill("2999-01-01")
    nora.press("Show")
    corrected(nora, on="2026-03-01")
    nora.press("Show")
    nora.sees("Clients have")
    nora.looks_good("liability-360")
    nora.go(f"{STAFF}/simulator")
    fill(nora, amount="lots", n="0")
    nora.press("Work it out")
    expect(nora.page.locator("[name=amount]")).to_have_value("lots")
    corrected(nora, amount="300", n="2")
    nora.press("And for past referrals")
    nora.sees("The referrer gets", "What it was")
    nora.looks_good("simulator-360", "simulator-1280")
    nora.go(f"{STAFF}/")
    nora.page.locator("tbody a[href*='/referrals/referrals/']").first.click()
    nora.page.get_by_role("link", name="Why?").click()
    nora.sees("Promised that day")
    nora.looks_good("why-staff-360")
    nora.context.close()


def test_what_staff_decide(site: Site, chromium: Browser) -> None:
    """Terms, the queue, adjustments, codes, blocks, referrals by hand, rejections: refused first, then done."""
    with site.app.app_context():
        client = site.client("Jane Smith")
        jane, code = client.id, code_of(client)
        other = (
            db.session.query(Client).filter(Client.business_id == client.business_id, Client.id != jane).all()[-1].id
        )
    nora = Person(site, chromium, DESK).log_in(ACME.staff, to=f"{STAFF}/settings")
    nora.page.set_viewport_size({"width": PHONE, "height": 800})
    nora.width = PHONE
    nora.looks_good()
    nora.go(f"{STAFF}/clients/{jane}")
    nora.page.get_by_text("Adjust by hand").click()
    fill(nora, amount="lots")
    nora.press("Adjust")
    expect(nora.page.locator("[name=amount]")).to_have_value("lots")
    corrected(nora, amount="5.00", note="for her patience")
    nora.press("Adjust")
    nora.sees("for her patience")
    fill(nora, code="x")
    nora.press("Give this code")
    corrected(nora, code="JANESGARDEN")
    nora.press("Give this code")
    nora.sees("JANESGARDEN")
    nora.press("Block")
    nora.sees("Blocked as a referrer")
    nora.looks_good("client-360")
    nora.press("Unblock")
    nora.go(f"{STAFF}/attribute")
    nora.press("Enter the referral")
    corrected(nora, referee=str(other), referrer=code, note="she told us")
    nora.press("Enter the referral")
    expect(nora.page.locator("main h1")).to_be_visible()
    nora.complaints.clear()  # that client may have somebody already, which is answered at the field
    nora.go(f"{STAFF}/")
    nora.page.locator("tbody a[href*='/referrals/referrals/']").first.click()
    nora.press("Reject this referral")
    corrected(nora, reason="a test")
    nora.page.locator("#rfa-reason-reject").fill("it was a mistake")
    nora.press("Reject this referral")
    nora.sees("The referral is rejected.")
    nora.looks_good()
    nora.context.close()


def test_the_queue(site: Site, chromium: Browser) -> None:
    """Nothing ticked and no reason are answered; then a reward is refused, and another one approved."""
    with site.app.app_context():
        terms = referrals.program(ACME.slug).versions[-1].terms
        referrals.save_terms(ACME.slug, replace(terms, approval="all"), by="nora")
        code = code_of(site.client("Jane Smith"))
        for name in ("Omid Farahani", "Ann Ash"):
            pay(add_invoice(add_client(site.client("Jane Smith").business, name, code=code), HEDGES))
        db.session.commit()
    nora = Person(site, chromium, PHONE).log_in(ACME.staff, to=f"{STAFF}/queue")
    nora.press("Refuse")
    corrected(nora)
    nora.page.locator("[name=reward]").first.check()
    nora.press("Refuse")
    corrected(nora, reason="not a new client")
    nora.looks_good("queue-360")
    nora.press("Refuse")
    nora.sees("1 reward refused.")
    nora.page.locator("[name=reward]").first.check()
    fill(nora, reason="all is well")
    nora.press("Approve")
    nora.sees("1 reward approved.")
    nora.looks_good()
    nora.context.close()
