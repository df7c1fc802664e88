"""Our pages and forms in any template environment and under any CSRF scheme of a host's (architecture §3.11)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from jinja2 import DictLoader

from flask_referrals import ConfigurationError
from flask_referrals.adapters import doctor, links
from flask_referrals.adapters.state import get_state
from flask_referrals.config import PAGES, read_settings
from flask_referrals.models import ProgramRow
from tests.minihost import db
from tests.web.houses import (
    BASE,
    GUARDS,
    HOUSES,
    Guard,
    Home,
    House,
    HouseHost,
    apart,
    forms,
    hidden,
    own_loader,
    prepared,
    spelled,
    sweep,
    templates,
    visit,
    waiting,
    wtf,
    wtf_by_hand,
)

SETTINGS = "/admin/referrals/settings"
SWITCH = "/admin/referrals/switch"
CHOICES = "/portal/referrals/settings"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The prepared database, to be copied."""
    with prepared() as found:
        yield found


# -- template environments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOUSES)
def test_every_page_stands_in_every_house(url: str, name: str) -> None:
    """Whatever the environment, each page comes whole in the house's frame, escaped, with a token in each POST form."""
    with visit(HOUSES[name], url) as home:
        assert apart(lambda: sweep(home)) > 20


def test_titles_go_into_the_block_that_the_settings_name(url: str) -> None:
    """With a block for it the page's title is the house's; without one the house's own stays; both sides apart."""
    with visit(HOUSES["own loader"], url) as home:
        assert "<title>Invite people of Olivia</title>" in home.browser("client").get("/portal/referrals/invite").text
        assert "<title>House of Olivia</title>" in home.browser("staff").get(SETTINGS).text


def test_a_base_that_takes_its_title_as_a_variable(url: str) -> None:
    """`title` is there for a base without a block for it, escaped by us where the house escapes nothing."""
    base = "<title><% block nothing %>[[ title ]]<% endblock %></title><% block content %><% endblock %>"
    house = House(
        before=templates(base=base),
        after=spelled,
        config={"REFERRALS_BASE_TEMPLATE": "base.html", "REFERRALS_TITLE_BLOCK": ""},
    )
    with visit(house, url) as home:
        text = home.browser("staff").get("/admin/referrals/clients/1").text
        assert "<title>Jane Smi&lt;i&gt;th in the referral program</title>" in text


def test_error_pages_of_ours_and_the_houses(url: str) -> None:
    """A page that isn't there, and a form that was refused, come in the house's layout by the house's own handler."""

    def handle(app: Flask, host: HouseHost) -> None:
        templates(base=BASE)(app, host)
        page = '{% extends "base.html" %}{% block content %}{{ error.description }}{% endblock %}'

        @app.errorhandler(400)
        @app.errorhandler(404)
        def handler(error: Any) -> tuple[str, int]:
            return render_template_string(page, error=error), error.code

    with visit(House(before=handle, config={"REFERRALS_BASE_TEMPLATE": "base.html"}), url) as home:
        staff = home.browser("staff")
        for answer in (staff.get("/admin/referrals/versions/999"), staff.post(SWITCH)):
            assert answer.status_code in (404, 400)
            assert 'id="house"' in answer.text
        assert "expired" in answer.text


def test_the_houses_environment_may_be_set_up_after_us(url: str) -> None:
    """Our `init_app` makes no Jinja environment, so options that the house sets later still count."""
    with visit(House(), url) as home:
        assert "jinja_env" not in home.app.__dict__


def test_a_file_of_the_houses_replaces_ours(url: str) -> None:
    """A page and a part, in the house's spelling, with what its templates know; other parts of ours are in them."""
    page = """[[ owner ]]'s news<% include "referrals/_portal_head.html" %><% for line in lines %>[[ line.text ]]
    <% else %>none<% endfor %>[[ shout("x") ]]"""
    part = """<% macro tabs(here) %><nav>[[ shout(here) ]]</nav><% endmacro %>
    <% macro styles() %><b>styled</b><% endmacro %><% macro person(id, name) %>[[ name ]]<% endmacro %>"""
    head = "<p>the head of [[ owner ]]</p>[[ shout('y') ]]"

    def before(app: Flask, host: HouseHost) -> None:
        spelled(app, host)
        templates(base=BASE.replace("{%", "<%").replace("%}", "%>").replace("{{", "[[").replace("}}", "]]"))(app, host)
        loader = app.jinja_loader
        assert isinstance(loader, DictLoader)
        loader.mapping = {
            **loader.mapping,
            "referrals/portal_news.html": page,
            "referrals/_portal_head.html": head,
            "referrals/admin/_parts.html": part,
        }
        app.jinja_env.globals["shout"] = str.upper

    with visit(House(before=before, config={"REFERRALS_BASE_TEMPLATE": "base.html"}), url) as home:
        text = home.browser("client").get("/portal/referrals/news").text
        assert "Olivia's news<p>the head of Olivia</p>Y" in text
        assert text.index('id="house"') < text.index("Olivia's news")
        assert "X" in text
        assert "<p>the head of Olivia</p>Y" in home.browser("client").get("/portal/referrals/invite").text
        assert "<b>styled</b>" in home.browser("staff").get("/admin/referrals/dashboard").text
        assert "<nav>DASHBOARD</nav>" in home.browser("staff").get("/admin/referrals/dashboard").text


