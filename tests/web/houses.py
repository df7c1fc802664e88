"""Strangers' houses for our pages: odd template environments and CSRF schemes, over one prepared database.

Who asks says so in a header, so that no house needs a session, a login library or a form library.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Flask, abort, g, redirect, request, session
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from jinja2 import DictLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from werkzeug.test import TestResponse

from flask_referrals import Client, Mail, Referrals, Terms
from flask_referrals.adapters import links
from flask_referrals.testing import FakeGateway, FrozenClock
from tests.databases import clone_database, fresh_database
from tests.minihost import ClientRow, InvoiceRow, MiniHost, db, prepare_sqlite

JANE = "Jane Smi<i>th"
TERMS = {
    "currency": "USD",
    "discount": {"percent": "15"},
    "referrer_reward": {"kinds": ["credit", "cash"], "amount": "50.00"},
    "approval": "all",
}
SITE = "https://bills.example.com"
FORM = re.compile(r'<form[^>]* method="post".*?</form>', re.DOTALL)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
#: A base with nothing of ours in mind; each house has its own spelling of it.
BASE = """<!doctype html><html><head><title>{% block title %}House{% endblock %} of {{ owner }}</title></head>
<body id="house"><main>{% block content %}{% endblock %}</main><footer>end</footer></body></html>"""


class HouseHost(MiniHost):
    """Jane or staff, by a header; `token` is set by a CSRF scheme of the house's own."""

    def __init__(self) -> None:
        self.token: Callable[[], tuple[str, str]] | None = None

    def current_client(self) -> Client | None:
        row = db.session.get(ClientRow, 1) if request.headers.get("X-Person") == "client" else None
        return None if row is None else self.client(row)

    def is_staff(self) -> bool:
        return request.headers.get("X-Person") == "staff"

    def csrf_field(self) -> tuple[str, str] | None:
        return None if self.token is None else self.token()

    def registration_url(self, org: str) -> str:
        return "/register"


class Box:
    """A mailer that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    def send(self, mail: Mail) -> None:
        """Keep it."""
        self.mails.append(mail)


Found = TypeVar("Found")
Scheme = Callable[[Flask, HouseHost], None]


@dataclass(frozen=True, kw_only=True)
class House:
    """One host's peculiarities: `before` and `after` our `init_app`, its settings, its class of Host."""

    before: Scheme = lambda app, host: None
    after: Scheme = lambda app, host: None
    config: Mapping[str, Any] = field(default_factory=dict)
    host: type[HouseHost] = HouseHost


@dataclass
class Home:
    """An app of a house, ready to be visited."""

    app: Flask
    host: HouseHost
    referrals: Referrals
    clock: FrozenClock
    box: Box

    def browser(self, person: str = "") -> FlaskClient:
        """A browser of the client's, of staff's, or of a visitor's."""
        browser = self.app.test_client()
        browser.environ_base["HTTP_X_PERSON"] = person
        return browser

    def pages(self) -> Iterator[tuple[str, str]]:
        """Every address of ours that can be looked at, JSON aside, and who looks at it."""
        values: dict[str, Any] = {"referral_id": 1, "version_id": 1, "client_id": "1", "what": "rewards"}
        values |= {"code": self.code(), "token": links.sign_stop(self.app, "news", "default", "1"), "org": "default"}
        adapter = self.app.url_map.bind("localhost")
        for rule in self.app.url_map.iter_rules():
            blueprint = rule.endpoint.partition(".")[0]
            person = {"referrals": "client", "referrals_admin": "staff", "referrals_link": "visitor"}.get(blueprint)
            if person is None or "GET" not in (rule.methods or ()) or "static" in rule.rule or "/api" in rule.rule:
                continue
            taken = {name: values[name] for name in rule.arguments - set(rule.defaults or ())}
            yield adapter.build(rule.endpoint, taken), person

    def code(self) -> str:
        """Jane's code."""
        with self.app.app_context():
            row = db.session.get(ClientRow, 1)
            return self.referrals.code(self.host.client(row)).text


