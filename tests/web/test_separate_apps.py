"""Portal and admin in different apps of one process, over one database (architecture §3.10, §3.11)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, render_template_string, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client as Browser

from flask_referrals import ConfigurationError
from flask_referrals.config import read_settings
from tests.databases import clone_database
from tests.minihost import ClientRow, db
from tests.web.houses import BASE, SITE, Home, House, HouseHost, forms, hidden, open_house, prepared, sweep, templates

BACK = "/backoffice/admin/referrals"
FRAME = {"REFERRALS_BASE_TEMPLATE": "base.html"}
STAFF, JANE = {"X-Person": "staff"}, {"X-Person": "client"}
MACROS = """{% from "referrals/_macros.html" import link, link_card, news_link, client_chain, code_field %}
{{ link(client) }}{{ link_card(client) }}{{ news_link(client) }}{{ client_chain("1") }}{{ code_field() }}"""


@pytest.fixture(scope="module")
def prepared_url() -> Iterator[str]:
    """The prepared database, to be copied."""
    with prepared() as found:
        yield found


@pytest.fixture
def url(prepared_url: str) -> Iterator[str]:
    """A copy of it for one test."""
    with clone_database("sqlite", prepared_url) as found:
        yield found


def _registers(app: Flask, host: HouseHost) -> None:
    templates(base=BASE)(app, host)

    @app.post("/register")
    def register() -> str:
        row = ClientRow(name=request.form["name"], email="noa@mail.example")
        db.session.add(row)
        db.session.flush()
        outcome = app.extensions["house"].client_registered(row)
        db.session.commit()
        return "by a link" if outcome.referral else "alone"


@pytest.fixture
def houses(url: str) -> Iterator[tuple[Home, Home]]:
    """The client's app, and the back office that is mounted beside it."""
    pages: dict[str, Any] = {"REFERRALS_PAGES": ("portal", "links"), "REFERRALS_ADMIN_PREFIX": BACK}
    front = House(before=_registers, config=FRAME | pages)
    back = House(before=templates(base=BASE), config=FRAME | {"REFERRALS_PAGES": ["admin"]})
    with open_house(front, url) as portal, open_house(back, url) as office:
        portal.app.extensions["house"] = portal.referrals
        yield portal, office


def test_a_client_shares_here_and_staff_look_there(houses: tuple[Home, Home]) -> None:
    """The loop over two apps: a link from the portal, a registration, the referral in the back office, a decision."""
    portal, office = houses
    site = DispatcherMiddleware(portal.app, {"/backoffice": office.app})
    jane, visitor, staff = Browser(site), Browser(site), Browser(site)

    found = re.search(
        r'id="rf-link" value="http://localhost(/r/\w+)"', jane.get("/portal/referrals/", headers=JANE).text
    )
    assert found
    assert visitor.get(found[1]).location == "/register"
    assert visitor.post("/register", data={"name": "Noa Elm"}).text == "by a link"

    page = staff.get(f"{BACK}/", headers=STAFF).text
    assert "Noa Elm" in page
    [style] = re.findall(r'href="([^"]+/referrals\.css)"', page)
    assert style.startswith("/backoffice/")
    with staff.get(style) as answer:
        assert answer.mimetype == "text/css"
    form = next(one for one in forms(staff.get(f"{BACK}/settings", headers=STAFF).text) if "switch" in one)
    assert f'action="{BACK}/switch"' in form
    assert staff.post(f"{BACK}/switch", data=hidden(form), headers=STAFF).status_code == 303
    assert "closed at the moment" in jane.get("/portal/referrals/", headers=JANE).text
    assert f"{SITE}{found[1]}" in staff.get(f"{BACK}/clients/1", headers=STAFF).text


def test_each_app_serves_its_own_pages_only(houses: tuple[Home, Home]) -> None:
    """All of its own stand, and those of the other are not there."""
    portal, office = houses
    assert sweep(portal) >= 7
    assert sweep(office) >= 11
    assert portal.browser("staff").get("/admin/referrals/").status_code == 404
    assert office.browser("client").get("/portal/referrals/").status_code == 404
    assert office.browser().get(f"/r/{office.code()}").status_code == 404


