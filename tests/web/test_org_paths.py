"""Addresses that name the org: `<org>` in the prefixes of the client's and the staff's pages (architecture §3.15)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import render_template_string

from flask_referrals import ConfigurationError, Referrals
from flask_referrals.config import read_settings
from tests.databases import clone_database
from tests.minihost import ClientRow, MiniHost, db
from tests.web.houses import BASE, SITE, Home, House, open_house, prepared, sweep, templates

PREFIXES = {
    "REFERRALS_PORTAL_PREFIX": "/shops/<org>/referrals",
    "REFERRALS_ADMIN_PREFIX": "/office/<org>/referrals",
    "REFERRALS_BASE_TEMPLATE": "base.html",
}
OURS = re.compile(r'(?:href|action|src)="([^"]*/referrals/[^"]*)"')
MACROS = """{% from "referrals/_macros.html" import link_card, news_link, client_chain %}
{{ link_card(client) }}{{ news_link(client) }}{{ client_chain("1", "default") }}"""


@pytest.fixture(scope="module")
def prepared_url() -> Iterator[str]:
    """The prepared database, to be copied."""
    with prepared() as found:
        yield found


def at(url: str, **config: Any) -> Any:
    """A house with such addresses on a copy of the database."""
    return open_house(House(before=templates(base=BASE), config=PREFIXES | config), url)


@pytest.fixture
def home(prepared_url: str) -> Iterator[Home]:
    """It serves all pages."""
    with clone_database("sqlite", prepared_url) as url, at(url) as found:
        yield found


def test_every_page_stands_and_keeps_to_its_org(home: Home) -> None:
    """Each link, form and file of each page is below the same org, and leads somewhere."""
    assert sweep(home) >= 18
    for path, person in home.pages():
        for found in OURS.findall(home.browser(person).get(path).text):
            assert found.removeprefix("http://localhost").startswith(("/shops/default/", "/office/default/")), found
    style = OURS.findall(home.browser("client").get("/shops/default/referrals/").text)[0]
    with home.browser().get(style) as answer:
        assert answer.mimetype == "text/css"


def test_the_address_is_the_org_of_the_request(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Host.current_org` answers with it, if there is such an org; else the page is not there."""
    monkeypatch.setattr(type(home.host), "orgs", lambda self: ["default", "other"])
    assert "Ann A" in home.browser("client").get("/shops/default/referrals/").text
    assert "Ann Ash" in home.browser("staff").get("/office/default/referrals/").text
    assert "Ann Ash" not in home.browser("staff").get("/office/other/referrals/").text
    for person, path in (("staff", "/office/books/referrals/"), ("client", "/shops/books/referrals/")):
        assert home.browser(person).get(path).status_code == 404


@pytest.mark.parametrize("pages", [("portal", "admin", "links"), ()])
def test_macros_and_emails_link_to_the_clients_org(
    prepared_url: str, pages: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of our pages no address says whose org it is: the client does, here and in another app."""
    with clone_database("sqlite", prepared_url) as url, at(url, REFERRALS_PAGES=pages, REFERRALS_SITE_URL=SITE) as home:
        monkeypatch.setattr(type(home.host), "current_org", lambda self: "other")
        with home.app.test_request_context():
            text = render_template_string(MACROS, client=db.session.get(ClientRow, 1))
        site = "" if pages else SITE
        assert f'href="{site}/shops/default/referrals/"' in text
        assert f'href="{site}/shops/default/referrals/news"' in text
        assert f'href="{site}/office/default/referrals/referrals/1"' in text
        with home.app.app_context():
            home.referrals.work()
        assert f"{SITE}/shops/default/referrals/settings" in home.box.mails[0].text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("REFERRALS_PORTAL_PREFIX", "/<slug>/referrals"),
        ("REFERRALS_ADMIN_PREFIX", "/<path:org>/referrals"),
        ("REFERRALS_ADMIN_PREFIX", "/<org/referrals"),
        ("REFERRALS_LINK_PREFIX", "/<org>/r"),
    ],
)
def test_no_other_variable_part(key: str, value: str) -> None:
    """What we could not fill is refused at `init_app`."""
    with pytest.raises(ConfigurationError, match="variable part") as error:
        read_settings({key: value})
    assert error.value.data["key"] == key


def test_settings_by_keyword(home: Home) -> None:
    """`init_app(app, link_days=…)` is the code's choice; the app's config, the deployment's, goes before it."""
    app = home.app.__class__(__name__)
    app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI="sqlite://", REFERRALS_LINK_DAYS=7)
    db.init_app(app)
    extension = Referrals(MiniHost(), db=db)
    with pytest.raises(ConfigurationError, match="REFERRALS_LINK_DAY is not a setting"):
        extension.init_app(app, link_day=30)
    extension.init_app(app, link_days=30, portal_prefix="/friends")
    settings = app.extensions["referrals"].settings
    assert (settings.link_days, settings.portal_prefix) == (7, "/friends")