@contextmanager
def prepared() -> Iterator[str]:
    """A database in which Jane has recommended two: the reward for one waits for staff, the other has not paid."""
    with fresh_database("sqlite") as url, open_house(House(), url) as home, home.app.app_context():
        db.create_all()
        home.referrals.create_all()
        home.referrals.save_terms("default", Terms.from_document(TERMS))
        home.referrals.switch("default", on=True)
        jane = _register(home, JANE)
        code = home.referrals.code(home.host.client(jane)).text
        kiera = _register(home, "Kiera Lopez", code)
        _register(home, "Ann Ash", code)
        invoice = InvoiceRow(client_id=kiera.id, subtotal=20000)
        db.session.add(invoice)
        db.session.flush()
        home.referrals.invoice_created(invoice)
        invoice.paid, invoice.settled = invoice.total, True
        home.referrals.invoice_paid(invoice)
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
        yield url


def _register(home: Home, name: str, code: str | None = None) -> ClientRow:
    row = ClientRow(name=name, email=f"{name.split()[0].lower()}@mail.example")
    db.session.add(row)
    db.session.flush()
    home.referrals.client_registered(row, code, link=False)
    db.session.commit()
    return row


@contextmanager
def open_house(house: House, url: str) -> Iterator[Home]:
    """An app of that house on this database."""
    host, clock, box = house.host(), FrozenClock(), Box()
    app = Flask("house", static_folder=None)
    app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=url, PROPAGATE_EXCEPTIONS=True)
    app.config.update({"REFERRALS_SITE_URL": SITE, "REFERRALS_STRICT": True, **house.config})
    db.init_app(app)
    house.before(app, host)
    referrals = Referrals(host, db=db, mailer=box, gateway=FakeGateway(), clock=clock)
    referrals.init_app(app)
    house.after(app, host)
    with app.app_context():
        prepare_sqlite(db.engine)
    try:
        yield Home(app, host, referrals, clock, box)
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@contextmanager
def visit(house: House, prepared_url: str) -> Iterator[Home]:
    """An app of that house on a copy of the prepared database."""
    with clone_database("sqlite", prepared_url) as url, open_house(house, url) as home:
        yield home


def apart(act: Callable[[], Found]) -> Found:
    """Do it in a thread of its own, as a server does.

    Once a test has driven a browser, an event loop runs in this one, in which Jinja starts none for async templates.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result()


def forms(page: str) -> list[str]:
    """The POST forms of a page."""
    return FORM.findall(page)


def hidden(form: str) -> dict[str, str]:
    """The hidden fields of a form."""
    return dict(HIDDEN.findall(form))


def sweep(home: Home, field: str = "referrals_csrf") -> int:
    """Look at every page: each comes in the house's frame, and each POST form carries a token; how many there were."""
    count = 0
    for path, person in home.pages():
        response = home.browser(person).get(path)
        assert response.status_code in (200, 303), (path, response.status_code)
        if response.status_code == 200 and response.mimetype == "text/html":
            look(path, response)
            for form in forms(response.text):
                assert hidden(form).get(field) or path.startswith("/r/-/stop/"), (path, form)
            count += 1
    if "referrals_link" in home.app.blueprints:
        lost = home.browser().get("/r/NO-SUCH-CODE")
        assert lost.status_code == 404
        look("/r/NO-SUCH-CODE", lost)
    return count


def look(path: str, response: TestResponse) -> None:
    """A page of ours stands whole inside the house's frame, and what people typed is escaped."""
    text = response.text
    frame = re.search(r'<body id="house">\s*<main>(.*)</main>\s*<footer>end</footer>', text, re.DOTALL)
    assert frame, (path, text[:500])
    assert "rf-page" in frame[1], path
    assert "</div>" in frame[1], path
    assert "<i>th" not in text, path
    assert not re.search(r"\{%|\{\{|<%|\[\[", text), path


# -- houses ----------------------------------------------------------------------------------------------------------


