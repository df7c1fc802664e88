"""A host with logins, two businesses and forms, for the tests of our pages; built on the smallest host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask, render_template_string, request, session
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from sqlalchemy import insert, select
from wtforms import Form, StringField
from wtforms.validators import InputRequired

from flask_referrals import Client, Gateway, Mailer, Referrals, Terms
from flask_referrals.models import ReferralRow
from flask_referrals.services.codes import Code
from flask_referrals.testing import FrozenClock
from flask_referrals.web.fields import ReferralCodeField
from tests.minihost import ClientRow, InvoiceRow, MiniHost, db, prepare_sqlite

CSP = "default-src 'self'"
DEAL = {
    "currency": "USD",
    "discount": {"percent": "15"},
    "referrer_reward": {"kinds": ["credit"], "amount": "50.00"},
}
PAGE = """{% extends "referrals/base.html" %}
{% from "referrals/_macros.html" import invitation_badge, link_card %}
{% block content %}<h1>Register</h1>{{ invitation_badge() }}{% if shown %}{{ link_card(shown) }}{% endif %}
<form method="post">{{ form.email() }}{{ form.code.label }}{{ form.code(class="host") }}
{% for error in form.code.errors %}<p class="error">{{ error }}</p>{% endfor %}
<button>Go</button></form>{% endblock %}"""


class WebHost(MiniHost):
    """Who is logged in stands in the session; the second business is `other`."""

    def orgs(self) -> Sequence[str]:
        return ("default", "other")

    def current_client(self) -> Client | None:
        found = db.session.get(ClientRow, session["client"]) if "client" in session else None
        return None if found is None else self.client(found)

    def current_org(self) -> str:
        return str(request.args.get("org", "default"))

    def org_name(self, org: str) -> str:
        return "Maple & Sons" if org == "default" else "Other"

    def may_set_cookie(self) -> bool:
        return request.headers.get("X-Consent") != "no"

    def registration_url(self, org: str) -> str:
        return f"/register?org={org}" if org != "default" else "/register"


class RegisterForm(Form):  # type: ignore[misc]
    """A registration form of the host's."""

    email = StringField("Email", [InputRequired()])
    code = ReferralCodeField()


class CheckoutForm(Form):  # type: ignore[misc]
    """A checkout form of the host's."""

    code = ReferralCodeField(point="invoice", org=lambda: "other")