def test_a_part_of_an_async_house(url: str) -> None:
    """A part in place of ours stands in our pages, also where the house's environment is async."""

    def before(app: Flask, host: HouseHost) -> None:
        waiting(app, host)
        templates(base=BASE)(app, host)
        assert isinstance(app.jinja_loader, DictLoader)
        app.jinja_loader.mapping = {**app.jinja_loader.mapping, "referrals/_portal_head.html": "<b>{{ owner }}</b>"}

    with visit(House(before=before, config={"REFERRALS_BASE_TEMPLATE": "base.html"}), url) as home:
        text = apart(lambda: home.browser("client").get("/portal/referrals/").text)
        assert text.index('id="house"') < text.index("<b>Olivia</b>") < text.index("rf-page")


def test_parts_of_ours_in_a_file_of_the_houses(url: str) -> None:
    """A page in place of ours may include our parts, which are as escaped and as spelled as ever."""
    page = '<% from "referrals/admin/_parts.html" import tabs, client %><% include "referrals/_portal_head.html" %>'
    page += '[[ tabs("index") ]]'

    def before(app: Flask, host: HouseHost) -> None:
        spelled(app, host)
        templates(base=BASE)(app, host)
        assert isinstance(app.jinja_loader, DictLoader)
        app.jinja_loader.mapping = {"referrals/admin/versions.html": page}

    with visit(House(before=before), url) as home:
        text = home.browser("staff").get("/admin/referrals/versions").text
        assert 'href="/portal/referrals/static/referrals.css"' in text
        assert '<a href="/admin/referrals/" aria-current="page">Referrals</a>' in text


# -- CSRF ------------------------------------------------------------------------------------------------------------


def _token(browser: FlaskClient, path: str, field: str) -> dict[str, str]:
    found = hidden(forms(browser.get(path).text)[0])
    return {field: found[field]}


def _enabled(home: Home) -> bool:
    with home.app.app_context():
        return bool(db.session.query(ProgramRow.enabled).scalar())


@pytest.mark.parametrize("name", GUARDS)
def test_forms_under_every_csrf_scheme(url: str, name: str) -> None:
    """Each side's form goes through with the token that its page gave it, and is refused without, changing nothing."""
    guard = GUARDS[name]
    with visit(guard.house, url) as home:
        client, staff = home.browser("client"), home.browser("staff")
        sent = {"credit": "yes"}
        assert client.post(CHOICES, data=sent).status_code == guard.portal
        assert staff.post(SWITCH, data={"program": "off"}).status_code == guard.admin
        assert _enabled(home)
        assert client.post(CHOICES, data=sent | _token(client, CHOICES, guard.field)).status_code == 303
        token = _token(staff, SETTINGS, guard.field)
        forged = {name: value[::-1] for name, value in token.items()}
        assert staff.post(SWITCH, data={"program": "off"} | forged).status_code == guard.admin
        assert _enabled(home)
        assert staff.post(SWITCH, data={"program": "off"} | token).status_code == 303
        assert not _enabled(home)


@pytest.mark.parametrize("name", ["ours", "home-made", "Flask-WTF after us, renamed, redirecting"])
def test_every_form_of_every_page_carries_the_token(url: str, name: str) -> None:
    """No form is forgotten, by whichever scheme."""
    guard: Guard = GUARDS[name]
    with visit(House(before=guard.house.before, after=guard.house.after), url) as home:
        count = 0
        for path, person in home.pages():
            for form in forms(home.browser(person).get(path).text):
                assert hidden(form).get(guard.field) or (person == "visitor" and name != "home-made"), (path, form)
                count += 1
        assert count > 15


@pytest.mark.parametrize("name", GUARDS)
def test_one_click_ends_emails_under_every_csrf_scheme(url: str, name: str) -> None:
    """A mail program's POST has no form (RFC 8058): Flask-WTF is told so; by another scheme the page's form works."""
    guard = GUARDS[name]
    with visit(guard.house, url) as home:
        path = f"/r/-/stop/{links.sign_stop(home.app, 'news', 'default', '1')}"
        browser = home.browser()
        data = {} if home.host.token is None else _token(browser, path, guard.field)
        assert "Done" in browser.post(path, data=data).text


def test_flask_wtf_switched_off_for_the_hosts_tests(url: str) -> None:
    """A host's own tests with WTF_CSRF_ENABLED = False send our forms without tokens too."""
    with visit(House(before=wtf, config={"WTF_CSRF_ENABLED": False}), url) as home:
        assert home.browser("client").post(CHOICES, data={"credit": "yes"}).status_code == 303