def templates(**named: str) -> Scheme:
    """The house's templates."""

    def before(app: Flask, host: HouseHost) -> None:
        app.jinja_loader = DictLoader({f"{name}.html": text for name, text in named.items()})
        app.context_processor(lambda: {"owner": "Olivia"})

    return before


def _respelled(text: str) -> str:
    for ours, theirs in (("{%", "<%"), ("%}", "%>"), ("{{", "[["), ("}}", "]]")):
        text = text.replace(ours, theirs)
    return text


class CrumbHost(HouseHost):
    """Each view of this house gives its base the crumbs."""

    def page_context(self, *, staff: bool) -> Mapping[str, Any]:
        return {"crumbs": ["Home", "Staff" if staff else "You"]}


def strict(app: Flask, host: HouseHost) -> None:
    """StrictUndefined, set after us; one block with an odd name and no other; variables that each view has to give."""
    app.jinja_env.undefined = StrictUndefined


def spelled(app: Flask, host: HouseHost) -> None:
    """Delimiters, line statements and white space of its own, set after us, and nothing is escaped."""
    app.jinja_options = {
        "block_start_string": "<%", "block_end_string": "%>", "variable_start_string": "[[",
        "variable_end_string": "]]", "comment_start_string": "<#", "comment_end_string": "#>",
        "line_statement_prefix": "%", "line_comment_prefix": "##", "trim_blocks": True, "lstrip_blocks": True,
    }  # fmt: skip
    app.select_jinja_autoescape = lambda filename: False  # type: ignore[method-assign]


def waiting(app: Flask, host: HouseHost) -> None:
    """An async environment, whose base waits for something; it has a global and a filter by names of ours."""

    async def later() -> str:
        await asyncio.sleep(0)
        return "later"

    app.jinja_options = {"enable_async": True}
    app.jinja_env.globals.update(later=later, referrals=["a list of the house's"], url_for=lambda *args: "nowhere")
    app.jinja_env.filters["referrals_chain_of"] = len
    app.context_processor(lambda: {"referrals": "another thing", "title": "The house", "client": 3})


class Suspicious(SandboxedEnvironment):
    """Lets templates touch next to nothing, and has filters of its own for Jinja's."""

    def __init__(self, app: Flask, **options: Any) -> None:
        super().__init__(loader=app.create_global_jinja_loader(), **options)
        self.app = app
        self.filters.update(dict.fromkeys(("length", "join", "upper", "list", "selectattr"), lambda *args: 1 / 0))
        self.finalize = lambda value: "" if value is None else value

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return isinstance(obj, str)


def suspicious(app: Flask, host: HouseHost) -> None:
    """A sandbox that lets templates touch next to nothing."""
    app.jinja_environment = Suspicious  # type: ignore[assignment]
    templates(base=BASE)(app, host)


def own_loader(app: Flask, host: HouseHost) -> None:
    """Loads templates past Flask, so that none of a blueprint is found; knows gettext."""
    app.jinja_env.loader = DictLoader({"base.html": BASE, "staff.html": BASE.replace("content", "staff_part")})
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.context_processor(lambda: {"owner": "Olivia"})


ODD = """<title>House</title><body id="house"><main>{% for crumb in crumbs %}{{ crumb }} {% endfor %}{{ owner }}
{% block inhalt_für_alle %}{% endblock %}</main><footer>end</footer></body>"""
HOUSES = {
    "strict": House(
        before=templates(odd=ODD),
        after=strict,
        config={
            "REFERRALS_BASE_TEMPLATE": "odd.html",
            "REFERRALS_BASE_BLOCK": "inhalt_für_alle",
            "REFERRALS_TITLE_BLOCK": "",
        },
        host=CrumbHost,
    ),
    "spelled": House(
        before=templates(base=_respelled(BASE)), after=spelled, config={"REFERRALS_BASE_TEMPLATE": "base.html"}
    ),
    "waiting": House(
        before=templates(base=BASE.replace("{{ owner }}", "{{ owner }}, {{ later() }}")),
        after=waiting,
        config={"REFERRALS_BASE_TEMPLATE": "base.html"},
    ),
    "suspicious": House(before=suspicious, config={"REFERRALS_BASE_TEMPLATE": "base.html"}),
    "own loader": House(
        after=own_loader,
        config={
            "REFERRALS_BASE_TEMPLATE": "base.html",
            "REFERRALS_ADMIN_BASE_TEMPLATE": "staff.html",
            "REFERRALS_ADMIN_BASE_BLOCK": "staff_part",
            "REFERRALS_ADMIN_TITLE_BLOCK": "",
        },
    ),
}