def create_app(
    database_url: str,
    clock: FrozenClock,
    *,
    gateway: Gateway | None = None,
    mailer: Mailer | None = None,
    **config: Any,
) -> Flask:
    """The app, with its tables and a program that is switched on in both businesses."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=database_url, **config)
    app.jinja_env.undefined = StrictUndefined
    db.init_app(app)
    referrals = Referrals(WebHost(), db=db, mailer=mailer, gateway=gateway, clock=clock)
    referrals.init_app(app)
    app.extensions["referrals_object"] = referrals
    app.add_url_rule("/register", "register", _register, methods=["GET", "POST"])
    app.add_url_rule("/checkout", "checkout", _checkout, methods=["POST"])
    app.add_url_rule("/favicon.ico", "favicon", lambda: ("", 204))
    app.after_request(_strict)
    with app.app_context():
        prepare_sqlite(db.engine)
        db.create_all()
        referrals.create_all()
        for org in ("default", "other"):
            referrals.save_terms(org, Terms.from_document(DEAL))
            referrals.switch(org, on=True)
        db.session.commit()
    return app


def _register() -> Any:
    form = RegisterForm(request.form)
    if request.method == "POST" and form.validate():
        db.session.execute(select(ClientRow.id).limit(1))  # the host's transaction goes on
        return f"registered with {form.code.data or 'no code'}"
    shown = db.session.get(ClientRow, session["client"]) if "client" in session else None
    return render_template_string(PAGE, form=form, shown=shown), 200 if request.method == "GET" else 422


def _checkout() -> Any:
    form = CheckoutForm(request.form)
    return ("paid", 200) if form.validate() else ("; ".join(form.code.errors), 422)


def _strict(response: Any) -> Any:
    response.headers.setdefault("Content-Security-Policy", CSP)
    return response


class Shop:
    """What a test does with the app."""

    def __init__(self, app: Flask, clock: FrozenClock) -> None:
        self.app = app
        self.clock = clock

    @property
    def referrals(self) -> Referrals:
        """The extension."""
        found: Referrals = self.app.extensions["referrals_object"]
        return found

    def client(self, name: str = "Jane Smith", org: str = "default") -> int:
        """A new client's id."""
        with self.app.app_context():
            row = ClientRow(name=name, org=org, email=f"{name.split()[0].lower()}@x.example")
            db.session.add(row)
            db.session.commit()
            return row.id

    def code(self, client_id: int) -> Code:
        """The client's code, made if need be."""
        with self.app.app_context():
            found = self.referrals.code(self._value(client_id))
            db.session.commit()
            return found

    def _value(self, client_id: int) -> Client:
        return MiniHost().client(db.session.get(ClientRow, client_id))

    def referee(self, code: str, name: str = "Kiera Lopez", paid: int = 0) -> int:
        """A client who registers with the code, and pays an invoice of that many cents."""
        client_id = self.client(name)
        with self.app.app_context():
            outcome = self.referrals.client_registered(db.session.get(ClientRow, client_id), code)
            assert outcome.referral is not None, outcome
            db.session.commit()
        if paid:
            self.pay(self.invoice(client_id, paid))
        return client_id

    def invoice(self, client_id: int, subtotal: int) -> int:
        """A new invoice's id."""
        with self.app.app_context():
            row = InvoiceRow(client_id=client_id, subtotal=subtotal)
            db.session.add(row)
            db.session.flush()
            self.referrals.invoice_created(row)
            db.session.commit()
            return row.id

    def pay(self, invoice_id: int) -> None:
        """Pay what is due on the invoice."""
        with self.app.app_context():
            row = db.session.get(InvoiceRow, invoice_id)
            assert row is not None
            row.paid, row.settled = row.total - row.credit, True
            self.referrals.invoice_paid(row)
            db.session.commit()

    def refund(self, invoice_id: int) -> None:
        """Give back all that was paid."""
        with self.app.app_context():
            row = db.session.get(InvoiceRow, invoice_id)
            assert row is not None
            row.paid, row.settled = 0, False
            self.referrals.invoice_refunded(row)
            db.session.commit()

    def use_credit(self, invoice_id: int) -> None:
        """Put as much credit as possible on the invoice."""
        with self.app.app_context():
            assert self.referrals.use_credit(db.session.get(InvoiceRow, invoice_id)).ok
            db.session.commit()

    def switch(self, *, on: bool) -> None:
        """Switch the program on or off."""
        with self.app.app_context():
            self.referrals.switch("default", on=on)
            db.session.commit()

    def terms(self, **change: Any) -> None:
        """Save new terms, some of them changed."""
        with self.app.app_context():
            self.referrals.save_terms("default", Terms.from_document(DEAL | change))
            db.session.commit()

    def browser(self, client_id: int | None = None) -> FlaskClient:
        """A browser, with that client logged in."""
        browser = self.app.test_client()
        if client_id is not None:
            with browser.session_transaction() as kept:
                kept["client"] = client_id
        return browser

    def many(self, client_id: int, number: int) -> None:
        """Write that many referrals of the client's at once."""
        code = self.code(client_id)
        now = self.clock()
        with self.app.app_context():
            version = self.referrals.program("default").at(now)
            assert version is not None
            rows = [
                {
                    "org": "default", "referee_id": f"r{n}", "referrer_id": str(client_id), "live": 1,
                    "referee_name": f"Referee Number{n}", "referrer_name": "Jane Smith", "state": "pending", "epoch": 0,
                    "via": "code", "code_id": code.id, "touched_at": now, "attributed_at": now, "terms_id": version.id,
                    "discount_minor": 0,
                }
                for n in range(number)
            ]  # fmt: skip
            db.session.execute(insert(ReferralRow), rows)
            db.session.commit()