def test_a_login_leads_back_into_the_mounted_app(houses: tuple[Home, Home]) -> None:
    """`next` is a path of the site, not of the app."""
    portal, office = houses
    site = Browser(DispatcherMiddleware(portal.app, {"/backoffice": office.app}))
    assert site.get(f"{BACK}/settings").location.endswith("/login?next=/backoffice/admin/referrals/settings")


def _shown(home: Home, **values: Any) -> str:
    with home.app.test_request_context():
        return render_template_string(MACROS, client=db.session.get(ClientRow, 1), **values)


def test_macros_link_to_the_other_app(houses: tuple[Home, Home]) -> None:
    """What is served here is linked by the request, what isn't by REFERRALS_SITE_URL and the prefixes."""
    portal, office = houses
    code = portal.code()
    front, back = _shown(portal), _shown(office)
    for text, here, there in ((front, "http://localhost", ""), (back, SITE, SITE)):
        assert f'value="{here}/r/{code}"' in text
        assert f'href="{there}/portal/referrals/"' in text
        assert f'href="{there}/portal/referrals/news"' in text
    assert f'href="{SITE}{BACK}/referrals/1"' in front
    assert 'href="/admin/referrals/referrals/1"' in back
    assert 'href="/admin/referrals/-/static/referrals.css"' in back


def test_emails_of_the_back_office_lead_to_the_portal(houses: tuple[Home, Home]) -> None:
    """Whichever app's worker sends them, links are the portal's and those that end them."""
    _, office = houses
    with office.app.app_context():
        office.referrals.work()
    mail = office.box.mails[0]
    assert f"{SITE}/portal/referrals/" in mail.text
    assert f"{SITE}/portal/referrals/settings" in mail.html
    assert mail.headers["List-Unsubscribe"].startswith(f"<{SITE}/r/-/stop/")
    assert mail.headers["Message-ID"].endswith("@bills.example.com>")


def test_an_app_without_any_page(url: str) -> None:
    """An app that only takes payments serves nothing of ours; verbs, links and macros work there all the same."""
    with open_house(House(config={"REFERRALS_PAGES": ()}), url) as home:
        assert not [rule for rule in home.app.url_map.iter_rules() if rule.endpoint.startswith("referrals")]
        assert list(home.pages()) == []
        text = _shown(home)
        assert f"{SITE}/portal/referrals/static/referrals.css" in text
        with home.app.app_context():
            row = db.session.get(ClientRow, 1)
            link = home.referrals.link(home.referrals.code(home.host.client(row)))
        assert link.startswith(f"{SITE}/r/")
        assert f'value="{link}"' in text


def test_an_app_for_links_only(url: str) -> None:
    """Where links land may be an app of its own; an org may be called as our static folder is."""
    house = House(before=templates(base=BASE), config=FRAME | {"REFERRALS_PAGES": {"links"}})
    with open_house(house, url) as home:
        sweep(home)
        with home.browser().get("/r/-/static/referrals.css") as answer:
            assert answer.mimetype == "text/css"
        assert "This link doesn't work" in html.unescape(home.browser().get(f"/r/static/{home.code()}").text)


@pytest.mark.parametrize("pages", [("admin",), ("portal", "admin"), ()])
def test_the_other_apps_site_has_to_be_named(pages: tuple[str, ...]) -> None:
    """Links to pages that are left out need REFERRALS_SITE_URL; the error at `init_app` says so."""
    with pytest.raises(ConfigurationError, match="REFERRALS_SITE_URL") as error:
        read_settings({"REFERRALS_PAGES": pages})
    assert error.value.data["key"] == "REFERRALS_SITE_URL"
    assert read_settings({"REFERRALS_PAGES": pages, "REFERRALS_SITE_URL": SITE}).pages == pages
