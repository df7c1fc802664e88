"""The JSON API's guards: who may, by which token, what is refused and how that is told (A5, A6, G2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort, request
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select
from werkzeug.test import TestResponse

from flask_referrals.config import read_settings
from flask_referrals.errors import ConfigurationError
from flask_referrals.models import BlockRow, CodeRow
from flask_referrals.services import portal
from flask_referrals.words import code_error_text
from tests.minihost import db
from tests.web.api_host import API, Front, sqlite_shop
from tests.web.host import Shop, WebHost

CHANGES: dict[str, Any] = {
    "/code": {"code": "GREENLAWN"},
    "/invitations": {"emails": ["ann@ash.example"]},
    "/preferences": {"credit": "yes"},
    "/news/seen": {"id": 1},
    "/cash/choice": {"kind": "cash"},
    "/cash/link": {},
    "/cash/unlink": {},
}
JSON = "application/json"
BAD_BODIES = [
    (b"{", 400, "malformed"),
    (b'{"code": "\xff"}', 400, "malformed"),
    ('{"code": "A"}'.encode("utf-16"), 400, "malformed"),
    (b'{"code": NaN}', 400, "malformed"),
    (b'{"code": ' + b"9" * 5000 + b"}", 400, "malformed"),
    (b"[" * 60_000, 400, "malformed"),
    (b"null", 422, "invalid"),
    (b'["code"]', 422, "invalid"),
    (b"{}", 422, "invalid"),
    (b"", 422, "invalid"),
    (b'{"code": 1}', 422, "invalid"),
    (b'{"code": null}', 422, "invalid"),
    (b'{"code": {"a": "b"}}', 422, "invalid"),
    (b'{"code": ""}', 422, "invalid"),
    (b'{"code": "\\u0000"}', 422, "invalid"),
    (b'{"code": "\\ud800"}', 422, "invalid"),
    (b'{"code": "A\\r\\nSet-Cookie: a=b"}', 422, "invalid"),
    (b'{"code": "' + b"x" * 101 + b'"}', 422, "invalid"),
    (b'{"code": "GREENLAWN", "client_id": "2"}', 422, "invalid"),
    (b'{"\\ud800": 1}', 422, "invalid"),
    (b"x" * 70_000, 413, "too_large"),
]
BAD_FIELDS: list[tuple[str, Any, str]] = [
    ("/invitations", {"emails": []}, "emails"),
    ("/invitations", {"emails": ["a@b.example"] * 21}, "emails"),
    ("/invitations", {"emails": "a@b.example"}, "emails"),
    ("/invitations", {"emails": ["a@b.example", 1]}, "emails[1]"),
    ("/invitations", {"emails": ["a@b.example"], "message": "x" * 1001}, "message"),
    ("/invitations", {"emails": ["a@b.example"], "message": "a\x00b"}, "message"),
    ("/preferences", {"credit": "maybe"}, "credit"),
    ("/preferences", {"mail": ["attributed"] * 21}, "mail"),
    ("/news/seen", {"id": 0}, "id"),
    ("/news/seen", {"id": 2**62}, "id"),
    ("/news/seen", {"id": 1.5}, "id"),
    ("/news/seen", {"id": True}, "id"),
    ("/news/seen", {"id": "1"}, "id"),
    ("/cash/choice", {"kind": "service"}, "kind"),
    ("/cash/unlink", {"kind": "cash"}, "kind"),
]


@pytest.fixture
def front(shop: Shop) -> Front:
    """A client's front end."""
    return Front(shop, shop.client())


@pytest.fixture
def protected() -> Iterator[Front]:
    """The same in a host with Flask-WTF's CSRFProtect."""
    with sqlite_shop() as shop:
        CSRFProtect(shop.app)
        yield Front(shop, shop.client())


def codes(shop: Shop) -> list[str]:
    """All codes there are."""
    with shop.app.app_context():
        return list(db.session.scalars(select(CodeRow.text)))