# -- CSRF schemes ----------------------------------------------------------------------------------------------------


def wtf(app: Flask, host: HouseHost) -> None:
    """Flask-WTF's CSRFProtect, for all."""
    from flask_wtf import CSRFProtect

    CSRFProtect(app)


def wtf_renamed(app: Flask, host: HouseHost) -> None:
    """CSRFProtect with another field; what it refuses is sent elsewhere."""
    from flask_wtf.csrf import CSRFError

    app.config.update(WTF_CSRF_FIELD_NAME="authenticity", WTF_CSRF_TIME_LIMIT=60)
    wtf(app, host)

    @app.errorhandler(CSRFError)
    def sorry(error: CSRFError) -> ResponseReturnValue:
        return redirect("/sorry")


def wtf_by_hand(app: Flask, host: HouseHost) -> None:
    """CSRFProtect that looks at nothing by itself, and at the staff's pages when told to."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    wtf(app, host)

    @app.before_request
    def protect() -> None:
        if request.blueprint == "referrals_admin":
            app.extensions["csrf"].protect()


def wtf_exempt(app: Flask, host: HouseHost) -> None:
    """CSRFProtect that lets our pages alone."""
    wtf(app, host)
    for name in ("referrals", "referrals_admin"):
        app.extensions["csrf"].exempt(app.blueprints[name])


def home_made(app: Flask, host: HouseHost) -> None:
    """A token in the session, looked for in each POST; in the session it has a name that others use too."""

    def token() -> tuple[str, str]:
        return "_token", session.setdefault("csrf", {"token": secrets.token_hex(8)})["token"]

    @app.before_request
    def check() -> None:
        if request.method == "POST" and request.form.get("_token", "") != session.get("csrf", {}).get("token"):
            abort(400, "The form has expired.")

    host.token = token


class Surf:
    """A library that compares a cookie with a field, and calls itself `csrf` as Flask-WTF does."""

    def __init__(self, app: Flask) -> None:
        app.extensions["csrf"] = self
        app.before_request(self.check)
        app.after_request(self.give)

    @staticmethod
    def check() -> None:
        """Compare the two."""
        g.surf = request.cookies.get("surf") or secrets.token_hex(8)
        if request.method == "POST" and request.form.get("surf", "") != request.cookies.get("surf"):
            abort(403)

    @staticmethod
    def give(response: Any) -> Any:
        """Set the cookie."""
        response.set_cookie("surf", g.surf)
        return response


def surf(app: Flask, host: HouseHost) -> None:
    """A library that is not Flask-WTF."""
    Surf(app)
    host.token = lambda: ("surf", g.surf)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A CSRF scheme: the field that forms carry, and what a form without it is answered with on each side."""

    house: House
    field: str = "csrf_token"
    portal: int = 400
    admin: int = 400


GUARDS = {
    "ours": Guard(house=House(), field="referrals_csrf"),
    "Flask-WTF": Guard(house=House(before=wtf)),
    "Flask-WTF after us, renamed, redirecting": Guard(
        house=House(after=wtf_renamed), field="authenticity", portal=302, admin=302
    ),
    "Flask-WTF by hand": Guard(house=House(before=wtf_by_hand)),
    "Flask-WTF that exempts us": Guard(house=House(after=wtf_exempt)),
    "home-made": Guard(house=House(before=home_made), field="_token"),
    "another library": Guard(house=House(before=surf), field="surf", portal=403, admin=403),
}
