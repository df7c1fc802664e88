"""Where links land: the cookie, the visit, the way on, and everything that is not a link of ours (C5)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer
from werkzeug.test import TestResponse

from flask_referrals.adapters import links
from flask_referrals.models import ActivityRow, CodeRow
from tests.minihost import ClientRow, db
from tests.web.host import Shop

PHONE = "Mozilla/5.0 (Linux; Android 13; CUBOT X70) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"


def _visits(shop: Shop, code_id: int) -> int:
    with shop.app.app_context():
        row = db.session.get(CodeRow, code_id)
        assert row is not None
        return row.visits


def _cookie(response: TestResponse) -> str | None:
    return next((line for line in response.headers.getlist("Set-Cookie") if line.startswith("referrals_link=")), None)


def _register(shop: Shop, value: str | None, name: str = "Kiera Lopez", org: str = "default") -> str | None:
    """Register with that cookie; the reason of the refusal, `attributed`, or None for nothing tried."""
    client_id = shop.client(name, org)
    headers = {} if value is None else {"Cookie": f"referrals_link={value}"}
    with shop.app.test_request_context(headers=headers):
        outcome = shop.referrals.client_registered(db.session.get(ClientRow, client_id))
        db.session.commit()
        return outcome.reason or ("attributed" if outcome.referral else None)


def _value(response: TestResponse) -> str:
    cookie = _cookie(response)
    assert cookie is not None
    return cookie.split(";")[0].partition("=")[2]


def test_link_sets_the_cookie_counts_and_goes_on(any_shop: Shop) -> None:
    """A visit leaves a signed cookie that a script can't read, is counted once, and ends at the host's registration."""
    code = any_shop.code(any_shop.client())
    response = any_shop.browser().get(f"/r/{code.text}")
    assert (response.status_code, response.location) == (303, "/register")
    cookie = _cookie(response)
    assert cookie is not None
    assert {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={90 * 86400}"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert _visits(any_shop, code.id) == 1
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response.headers["X-Robots-Tag"]
    assert _register(any_shop, _value(response)) == "attributed"


def test_cookie_is_secure_over_https(shop: Shop) -> None:
    """Over https the cookie never travels in the clear."""
    code = shop.code(shop.client())
    response = shop.browser().get(f"/r/{code.text}", base_url="https://localhost")
    assert "Secure" in (_cookie(response) or "")


def test_sloppy_code_in_the_link(shop: Shop) -> None:
    """A code typed into the address by hand is understood like anywhere, and the cookie holds its proper form."""
    code = shop.code(shop.client())
    response = shop.browser().get(f"/r/{code.text[:4].lower()}-{code.text[4:].lower()}/")
    assert response.status_code == 303
    with shop.app.app_context():
        found = links.read(shop.app, _value(response), "default", now=shop.clock(), life=timedelta(days=90))
    assert found is not None
    assert found.code == code.text


@pytest.mark.parametrize(
    "query", ["next=https://evil.example", "next=//evil.example", "url=https://evil.example&ref=x"]
)
def test_no_open_redirect(shop: Shop, query: str) -> None:
    """Nothing in the request changes where it goes on to, neither a query nor a foreign host in a header."""
    code = shop.code(shop.client())
    response = shop.browser().get(f"/r/{code.text}?{query}", headers={"X-Forwarded-Host": "evil.example"})
    assert (response.status_code, response.location) == (303, "/register")
    assert "evil" not in str(response.headers)


def test_org_in_the_link(shop: Shop) -> None:
    """A link of another business leads to that one's registration, and its cookie counts there only (A5)."""
    code = shop.code(shop.client("Otto Other", "other"))
    response = shop.browser().get(f"/r/other/{code.text}")
    assert (response.status_code, response.location) == (303, "/register?org=other")
    assert _register(shop, _value(response), "Kiera Lopez", "default") is None
    assert _register(shop, _value(response), "Kiera Lopez", "other") == "attributed"
    assert shop.browser().get(f"/r/{code.text}").status_code == 404


def test_links_of_several_orgs_are_remembered_beside_each_other(shop: Shop) -> None:
    """A5, C5: who follows one link of each of two businesses comes by both; of one business the newest counts."""
    sam, jane, otto = (
        shop.code(shop.client("Sam")),
        shop.code(shop.client("Jane")),
        shop.code(shop.client("O", "other")),
    )
    browser = shop.browser()
    for path in (f"/r/{sam.text}", f"/r/other/{otto.text}", f"/r/{jane.text}"):
        response = browser.get(path)
    value = _value(response)
    assert _register(shop, value, "Kiera Lopez", "other") == "attributed"
    shop.clock.advance(days=90)
    assert _register(shop, value, "Noa Elm", "default") is None
    with shop.app.app_context():
        kept = links.read_all(shop.app, value, now=shop.clock() - timedelta(days=1), life=timedelta(days=90))
    assert [(one.org, one.code) for one in kept] == [("default", jane.text), ("other", otto.text)]


def test_forged_cookie(shop: Shop) -> None:
    """A cookie that we did not sign, or that was changed by one character, attributes nothing and breaks nothing."""
    code = shop.code(shop.client())
    good = _value(shop.browser().get(f"/r/{code.text}"))
    stamp = int(shop.clock().timestamp())
    forged = URLSafeSerializer("another key", salt="flask_referrals.link").dumps(["default", code.text, stamp])
    wrong_use = URLSafeSerializer("test", salt="session").dumps(["default", code.text, stamp])
    changed = ("A" if good[0] != "A" else "B") + good[1:]
    for value in (forged, wrong_use, changed, "", "x" * 4000, "%00"):
        assert _register(shop, str(value)) is None, value
    assert _register(shop, good) == "attributed"