def test_flask_wtf_on_https_looks_at_the_referrer(url: str) -> None:
    """WTF_CSRF_SSL_STRICT: our pages let the browser say where a form comes from."""
    with visit(House(before=wtf), url) as home:
        browser, site = home.browser("client"), "https://localhost"
        page = browser.get(CHOICES, base_url=site)
        assert "Referrer-Policy" not in page.headers
        data = {"credit": "yes"} | hidden(forms(page.text)[0])
        headers = {"Referer": f"{site}{CHOICES}"}
        assert browser.post(CHOICES, data=data, base_url=site, headers=headers).status_code == 303


@pytest.mark.parametrize("scheme", [None, wtf_by_hand])
def test_an_expired_form_loses_nothing(url: str, scheme: Any) -> None:
    """What was open for too long is shown again as it was filled in, and one click sends it."""
    house = House() if scheme is None else House(before=scheme, config={"WTF_CSRF_TIME_LIMIT": -1})
    with visit(house, url) as home:
        browser = home.browser("client")
        path = "/portal/referrals/invite?from=menu"
        old = hidden(forms(browser.get(path).text)[0])
        home.clock.advance(hours=24)
        typed = {"emails": 'ann@oak.example\r\n"ben" <ben@oak.example>'}
        answer = browser.post(path, data=old | typed, headers={"Origin": "http://localhost"})
        assert answer.status_code == 400
        assert "All that you typed is still here" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        [form] = forms(answer.text)
        assert f'action="{path}"' in form
        kept = hidden(form)
        assert kept.pop("emails").replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">") == typed["emails"]
        if scheme is not None:
            return  # nothing but a clock that runs makes this one good again
        assert set(kept) == {"referrals_csrf"}
        assert browser.post(path, data=kept | typed).status_code in (200, 422)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}],
)
def test_a_forged_form_is_offered_to_nobody(url: str, headers: dict[str, str]) -> None:
    """What another site sends is not made good by a click: it is refused, and not shown."""
    with visit(House(), url) as home:
        answer = home.browser("client").post(CHOICES, data={"credit": "yes"}, headers=headers)
        assert answer.status_code == 400
        assert forms(answer.text) == []


def test_a_house_without_a_key_is_told_what_to_set(url: str) -> None:
    """Without SECRET_KEY there is no session for our token; the error names the setting."""
    with visit(House(config={"SECRET_KEY": None}), url) as home, pytest.raises(ConfigurationError, match="SECRET_KEY"):
        home.browser("client").get(CHOICES)


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("REFERRALS_PAGES", "portal"),
        ("REFERRALS_PAGES", ("portal", "staff")),
        ("REFERRALS_PAGES", None),
        ("REFERRALS_BASE_BLOCK", "main-content"),
        ("REFERRALS_BASE_BLOCK", ""),
        ("REFERRALS_TITLE_BLOCK", "a b"),
        ("REFERRALS_ADMIN_BASE_BLOCK", ""),
        ("REFERRALS_ADMIN_TITLE_BLOCK", 7),
        ("REFERRALS_ADMIN_BASE_TEMPLATE", ""),
    ],
)
def test_settings_that_are_wrong_are_named(key: str, wrong: Any) -> None:
    """ConfigurationError at `init_app`, and not a page that breaks."""
    with pytest.raises(ConfigurationError, match=key) as error:
        read_settings({key: wrong, "REFERRALS_SITE_URL": "https://x.example"})
    assert error.value.data["key"] == key


def test_the_doctor_knows_both_frames(url: str) -> None:
    """A block that the staff's base doesn't have is told by its own setting; what another app serves, not at all."""
    missing = {"REFERRALS_BASE_TEMPLATE": "base.html", "REFERRALS_ADMIN_BASE_BLOCK": "staff_part"}
    for pages, told in ((PAGES, True), (("portal",), False)):
        house = House(before=templates(base=BASE), config=missing | {"REFERRALS_PAGES": pages})
        with visit(house, url) as home, home.app.app_context():
            found = list(doctor.examine(get_state()))
        remedies = [one.remedy for one in found if one.level == "fail"]
        assert ("set REFERRALS_ADMIN_BASE_BLOCK to one of them" in remedies) is told
        assert any(one.text == "our pages come in base.html" for one in found)
        assert any("/admin/referrals" in one.text for one in found) is told


def test_our_plain_base_needs_nothing(url: str) -> None:
    """A house without templates of its own gets a plain page, with its stylesheet, in any environment."""
    for after in (spelled, own_loader):
        with visit(House(after=after), url) as home:
            text = home.browser("client").get("/portal/referrals/").text
        assert re.search(r'<link rel="stylesheet" href="/portal/referrals/static/base.css">', text)
        assert "<title>Recommend us</title>" in text


def test_the_sweep_sees_a_page_that_breaks(url: str) -> None:
    """The sweep itself fails for a house in whose frame our pages come empty."""
    empty = BASE.replace("block content", "block other")
    house = House(before=templates(base=empty), config={"REFERRALS_BASE_TEMPLATE": "base.html"})
    with visit(house, url) as home, pytest.raises(AssertionError):
        sweep(home)
