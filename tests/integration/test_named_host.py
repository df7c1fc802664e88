"""A Host that finds people and pages by names, and pages that are joined to a blueprint (architecture §3.7, §3.11)."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Blueprint, Flask, g, redirect, request
from flask.testing import FlaskClient
from flask_login import LoginManager, login_user
from jinja2 import DictLoader

from flask_referrals import Client, ConfigurationError, Referrals
from flask_referrals.adapters.doctor import examine
from flask_referrals.adapters.named_host import NamedHost
from flask_referrals.adapters.state import get_state
from tests.minihost import ClientRow, MiniHost, db

BASE = "{% block content %}{% endblock %}<i>{{ menu }}</i>{% block title %}{% endblock %}"


class Guest:
    """A user of Flask-Login."""

    is_authenticated = is_active = True

    def get_id(self) -> str:
        """As Flask-Login wants it."""
        return "7"


class Clerk(Guest):
    """One who is staff."""

    email = "carl@office.example"


class FirmHost(NamedHost, MiniHost):
    """All that such a host has to say of its people and pages."""

    endpoints = {"registration": "portal.join_us", "login": "portal.login", "client": "clients.detail"}
    portal_client, staff_model = "contact.client", Clerk


class Elsewhere(NamedHost, MiniHost):
    """With nothing to say."""


@pytest.fixture
def app() -> Iterator[Flask]:
    """An app whose portal is a blueprint with hooks; `?as=` says who is there."""
    app = Flask(__name__)
    app.jinja_loader = DictLoader({"base.html": BASE})
    app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI="sqlite://")
    db.init_app(app)
    manager = LoginManager(app)
    manager.login_view = "auth"
    app.add_url_rule("/auth", "auth", lambda: "")

    manager.request_loader(lambda _: {"clerk": Clerk(), "guest": Guest()}.get(request.args.get("as", "")))

    outer, portal, clients = (Blueprint(name, __name__) for name in ("outer", "portal", "clients"))
    portal.add_url_rule("/join", "join_us", lambda: "")
    portal.add_url_rule("/login", "login", lambda: "")
    clients.add_url_rule("/clients/<int:number>", "detail", lambda number: "")

    @portal.before_request
    def enter() -> Any:
        if request.args.get("as") == "banned":
            return redirect("/sorry")
        found = db.session.get(ClientRow, request.args.get("as", 0, type=int))
        g.contact = found and SimpleNamespace(client=found)
        return None

    portal.context_processor(lambda: {"menu": f"menu of {g.get('contact') and g.contact.client.name}"})
    clients.context_processor(lambda: {"menu": "menu of staff"})
    for blueprint in (outer, portal, clients):
        app.register_blueprint(blueprint)
    referrals = Referrals(FirmHost(), db=db, portal_blueprint="portal", admin_blueprint="clients", link_days=30)
    referrals.init_app(app, base_template="base.html", link_days=60)
    with app.app_context():
        db.create_all()
        db.session.add(ClientRow(name="Jane Smith"))
        db.session.commit()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A browser."""
    return app.test_client()


def test_our_pages_are_as_in_the_blueprint(browser: FlaskClient) -> None:
    """§3.11: its hooks run before them, its variables are in its layout; staff's have those of theirs."""
    page = browser.get("/portal/referrals/?as=1")
    assert (page.status_code, "<i>menu of Jane Smith</i>" in page.text) == (200, True)
    assert "<i>menu of staff</i>" in browser.get("/admin/referrals/?as=clerk").text
    assert "<i>menu of None</i>" in browser.get("/r/NONE2345").text


def test_a_hook_may_send_away(browser: FlaskClient) -> None:
    """§3.11: as from its own pages; the JSON API refuses in its own words."""
    assert browser.get("/portal/referrals/?as=banned").headers["Location"] == "/sorry"
    assert browser.get("/portal/referrals/api?as=banned").status_code == 401


def test_who_is_there(browser: FlaskClient) -> None:
    """§3.7: a client by what the app keeps in `g`, staff by the class of Flask-Login's user; each has a login."""
    assert browser.get("/portal/referrals/").headers["Location"].startswith("/login?")
    assert browser.get("/admin/referrals/").headers["Location"].startswith("/auth?")
    assert browser.get("/admin/referrals/?as=guest").status_code == 302


def test_addresses_and_the_actor(app: Flask) -> None:
    """Views by their names, with the id as their only argument; who acts, for the log."""
    host = get_state(app).host
    with app.test_request_context():
        assert (host.registration_url("default"), host.login_url("default")) == ("/join", "/login")
        assert (host.staff_login_url(), host.client_url("default", "5")) == ("/auth", "/clients/5")
        assert (host.invoice_url("default", "5"), host.actor()) == (None, "staff")
        login_user(Clerk())
        assert host.actor() == "carl@office.example"
    with app.test_request_context():
        plain = Elsewhere()
        assert (plain.registration_url("default"), plain.staff_login_url(), plain.is_staff()) == ("/", "/auth", False)


def test_names_that_are_wrong(app: Flask) -> None:
    """The message says which."""

    class Mistaken(NamedHost, MiniHost):
        endpoints = {"register": "portal.join_us"}

    with pytest.raises(ConfigurationError, match="not register"):
        Mistaken()

    class NoId(NamedHost, MiniHost):
        endpoints = {"login": "clients.detail"}

    with app.test_request_context(), pytest.raises(ConfigurationError, match=r"takes \['number'\]: write login_url"):
        NoId().login_url("default")


def test_settings_of_the_object_of_the_call_and_of_the_app(app: Flask) -> None:
    """Each goes before the one that comes before it."""
    assert get_state(app).settings.link_days == 60
    for config, days in (({}, 30), ({"REFERRALS_LINK_DAYS": 10}, 10)):
        other = Flask("other")
        other.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI="sqlite://", **config)
        db.init_app(other)
        Referrals(MiniHost(), other, db=db, link_days=30)
        assert get_state(other).settings.link_days == days
    with pytest.raises(ConfigurationError, match="REFERRALS_MAILR is not a setting"):
        Referrals(MiniHost(), Flask("third"), db=db, mailr=None)


def test_doctor_misses_a_blueprint(app: Flask) -> None:
    """It names those that there are."""
    other = Flask("other")
    other.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI="sqlite://", REFERRALS_PORTAL_BLUEPRINT="portl")
    db.init_app(other)
    other.register_blueprint(Blueprint("portal", __name__))
    Referrals(MiniHost(), other, db=db)
    with other.app_context():
        told = [one for one in examine(get_state()) if "BLUEPRINT" in one.text]
        db.engine.dispose()
    assert [(one.level, one.remedy) for one in told] == [("fail", "set it to one of portal")]


def test_a_client_of_the_portal(app: Flask) -> None:
    """Nobody, where nothing is in `g`."""
    with app.test_request_context():
        assert get_state(app).host.current_client() is None
        g.contact = SimpleNamespace(client=db.session.get(ClientRow, 1))
        assert get_state(app).host.current_client() == Client(id="1", name="Jane Smith")
