"""The portal's forms: inviting people by email, and choosing a code of one's own (A1, C4, G2)."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask.testing import FlaskClient
from playwright.sync_api import Browser, expect
from sqlalchemy import select
from werkzeug.test import TestResponse

from flask_referrals.models import CodeRow, InvitationRow
from tests.minihost import ClientRow, db
from tests.web.host import Shop

INVITE = "/portal/referrals/invite"
CODE = "/portal/referrals/code"
EVIL = "<script>alert(1)</script>@x.example"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def send(browser: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Open the form, and send it with its token."""
    token = re.search(r'name="referrals_csrf" value="([^"]+)"', browser.get(path).text)
    assert token
    return browser.post(path, data={"referrals_csrf": token[1], **fields})


def mails(response: TestResponse) -> list[str]:
    """Where the page's drafts go."""
    return [found.replace("&amp;", "&") for found in re.findall(r'href="(mailto:[^"]+)"', response.text)]


def reasons(response: TestResponse) -> list[str]:
    """Why something is refused."""
    return re.findall(r'data-reason="(\w+)"', response.text)


def kept(shop: Shop) -> list[str | None]:
    """The addresses that were invited."""
    with shop.app.app_context():
        return list(db.session.scalars(select(InvitationRow.email).order_by(InvitationRow.id)))


def test_many_addresses_at_once(any_shop: Shop) -> None:
    """A1: by commas, spaces or lines; each has a draft with the link, and all have one together."""
    jane = any_shop.client()
    answer = send(any_shop.browser(jane), INVITE, emails="ann@ash.example, ben@birch.example\ncy@cedar.example")
    assert answer.status_code == 200
    assert kept(any_shop) == ["ann@ash.example", "ben@birch.example", "cy@cedar.example"]
    *single, together = (urlsplit(mail) for mail in mails(answer))
    assert [mail.path for mail in single] == ["ann@ash.example", "ben@birch.example", "cy@cedar.example"]
    link = f"http://localhost/r/{any_shop.code(jane).text}"
    assert all(link in parse_qs(mail.query)["body"][0] for mail in (*single, together))
    assert together.path == ""
    assert parse_qs(together.query)["bcc"] == ["ann@ash.example,ben@birch.example,cy@cedar.example"]


def test_what_is_wrong_is_told_at_each_address(shop: Shop) -> None:
    """A1: the good ones are kept all the same, the others stay in the field, and what was typed is shown as text."""
    browser = shop.browser(shop.client())
    answer = send(browser, INVITE, emails=f"ann@ash.example x@y jane@x.example {EVIL}")
    assert answer.status_code == 422
    assert reasons(answer) == ["email_invalid", "self_referral", "email_invalid"]
    assert "jane@x.example: This is your own address." in answer.text
    assert "<script>alert" not in answer.text
    assert [urlsplit(mail).path for mail in mails(answer)] == ["ann@ash.example"]
    again = send(browser, INVITE, emails="Ann@ash.example")
    assert reasons(again) == ["already_invited"]
    assert reasons(send(browser, INVITE, emails="  ")) == ["email_invalid"]
    assert kept(shop) == ["ann@ash.example"]


def test_twenty_at_most(shop: Shop) -> None:
    """A1: what is beyond stays in the field, and is not lost."""
    answer = send(shop.browser(shop.client()), INVITE, emails=" ".join(f"a{n}@mail.example" for n in range(22)))
    assert len(kept(shop)) == 20
    field = re.search(r"<textarea[^>]*>([^<]*)</textarea>", answer.text)
    assert field
    assert field[1].split() == ["a20@mail.example", "a21@mail.example"]


def test_the_list_masks_addresses(shop: Shop) -> None:
    """G2: who was invited and who has come is known again, but no address stands on the page; others see nothing."""
    jane = shop.client()
    browser = shop.browser(jane)
    send(browser, INVITE, emails="kiera@x.example ann@ash.example")
    kiera = shop.client("Kiera Lopez")
    with shop.app.app_context():
        outcome = shop.referrals.client_registered(db.session.get(ClientRow, kiera))
        db.session.commit()
    assert outcome.referral is not None
    assert outcome.referral.via == "invitation"
    page = browser.get(INVITE).text
    assert "kiera@x.example" not in page
    rows = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in page.split("<tr>")[2:]]
    assert rows[0].startswith("a***@ash.example")
    assert "Invited" in rows[0]
    assert rows[1].startswith("k***@x.example")
    assert "Has come" in rows[1]
    assert "***" not in shop.browser(kiera).get(INVITE).text