def raw(front: Front, path: str, body: Any, status: int, **options: Any) -> Any:
    """Send these very bytes, with the token, as JSON unless another type is named."""
    return front.post(path, status=status, data=body, **{"content_type": JSON} | options)


# -- the token -------------------------------------------------------------------------------------------------------


def test_every_change_wants_login_and_token(shop: Shop, front: Front) -> None:
    """Without a login 401, without a token 400, by any type of body; and nothing is done."""
    visitor = Front(shop)
    for path, body in CHANGES.items():
        assert visitor.post(path, body, 401, headers={})["code"] == "not_logged_in"
        assert front.post(path, body, 400, headers={})["code"] == "csrf"
        assert raw(front, path, json.dumps(body), 400, content_type="text/plain", headers={})["code"] == "csrf"
    assert codes(shop) == []


def test_the_token_in_either_place(shop: Shop, front: Front) -> None:
    """In the header, or as a field of a form."""
    csrf = front.get()["csrf"]
    assert csrf["header"] == "X-Referrals-CSRF"
    front.post("/code", {"code": "GREENLAWN"})
    front.post("/code", data={"code": "BLUELAWN", csrf["field"]: csrf["token"]}, headers={})
    assert {"GREENLAWN", "BLUELAWN"} < set(codes(shop))


def test_a_token_that_is_no_good(shop: Shop, front: Front) -> None:
    """Another browser's, one that is forged, and one that is a day old."""
    other = Front(shop, shop.client("Olga Other"))
    for headers in (other.token, {"X-Referrals-CSRF": "forged"}, {"X-Referrals-CSRF": "é" * 4000}):
        assert front.post("/code", {"code": "GREENLAWN"}, 400, headers=headers)["code"] == "csrf"
    headers = front.token
    shop.clock.advance(hours=24)
    assert front.post("/code", {"code": "GREENLAWN"}, 400, headers=headers)["code"] == "csrf"


def test_the_hosts_csrfprotect(protected: Front) -> None:
    """Its own header, field and token; what it refuses is told as a problem too, before any view is reached."""
    csrf = protected.get()["csrf"]
    assert (csrf["header"], csrf["field"]) == ("X-CSRFToken", "csrf_token")
    assert protected.description["components"]["securitySchemes"]["csrf"]["name"] == "X-CSRFToken"
    for path, body in CHANGES.items():
        assert protected.post(path, body, 400, headers={})["code"] == "csrf"
    assert protected.post("/code", {"code": "GREENLAWN"}, 400, headers={"X-CSRFToken": "forged"})["code"] == "csrf"
    protected.post("/code", {"code": "GREENLAWN"})
    protected.post("/code", data={"code": "BLUELAWN", "csrf_token": csrf["token"]}, headers={})


def test_a_host_that_leaves_us_out_of_its_csrfprotect(protected: Front) -> None:
    """A blueprint that is exempt is guarded all the same."""
    app = protected.shop.app
    app.extensions["csrf"].exempt(app.blueprints["referrals"])
    assert protected.post("/code", {"code": "GREENLAWN"}, 400, headers={})["code"] == "csrf"
    protected.post("/code", {"code": "GREENLAWN"})


