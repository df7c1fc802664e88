"""The code field on the host's own forms: it answers, and never keeps anybody from registering (A3, A5, A6)."""

from __future__ import annotations

import re

import pytest

from flask_referrals.models import BlockRow, CodeRow
from flask_referrals.words import code_error_text
from tests.minihost import db
from tests.web.host import Shop

FORM = {"email": "kiera@x.example"}


def _told(text: str) -> str | None:
    found = re.search(r'<input name="code-told" type="hidden" value="([^"]*)">', text)
    return None if found is None else found[1]


def _mistyped(code: str) -> str:
    return code[:-1] + ("2" if code[-1] != "2" else "3")


def test_empty_and_good_codes_pass(any_shop: Shop) -> None:
    """Nothing, spaces, and a code typed sloppily are all fine; no hidden field is left behind on a fresh form."""
    code = any_shop.code(any_shop.client()).text
    browser = any_shop.browser()
    assert _told(browser.get("/register").text) is None
    for typed in ("", "   ", code, f" {code[:4].lower()} {code[4:].lower()} "):
        assert browser.post("/register", data={**FORM, "code": typed}).status_code == 200, typed
    assert browser.post("/register", data=FORM).status_code == 200


def test_mistyped_code_is_answered_and_then_passes(any_shop: Shop) -> None:
    """A typing error is told at the field; correcting it, emptying it, or sending it once more all go through (A6)."""
    code = any_shop.code(any_shop.client()).text
    wrong = _mistyped(code)
    browser = any_shop.browser()
    first = browser.post("/register", data={**FORM, "code": wrong})
    assert first.status_code == 422
    assert "typing error" in first.text
    assert "leave the field empty" in first.text
    assert _told(first.text) == wrong
    told = {**FORM, "code-told": wrong}
    assert browser.post("/register", data={**told, "code": code}).status_code == 200
    assert browser.post("/register", data={**told, "code": ""}).status_code == 200
    assert browser.post("/register", data={**told, "code": wrong}).text == f"registered with {wrong}"


def test_another_wrong_code_is_answered_anew(shop: Shop) -> None:
    """Only the very text that was told of passes; a second, different mistake is told of again."""
    first = shop.browser().post("/register", data={**FORM, "code": "NOPE", "code-told": "OTHER"})
    assert first.status_code == 422
    assert _told(first.text) == "NOPE"


def test_told_stays_when_something_else_is_wrong(shop: Shop) -> None:
    """A form that comes back for another field does not forget what was told about the code."""
    again = shop.browser().post("/register", data={"code": "NOPE", "code-told": "NOPE"})
    assert again.status_code == 422
    assert 'class="error"' not in again.text
    assert _told(again.text) == "NOPE"


@pytest.mark.parametrize("reason", ["code_not_found", "code_inactive", "program_off", "referrer_blocked"])
def test_each_refusal_has_its_sentence(shop: Shop, reason: str) -> None:
    """Every reason that can be known before there is a client is told in its own words."""
    jane = shop.client()
    code = shop.code(jane)
    typed = "UNKNOWN" if reason == "code_not_found" else code.text
    if reason == "program_off":
        shop.switch(on=False)
    with shop.app.app_context():
        if reason == "code_inactive":
            row = db.session.get(CodeRow, code.id)
            assert row is not None
            row.active = False
        if reason == "referrer_blocked":
            db.session.add(BlockRow(org="default", client_id=str(jane), blocked_at=shop.clock(), blocked_by="staff"))
        db.session.commit()
    response = shop.browser().post("/register", data={**FORM, "code": typed})
    assert response.status_code == 422
    assert code_error_text(reason).replace("'", "&#39;") in response.text


def test_code_of_another_org_is_unknown(shop: Shop) -> None:
    """A code of another business reads exactly like one that never was (A5), at both points."""
    code = shop.code(shop.client("Otto Other", "other")).text
    mine = shop.code(shop.client()).text
    assert code_error_text("code_not_found")[:20].replace("'", "&#39;") in (
        shop.browser().post("/register", data={**FORM, "code": code}).text
    )
    assert shop.browser().post("/checkout", data={"code": code}).text == "paid"
    assert shop.browser().post("/checkout", data={"code": mine}).text == code_error_text("code_not_found")