def test_a_closed_program_says_so(shop: Shop) -> None:
    """T1, C1: before anything is typed, and no code is made by looking."""
    shop.switch(on=False)
    browser = shop.browser(shop.client())
    assert "The referral program is closed at the moment." in browser.get(INVITE).text
    answer = send(browser, INVITE, emails="ann@ash.example")
    assert reasons(answer) == ["program_off"]
    with shop.app.app_context():
        assert db.session.scalar(select(CodeRow.id)) is None


def test_a_code_that_is_off_invites_nobody(shop: Shop) -> None:
    """C4: said before anything is typed, and at the address."""
    jane = shop.client()
    shop.code(jane)
    with shop.app.app_context():
        shop.referrals.disable_code(shop._value(jane), by="sam")
        db.session.commit()
    browser = shop.browser(jane)
    assert "Your code has been switched off" in browser.get(INVITE).text
    assert reasons(send(browser, INVITE, emails="ann@ash.example")) == ["code_inactive"]


@pytest.mark.parametrize(("path", "fields"), [(INVITE, {"emails": "ann@ash.example"}), (CODE, {"code": "GREENLAWN"})])
def test_only_from_our_own_form_and_for_a_client(shop: Shop, path: str, fields: dict[str, str]) -> None:
    """Without our token nothing happens; who is not logged in is sent to the login."""
    jane = shop.client()
    assert shop.browser(jane).post(path, data=fields).status_code == 400
    assert shop.browser().get(path).status_code == 302
    assert shop.browser().post(path, data=fields).status_code == 302
    assert kept(shop) == []
    assert shop.code(jane).text != "GREENLAWN"


def test_a_code_of_ones_own(any_shop: Shop) -> None:
    """C4: taken from the form, said afterwards, and shown on the portal; the same form again changes nothing."""
    jane = any_shop.client()
    old = any_shop.code(jane)
    browser = any_shop.browser(jane)
    for _ in range(2):
        answer = send(browser, CODE, code=" green-lawn ")
        assert answer.status_code == 303
        assert "GREENLAWN is your code from now on." in browser.get(answer.headers["Location"]).text
    assert 'value="GREENLAWN" readonly' in browser.get("/portal/referrals/").text
    assert any_shop.browser().get(f"/r/{old.text}").status_code == 303
    with any_shop.app.app_context():
        kinds = [line.kind for line in any_shop.referrals.activity(any_shop._value(jane))]
    assert kinds.count("code_created") == 2


def test_a_code_that_cannot_be_had(shop: Shop) -> None:
    """C4: the form says why, with what was typed, and who asks learns nothing of whose it is."""
    jane, mark = shop.client(), shop.client("Mark Oak")
    assert send(shop.browser(jane), CODE, code="GREENLAWN").status_code == 303
    browser = shop.browser(mark)
    for typed, reason in (("greenlawn", "code_taken"), ("GREEN1AWN", "code_taken"), ("<b>", "code_not_allowed")):
        answer = send(browser, CODE, code=typed)
        assert answer.status_code == 422
        assert reasons(answer) == [reason]
        assert "Jane" not in answer.text
    assert 'value="&lt;b&gt;"' in answer.text


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser(shop: Shop, address: str, chromium: Browser, width: int, scheme: str) -> None:
    """Both forms, before and after: nothing overflows, axe finds nothing serious, the browser has no complaint."""
    jane = shop.client()
    kept_session = shop.browser(jane)
    cookie = kept_session.get_cookie("session")
    assert cookie is not None
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    context.add_cookies([{"name": "session", "value": cookie.value, "url": address}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    def looks_good(name: str) -> None:
        assert page.evaluate(OVERFLOW) == 0, name
        found = Axe().run(page).response["violations"]
        assert [issue["id"] for issue in found if issue["impact"] in ("serious", "critical")] == [], name
        assert [text for text in complaints if "status of 422" not in text] == [], name

    page.goto(address + INVITE)
    looks_good("invite")
    long = f"{'long' * 15}@{'verylong' * 7}.example"
    page.get_by_label("Email addresses").fill(f"ann@ash.example ben@birch.example {long} not-an@address")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("link", name="Write to all at once")).to_be_visible()
    looks_good("invited")
    page.goto(address + CODE)
    looks_good("code")
    page.get_by_label("The code that you would like").fill("<b>")
    page.get_by_role("button", name="Take this code").click()
    expect(page.get_by_role("alert")).to_be_visible()
    looks_good("refused")
    page.get_by_label("The code that you would like").fill("GREENLAWN")
    page.get_by_role("button", name="Take this code").click()
    expect(page.get_by_role("status")).to_contain_text("GREENLAWN is your code")
    looks_good("chosen")
    context.close()