def test_a_scheme_of_the_hosts_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks for its field in a form; we take that, and tell its refusal like ours."""
    monkeypatch.setattr(WebHost, "csrf_field", lambda self: ("_once", "s3cret"))

    def look() -> None:
        if request.method == "POST" and request.form.get("_once") != "s3cret":
            abort(403)

    with sqlite_shop() as shop:
        shop.app.before_request(look)
        front = Front(shop, shop.client())
        csrf = front.get()["csrf"]
        assert (csrf["field"], csrf["token"]) == ("_once", "s3cret")
        assert front.post("/code", {"code": "GREENLAWN"}, 403, headers={})["code"] == "csrf"
        front.post("/code", data={"code": "GREENLAWN", "_once": "s3cret"}, headers={})
        front.post("/invitations", data={"emails": ["ann@ash.example", "ben@birch.example"], "_once": "s3cret"})


# -- what was sent ---------------------------------------------------------------------------------------------------


def test_a_body_that_is_none(shop: Shop, front: Front) -> None:
    """Each is refused for what is wrong with it, and nothing is done."""
    old = front.get()["code"]["text"]
    for body, status, code in BAD_BODIES:
        assert raw(front, "/code", body, status)["code"] == code, body[:50]
    assert codes(shop) == [old]


def test_a_field_that_is_wrong(front: Front) -> None:
    """It is named, with a sentence."""
    for path, body, field in BAD_FIELDS:
        answer = front.post(path, body, 422)
        assert list(answer["fields"]) == [field]
        assert answer["detail"] == f"{field}: {answer['fields'][field]}"


def test_a_body_that_is_too_deep(front: Front) -> None:
    """However deep Python reads, it is refused, and not by an error of ours."""
    for begin, end in ((b"[", b"]"), (b'{"a":', b"}")):
        response = front.browser.post(
            f"{API}/preferences", data=begin * 9_000 + b"1" + end * 9_000, headers=front.token, content_type=JSON
        )
        front.conforms(response, "/preferences")
        assert response.status_code in (400, 422)


def test_a_form_instead_of_json(front: Front) -> None:
    """The same fields, a list as the field several times, numbers as their digits; other fields are refused too."""
    answer = front.post("/invitations", data={"emails": ["ann@ash.example", "ben@birch.example"]})
    assert len(answer["invited"]) == 2
    assert front.post("/news/seen", data={"id": "1"}) == {"unread": 0}
    for path, fields in (
        ("/news/seen", {"id": "one"}),
        ("/news/seen", {"id": ["1", "2"]}),
        ("/news/seen", {"id": "9" * 5000}),
        ("/code", {"code": ["A", "B"]}),
        ("/code", {"code": "GREENLAWN", "org": "other"}),
        ("/preferences", {"credit": ["yes", "no"]}),
    ):
        front.post(path, status=422, data=fields)


def test_a_body_of_another_type(front: Front) -> None:
    """No simple request of another site's is read as JSON, token or not."""
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "", "\x7f"):
        assert raw(front, "/code", b'{"code": "GREENLAWN"}', 415, content_type=kind)["code"] == "content_type"


