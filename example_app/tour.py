"""What to look at first."""

from __future__ import annotations

from flask import current_app, url_for
from sqlalchemy import select

from .extensions import db
from .models import Client, Invoice, Status
from .referrals import host, referrals
from .seed import ACME, DEMO_PASSWORD, HARBOR, KINTSU, email_of


def tour() -> str:
    """A walk through the app in the order of the referral loop, with addresses and logins."""
    home = url_for("public.index", _external=True)
    jane, kiera = _client("Jane Smith"), _client("Kiera Lopez")
    if jane is None or kiera is None:
        return f"\n{current_app.config['APP_NAME']} is at {home}\n"
    link = referrals.link(referrals.code(host.client(jane)))
    steps = [
        (
            "Jane's referral page: her code, her link, what they brought",
            _login(url_for("referrals.portal")),
            jane.email,
        ),
        ("A friend opens her link and registers (in a private window)", link, "nobody yet"),
        ("Kiera has 15% off her first invoice, and pays it", _login(_open_invoice(kiera)), kiera.email),
        ("Jane has $50 more, and uses her credit on an invoice", _login(_open_invoice(jane)), jane.email),
        (
            "The chain of it all, on Kiera's page for staff",
            _staff(f"/staff/clients/{kiera.id}"),
            email_of(ACME.staff, ACME),
        ),
        (
            "The owner's settings of the program",
            _staff(url_for("referrals_admin.settings")),
            email_of(ACME.staff, ACME),
        ),
    ]
    lines = [f"\n{current_app.config['APP_NAME']} is at {home}   The password is always {DEMO_PASSWORD}\n"]
    for number, (what, address, who) in enumerate(steps, 1):
        lines.append(f"  {number}. {what}\n     {address}\n     as {who}\n")
    staff, client = email_of(KINTSU.staff, KINTSU), email_of(KINTSU.client, KINTSU)
    lines.append(f"  Another business, in yen: {url_for('public.business', slug=KINTSU.slug, _external=True)}")
    lines.append(f"     as {client} or {staff}\n")
    cash = url_for("auth.client_login", slug=HARBOR.slug, next=url_for("referrals.cash"), _external=True)
    lines.append(f"  Cash rewards, by a stand-in for Stripe: {cash}")
    lines.append(f"     as {email_of(HARBOR.client, HARBOR)}; the demo's own worker sends them within seconds")
    lines.append(f"     payouts: {_staff(url_for('referrals_admin.payouts'))} as {email_of(HARBOR.staff, HARBOR)}\n")
    return "\n".join(lines)


def _client(name: str) -> Client | None:
    return db.session.scalar(select(Client).filter_by(name=name).order_by(Client.id).limit(1))


def _open_invoice(client: Client) -> str:
    newest = select(Invoice).filter_by(client_id=client.id, status=Status.OPEN).order_by(Invoice.id.desc())
    found = db.session.scalar(newest.limit(1))
    return url_for("portal.invoice", invoice_id=found.id) if found else url_for("portal.invoices")


def _login(page: str) -> str:
    return url_for("auth.client_login", slug=ACME.slug, next=page, _external=True)


def _staff(page: str) -> str:
    return url_for("auth.staff_login", next=page, _external=True)
