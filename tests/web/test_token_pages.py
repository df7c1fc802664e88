"""A client's secret in the address of its pages, in place of a login: `/c/<token>/referrals` (architecture §3.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask, render_template_string
from markupsafe import Markup

from flask_referrals import Client, ConfigurationError, Host
from flask_referrals.adapters.doctor import examine
from flask_referrals.adapters.state import get_state
from flask_referrals.config import read_settings
from tests.minihost import ClientRow, db
from tests.web.houses import SITE, Home, House, HouseHost, forms, hidden, home_made, prepared, visit

PREFIX = {"REFERRALS_PORTAL_PREFIX": "/c/<token>/referrals"}
JANE, KIERA = "/c/secret-1/referrals", "/c/secret-2/referrals"
MACROS = (
    """{% from "referrals/_macros.html" import link_card, news_link %}{{ link_card(client) }}{{ news_link(client) }}"""
)


class TokenHost(HouseHost):
    """Each client has a secret."""

    current_client = Host.current_client

    def token_of(self, client: Client) -> str | None:
        return f"secret-{client.id}"

    def find_by_token(self, token: str) -> ClientRow | None:
        number = token.removeprefix("secret-")
        return db.session.get(ClientRow, int(number)) if number.isdecimal() else None


class MarkupHost(TokenHost):
    """Its CSRF scheme hands out a whole input."""

    def csrf_field(self) -> str | None:  # type: ignore[override]
        assert self.token is not None
        return Markup('<input type=hidden value="{1}" name="{0}">').format(*self.token())


@pytest.fixture(scope="module")
def prepared_url() -> Iterator[str]:
    """The prepared database, to be copied."""
    with prepared() as found:
        yield found


def house(host: type[TokenHost] = TokenHost, before: Any = lambda app, host: None, **more: Any) -> House:
    """A house of that kind."""
    return House(host=host, before=before, config=PREFIX | more)


@pytest.fixture
def home(prepared_url: str) -> Iterator[Home]:
    """It is open."""
    with visit(house(), prepared_url) as found:
        yield found


def test_every_page_stays_below_the_token(home: Home) -> None:
    """Whatever a page of the client's leads to is the client's; stylesheets are everybody's."""
    browser, seen = home.app.test_client(), {f"{JANE}/"}
    waiting = list(seen)
    while waiting:
        response = browser.get(waiting.pop())
        assert response.status_code in (200, 302, 303, 405), response.request.path
        for address in re.findall(r'(?:href|src|action)="(/[^"#?]*)', response.text):
            if address.endswith((".css", ".js")):
                assert "secret" not in address
                continue
            assert address.startswith(JANE), address
            if address not in seen:
                seen.add(address)
                waiting.append(address)
    assert {f"{JANE}/{page}" for page in ("news", "invite", "code", "cash")} <= seen
    assert browser.get(f"{KIERA}/").text.count("Kiera L.") == 0


def test_a_form_leads_back_below_the_token(home: Home) -> None:
    """Two clients in one browser do not get in each other's way."""
    browser = home.app.test_client()
    fields = {prefix: hidden(forms(browser.get(f"{prefix}/settings").text)[0]) for prefix in (JANE, KIERA)}
    for prefix, given in fields.items():
        sent = browser.post(f"{prefix}/settings", data=given | {"credit": "yes"})
        assert (sent.status_code, sent.location) == (303, f"{prefix}/settings?saved=1")


def test_a_token_that_nobody_has(home: Home) -> None:
    """There is no such page, whoever else is logged in, and no login to be sent to."""
    browser = home.browser("staff")
    for path in ("", "settings", "api", "api/news"):
        assert browser.get(f"/c/nobody/referrals/{path}").status_code == 404, path


def test_emails_lead_to_the_clients_own_pages(home: Home) -> None:
    """ARCHITECTURE §7: the worker has no request to read a token from."""
    with home.app.app_context():
        jane = home.host.client(db.session.get(ClientRow, 1))
        assert home.referrals.approve(home.host.client(db.session.get(ClientRow, 2)), by="sam").ok
        db.session.commit()
        home.referrals.work()
    mails = [mail for mail in home.box.mails if mail.to == jane.email]
    assert mails
    for mail in mails:
        assert f"{SITE}{JANE}/settings" in mail.text
        assert f"{SITE}{JANE}/" in mail.html


def _shown(app: Flask) -> str:
    with app.test_request_context("/"):
        return render_template_string(MACROS, client=db.session.get(ClientRow, 2))


def test_macros_lead_there(home: Home, prepared_url: str) -> None:
    """On any page of the host's, also in an app that serves the staff's pages only."""
    home.code()
    assert re.findall(r'href="(/c/[^"]*)"', _shown(home.app)) == [f"{KIERA}/", f"{KIERA}/news"]
    with visit(house(REFERRALS_PAGES=("admin",)), prepared_url) as office:
        assert f'href="{SITE}{KIERA}/news"' in _shown(office.app)


def test_a_client_without_a_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to write."""
    monkeypatch.setattr(TokenHost, "token_of", lambda self, client: None)
    with pytest.raises(ConfigurationError, match=r"Host\.token_of"):
        _shown(home.app)


def test_doctor_tries_a_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each client must be found by the token that the host gives for it."""

    def told() -> list[str]:
        with home.app.app_context():
            return [one.text for one in examine(get_state()) if one.level == "fail" and "token" in one.text]

    assert told() == []
    for wrong in (lambda self, client: None, lambda self, client: "secret-2"):
        monkeypatch.setattr(TokenHost, "token_of", wrong)
        assert len(told()) == 1


def test_a_helper_that_writes_the_input(prepared_url: str) -> None:
    """§3.11: the name and the value are read from it; one that has none is told of."""
    with visit(house(MarkupHost, home_made), prepared_url) as home:
        browser = home.app.test_client()
        given = hidden(forms(browser.get(f"{JANE}/settings").text)[0])
        assert list(given) == ["_token"]
        assert browser.post(f"{JANE}/settings", data={"credit": "yes"}).status_code == 400
        assert browser.post(f"{JANE}/settings", data=given | {"credit": "yes"}).status_code == 303
        home.host.token = lambda: ("", "")
        with pytest.raises(ConfigurationError, match="hidden input"):
            browser.get(f"{JANE}/settings")


@pytest.mark.parametrize(
    "setting",
    [
        {"REFERRALS_ADMIN_PREFIX": "/c/<token>/admin"},
        {"REFERRALS_LINK_PREFIX": "/c/<token>/r"},
        {"REFERRALS_PORTAL_PREFIX": "/c/<token>/<token>"},
        {"REFERRALS_PORTAL_PREFIX": "/c/<client>/referrals"},
    ],
)
def test_parts_that_no_prefix_may_have(setting: Mapping[str, str]) -> None:
    """A token is for the client's pages, once."""
    with pytest.raises(ConfigurationError, match="variable part"):
        read_settings(setting)