def test_point_that_the_terms_do_not_accept(shop: Shop) -> None:
    """Where the terms take no codes at the checkout, the checkout's field says so."""
    from flask_referrals import Terms
    from tests.web.host import DEAL

    code = shop.code(shop.client("Otto Other", "other")).text
    with shop.app.app_context():
        shop.referrals.save_terms("other", Terms.from_document({**DEAL, "accept_codes_at": ["registration"]}))
        db.session.commit()
    response = shop.browser().post("/checkout", data={"code": code})
    assert (response.status_code, response.text) == (422, code_error_text("not_accepted_here"))


@pytest.mark.parametrize("typed", ["\x00", "<script>alert(1)</script>", "'\"><b>", "x" * 5000, "é" * 16, "🎁"])
def test_nonsense_is_answered_and_escaped(any_shop: Shop, typed: str) -> None:
    """Whatever is typed is answered as no code, and comes back harmless."""
    response = any_shop.browser().post("/register", data={**FORM, "code": typed})
    assert response.status_code == 422
    assert "<script>alert" not in response.text
    assert "<b>" not in response.text


def test_prefilled_from_the_address(shop: Shop) -> None:
    """`ref` in the address fills the field in; an answer of the person's own, also an empty one, is not overwritten."""
    browser = shop.browser()
    assert 'value="K7MP4QRT"' in browser.get("/register?ref=K7MP4QRT").text
    assert "&lt;i&gt;" in browser.get("/register?ref=<i>").text
    assert "x" * 41 not in browser.get("/register?ref=" + "x" * 41).text
    for answer in ({"code": ""}, {"email": ""}):
        assert 'value="K7MP4QRT"' not in browser.post("/register?ref=K7MP4QRT", data=answer).text


def test_input_is_made_for_codes(shop: Shop) -> None:
    """No autocorrection gets in the way, and the host's own attributes are kept."""
    page = shop.browser().get("/register").text
    (field,) = re.findall(r'<input [^>]*name="code"[^>]*>', page)
    for attribute in ('autocapitalize="characters"', 'autocomplete="off"', 'spellcheck="false"', 'maxlength="40"'):
        assert attribute in field
    assert 'class="host"' in field


def test_our_failure_lets_the_form_pass(any_shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """With our table gone, the form passes, the host's transaction still works, and the log says what happened (A6)."""
    code = any_shop.code(any_shop.client()).text
    with any_shop.app.app_context():
        db.session.execute(db.text("ALTER TABLE referrals_block RENAME TO gone"))
        db.session.commit()
    assert any_shop.browser().post("/register", data={**FORM, "code": code}).status_code == 200
    assert "could not be checked" in caplog.text


def test_invitation_badge(shop: Shop) -> None:
    """Who came by a link reads by whom, by first name and initial only, and what it gets; others read nothing."""
    code = shop.code(shop.client('<b onclick="x">Jane</b> Smith')).text
    assert "rf-invitation" not in shop.browser().get("/register").text
    visitor = shop.browser()
    visitor.get(f"/r/{code}")
    page = visitor.get("/register").text
    assert "15% off your first invoice" in page
    assert "Smith" not in page
    assert "<b" not in page.replace("<body", "").replace("<button", "")
    shop.switch(on=False)
    assert "rf-invitation" not in visitor.get("/register").text


def test_invitation_of_another_org_or_a_forger(shop: Shop) -> None:
    """A cookie for another business, a stale one, and a forged one show no invitation."""
    code = shop.code(shop.client("Otto Other", "other")).text
    mine = shop.code(shop.client())
    with shop.app.app_context():  # two businesses may have the same code
        row = db.session.get(CodeRow, mine.id)
        assert row is not None
        row.text = row.key = code
        db.session.commit()
    visitor = shop.browser()
    visitor.get(f"/r/other/{code}")
    assert "rf-invitation" not in visitor.get("/register").text
    assert "Otto O." in visitor.get("/register?org=other").text
    shop.clock.advance(days=90)
    assert "rf-invitation" not in visitor.get("/register?org=other").text
    visitor.set_cookie("referrals_link", "forged.value")
    assert "rf-invitation" not in visitor.get("/register?org=other").text


def test_link_card(shop: Shop) -> None:
    """A client's card in the host's page shows the link once there is a code, and nothing while there is no program."""
    jane = shop.client()
    browser = shop.browser(jane)
    assert "Get your code" in browser.get("/register").text
    code = shop.code(jane).text
    assert f"/r/{code}" in browser.get("/register").text
    shop.switch(on=False)
    assert "Recommend us" not in browser.get("/register").text