def test_a_large_body_is_not_read(front: Front) -> None:
    """Ten megabytes are refused by their length, and a body without a length is not waited for."""

    class Untouched:
        def read(self, *size: int) -> bytes:
            raise AssertionError("it was read")

    environ = {"wsgi.input": Untouched(), "CONTENT_LENGTH": str(10 * 2**20), "CONTENT_TYPE": "application/json"}
    assert front.post("/code", status=413, environ_overrides=environ)["code"] == "too_large"
    environ |= {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert front.post("/code", status=411, environ_overrides=environ)["code"] == "length_required"


def test_a_page_that_is_none(front: Front) -> None:
    """It is refused, and the field is named."""
    for before in ("0", "-1", "x", "1.5", str(2**62), "9" * 5000, "1 OR 1=1", "\x00", "", "١"):
        for path in ("/referrals", "/rewards"):
            assert list(front.get(path, 422, before=before)["fields"]) == ["before"]


def test_parameters_of_the_hosts(front: Front) -> None:
    """The query is the host's too: what we don't know in it is left alone; what we know is there once."""
    front.get("/referrals", org="default", _="123")
    response = front.browser.get(f"{API}/referrals?before=1&before=2")
    assert "before" in front.told(response, "/referrals", 422)["fields"]


# -- addresses and methods -------------------------------------------------------------------------------------------


def problem(response: TestResponse) -> tuple[int, str]:
    """Status and code of a problem, as RFC 9457 wants it."""
    assert response.mimetype == "application/problem+json"
    assert response.headers["Cache-Control"] == "private, no-cache"
    found = response.get_json()
    assert set(found) >= {"type", "title", "status", "detail"}
    assert found["status"] == response.status_code
    return response.status_code, found["code"]


def test_a_wrong_method(front: Front) -> None:
    """405 and what the address takes, told by us; OPTIONS says it as well, and HEAD goes with GET."""
    for path, allow in (("", "GET, HEAD, OPTIONS"), ("/code", "POST, OPTIONS"), ("/news/seen", "POST, OPTIONS")):
        for method in ("PUT", "PATCH", "DELETE", "TRACE"):
            response = front.browser.open(API + path, method=method)
            assert problem(response) == (405, "method_not_allowed")
            assert response.headers["Allow"] == allow
        options = front.browser.options(API + path)
        assert (options.status_code, options.headers["Allow"]) == (204, allow)
    assert problem(front.browser.get(f"{API}/code")) == (405, "method_not_allowed")
    assert front.browser.head(API).status_code == 200
    assert front.browser.options(f"{API}/preferences").headers["Allow"] == "GET, HEAD, POST, OPTIONS"


def test_a_wrong_address(front: Front) -> None:
    """404 as JSON below our prefix, with any method; a slash at the end is no other address."""
    for path in ("/nothing", "/why", "/why/", "/why/1/2", "/..", "/%2e%2e/", "/é"):
        for method in ("GET", "POST", "DELETE"):
            assert problem(front.browser.open(API + path, method=method)) == (404, "not_found")
    assert front.browser.get(f"{API}/cash/").status_code == 200
    assert front.browser.get(f"{API}/").status_code == 200


def test_the_pages_keep_the_hosts_own_errors(shop: Shop, front: Front) -> None:
    """What is told as JSON is the API's alone."""
    shop.app.register_error_handler(404, lambda error: ("<h1>Lost</h1>", 404))
    assert front.browser.get("/portal/referrals/why/99").text == "<h1>Lost</h1>"
    assert front.browser.get("/portal/referrals/nothing").text == "<h1>Lost</h1>"
    assert problem(front.browser.get(f"{API}/why/99")) == (404, "not_found")


def test_our_own_failure(shop: Shop, front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as JSON without its cause; the host's log and its handlers have it as ever."""

    def fail(*args: Any, **values: Any) -> Any:
        raise RuntimeError("a secret")

    monkeypatch.setattr(portal, "header", fail)
    seen: list[BaseException] = []

    def handle(error: Any) -> tuple[str, int]:
        seen.append(error.original_exception)
        return "<h1>Oh</h1>", 500

    shop.app.register_error_handler(500, handle)
    response = front.browser.get(API)
    assert problem(response) == (500, "failed")
    assert "secret" not in response.text
    assert [str(error) for error in seen] == ["a secret"]


def test_a_refusal_of_the_hosts(shop: Shop, front: Front) -> None:
    """Such as a rate limit before any view: its status and headers stay, and it is told as JSON."""
    refused = {429: "refused", 403: "refused", 499: "refused", 503: "failed", 404: "not_found", 400: "refused"}
    status = 0
    shop.app.before_request(lambda: ("<h1>No</h1>", status, {"Retry-After": "9"}))
    for status, code in refused.items():
        for response in (front.browser.get(API), front.browser.post(f"{API}/code")):
            assert problem(response) == (status, code)
            assert response.headers["Retry-After"] == "9"


def test_a_refusal_that_is_not_about_the_token(protected: Front) -> None:
    """A host that has let the token pass and then says no is not told to be after another token."""
    closed: list[bool] = []
    protected.shop.app.before_request(lambda: ("<h1>No</h1>", 403) if closed else None)
    token = protected.token
    assert protected.description
    closed.append(True)
    assert protected.post("/code", {"code": "GREENLAWN"}, 403, headers=token)["code"] == "refused"


def test_switched_off() -> None:
    """`REFERRALS_API = False`: then the host's own answers are there, and the pages as ever."""
    with sqlite_shop(REFERRALS_API=False) as shop:
        browser = shop.browser(shop.client())
        assert browser.get(API).status_code == 404
        assert browser.get(API).mimetype == "text/html"
        assert browser.get("/portal/referrals/").status_code == 200
    with pytest.raises(ConfigurationError, match="REFERRALS_API is True or False"):
        read_settings({"REFERRALS_API": "no"})


# -- a code before registration --------------------------------------------------------------------------------------


def field_says(app: Flask, code: str) -> str | None:
    """What the host's registration form says at its code field."""
    response = app.test_client().post("/register", data={"email": "kiera@x.example", "code": code})
    return None if response.status_code == 200 else response.text


@pytest.mark.parametrize("reason", [None, "code_not_found", "code_mistyped", "code_inactive", "program_off"])
def test_the_check_says_what_the_field_says(shop: Shop, reason: str | None) -> None:
    """A3, A6: the same reason, the same sentence, and a visitor needs no login for it."""
    code = shop.code(shop.client())
    typed = {"code_not_found": "UNKNOWN", "code_mistyped": f"{code.text[:-1]}{'2' if code.text[-1] != '2' else '3'}"}
    if reason == "program_off":
        shop.switch(on=False)
    if reason == "code_inactive":
        with shop.app.app_context():
            db.session.get_one(CodeRow, code.id).active = False
            db.session.commit()
    text = typed.get(reason or "", f" {code.text[:4].lower()}-{code.text[4:]} ")
    told = {"ok": reason is None, "code": reason, "detail": "" if reason is None else code_error_text(reason)}
    assert Front(shop).get("/check", code=text) == told
    said = field_says(shop.app, text)
    assert (said is None) == told["ok"]
    assert said is None or str(told["detail"]).replace("'", "&#39;") in said


def test_the_check_tells_no_more(shop: Shop) -> None:
    """A5, G2: a code of another org is unknown, nobody's name is told, no visit is counted, no cookie is set."""
    otto = shop.code(shop.client("Otto Other", "other")).text
    mine = shop.code(shop.client())
    visitor = Front(shop)
    assert visitor.get("/check", code=otto) == visitor.get("/check", code="UNKNOWN")
    response = visitor.browser.get(f"{API}/check?code={mine.text}")
    assert response.get_json() == {"ok": True, "code": None, "detail": ""}
    assert "Set-Cookie" not in response.headers
    with shop.app.app_context():
        assert db.session.get_one(CodeRow, mine.id).visits == 0
        db.session.add(BlockRow(org="default", client_id=mine.client_id, blocked_at=shop.clock(), blocked_by="staff"))
        db.session.commit()
    assert visitor.get("/check", code=mine.text)["code"] == "referrer_blocked"


def test_the_check_of_nonsense(any_shop: Shop) -> None:
    """Nothing typed is fine, and all else is no code, as at the field."""
    visitor = Front(any_shop)
    for typed in ("", "   ", "\x00", "x" * 5000, "🎁", "é" * 16, "'\"><b>", "\r\nSet-Cookie: a=b"):
        told = visitor.get("/check", code=typed)
        empty = not typed.strip()
        assert (told["ok"], told["code"]) == (empty, None if empty else "code_not_found")
    visitor.get("/check", 422)


def test_a_check_that_fails_keeps_nobody_away(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """A6: with our table gone, the code is let through, and the log says so."""
    code = shop.code(shop.client()).text
    with shop.app.app_context():
        db.session.execute(db.text("ALTER TABLE referrals_block RENAME TO gone"))
        db.session.commit()
    assert Front(shop).get("/check", code=code)["ok"]
    assert "could not be checked" in caplog.text