def test_stale_cookie(shop: Shop) -> None:
    """A cookie counts until the last second of its days, and not a second longer, by the server's clock."""
    code = shop.code(shop.client())
    value = _value(shop.browser().get(f"/r/{code.text}"))
    shop.clock.advance(days=90, seconds=-1)
    assert _register(shop, value, "Kiera Lopez") == "attributed"
    shop.clock.advance(seconds=1)
    assert _register(shop, value, "Max Brown") is None


def test_without_consent(shop: Shop) -> None:
    """Without consent there is no cookie, and the code goes on in the address, so that its field can be filled in."""
    code = shop.code(shop.client("Otto Other", "other"))
    response = shop.browser().get(f"/r/other/{code.text}", headers={"X-Consent": "no"})
    assert _cookie(response) is None
    assert parse_qs(urlsplit(response.location or "").query) == {"org": ["other"], "ref": [code.text]}
    assert _visits(shop, code.id) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
        {"User-Agent": "WhatsApp/2.23.20.0"},
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"User-Agent": "Twitterbot/1.0"},
        {"User-Agent": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient)"},
        {"User-Agent": PHONE, "Sec-Purpose": "prefetch;prerender"},
        {"User-Agent": PHONE, "Purpose": "prefetch"},
    ],
)
def test_previews_are_no_visits(shop: Shop, headers: dict[str, str]) -> None:
    """A program that shows a preview of the link, or loads it ahead, is sent on and not counted."""
    code = shop.code(shop.client())
    assert shop.browser().get(f"/r/{code.text}", headers=headers).status_code == 303
    assert _visits(shop, code.id) == 0


def test_head_is_no_visit_and_a_telephone_is(shop: Shop) -> None:
    """HEAD is not counted; a person whose device has `bot` in its name is."""
    code = shop.code(shop.client())
    shop.browser().head(f"/r/{code.text}")
    assert _visits(shop, code.id) == 0
    shop.browser().get(f"/r/{code.text}", headers={"User-Agent": PHONE})
    assert _visits(shop, code.id) == 1


def test_visit_keeps_nothing_about_the_visitor(shop: Shop) -> None:
    """The log says that the link was opened, and holds no address and no browser."""
    code = shop.code(shop.client())
    environ = {"REMOTE_ADDR": "203.0.113.7"}
    shop.browser().get(f"/r/{code.text}", headers={"User-Agent": PHONE}, environ_overrides=environ)
    with shop.app.app_context():
        (row,) = db.session.query(ActivityRow).filter_by(kind="link_visited")
        kept = str({column.name: getattr(row, column.name) for column in ActivityRow.__table__.columns})
    assert "203.0.113.7" not in kept
    assert "CUBOT" not in kept


@pytest.mark.parametrize(
    "path", ["/r/NOSUCHCODE", "/r/%00", "/r/nowhere/%00", "/r/<script>", "/r/" + "x" * 500, "/r/é"]
)
def test_unknown_code(any_shop: Shop, path: str) -> None:
    """A code that is none, whatever is in it, gets a kind page with a way on, no cookie, and nothing of it repeated."""
    response = any_shop.browser().get(path)
    assert response.status_code == 404
    assert "We don&#39;t know the code" in response.text
    assert "<script>" not in response.text.replace('<script type="module"', "")
    assert _cookie(response) is None


def test_mistyped_code(shop: Shop) -> None:
    """A code with a wrong character says so, and leads to the registration of its business."""
    code = shop.code(shop.client("Otto Other", "other"))
    wrong = code.text[:-1] + ("2" if code.text[-1] != "2" else "3")
    response = shop.browser().get(f"/r/other/{wrong}")
    assert response.status_code == 404
    assert "typing error" in response.text
    assert 'href="/register?org=other"' in response.text


def test_unknown_org(shop: Shop) -> None:
    """The host is not asked about a business that it does not have; nothing tells that the code exists elsewhere."""
    code = shop.code(shop.client())
    response = shop.browser().get(f"/r/nowhere/{code.text}")
    assert response.status_code == 404
    assert "nowhere" not in response.text


@pytest.mark.parametrize("closed", ["code", "program"])
def test_closed_link_goes_on_quietly(shop: Shop, closed: str) -> None:
    """With its code, or the program, switched off, a link leads to the registration: no cookie, no error."""
    code = shop.code(shop.client())
    if closed == "program":
        shop.switch(on=False)
    else:
        with shop.app.app_context():
            row = db.session.get(CodeRow, code.id)
            assert row is not None
            row.active = False
            db.session.commit()
    response = shop.browser().get(f"/r/{code.text}")
    assert (response.status_code, response.location) == (303, "/register")
    assert _cookie(response) is None
    assert _visits(shop, code.id) == 0


def test_our_failure_does_not_stop_the_visitor(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """With our tables gone, a link still leads to the registration, and the log says what went wrong."""
    code = shop.code(shop.client())
    with shop.app.app_context():
        db.session.execute(db.text("ALTER TABLE referrals_code RENAME TO gone"))
        db.session.commit()
    response = shop.browser().get(f"/r/{code.text}")
    assert (response.status_code, response.location) == (303, "/register")
    assert "could not be looked up" in caplog.text


def test_links_of_other_prefixes(shop: Shop) -> None:
    """The prefix of links is a setting, and several apps in one process keep their own."""
    from flask_referrals import Referrals
    from tests.web.host import WebHost

    other = Flask("another")
    other.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite://", REFERRALS_LINK_PREFIX="/go")
    db.init_app(other)
    Referrals(WebHost(), db=db).init_app(other)
    assert "/go/<code>" in {rule.rule for rule in other.url_map.iter_rules()}
    assert "/go/<code>" not in {rule.rule for rule in shop.app.url_map.iter_rules()}
