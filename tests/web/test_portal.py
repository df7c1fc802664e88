"""The client's page: what it shows, to whom, in how many statements, and in a browser (G2, K4, K5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy import event

from flask_referrals.models import CodeRow
from tests.minihost import db
from tests.web.host import Shop

PORTAL = "/portal/referrals/"
EVIL = '<script>alert("x")</script>'


@contextmanager
def _statements(shop: Shop) -> Iterator[list[str]]:
    """The statements that touch our tables meanwhile."""
    found: list[str] = []

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "referrals_" in statement:
            found.append(statement)

    with shop.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", executed)


def _text(page: str) -> str:
    """What a reader sees, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("&#39;", "'")


def test_first_visit_makes_the_code(any_shop: Shop) -> None:
    """A client without a code gets one by opening the page, with or without the slash, and keeps it."""
    browser = any_shop.browser(any_shop.client())
    first = browser.get(PORTAL.rstrip("/"))
    assert first.status_code == 200
    code = re.search(r'id="rf-code" value="(\w{4}-\w{4})" readonly', first.text)
    assert code
    assert f'value="{code[1]}"' in browser.get(PORTAL).text
    with any_shop.app.app_context():
        assert db.session.query(CodeRow).count() == 1


def test_what_it_says(any_shop: Shop) -> None:
    """The deal for both sides, the people who came with what they wait for, the credit and its history, in words."""
    jane = any_shop.client()
    code = any_shop.code(jane).text
    any_shop.referee(code, "Kiera Lopez", paid=20000)
    any_shop.referee(code, "Max Brown")
    any_shop.use_credit(any_shop.invoice(jane, 2000))
    any_shop.browser().get(f"/r/{code}")
    text = _text(any_shop.browser(jane).get(PORTAL).text)
    assert "They get 15% off their first invoice" in text
    assert "You get $50.00 credit when they pay their first invoice" in text
    promised = "For you: $50.00 credit when they pay their first invoice. For {}: 15% off their first invoice."
    told = "{} {} What was promised " + promised + " Jan 10, 2026 {}"
    assert told.format("Max B.", "Waiting Waits for the first payment Why?", "Max B.", "none yet") in text
    assert told.format("Kiera L.", "Rewarded Has paid the first invoice", "Kiera L.", "$50.00") in text
    assert "Your credit $30.00 Ready to use on your invoices $20.00 more is set aside" in text
    assert "For recommending Kiera L. Jan 10, 2026 +$50.00 $50.00" in text
    assert "Link opened 1 Came by you 2 Have paid 1" in text


def test_the_deal_of_the_day_stays_readable(shop: Shop) -> None:
    """T5, T6: new terms change what is promised to the next, and the referrer still reads what was promised before."""
    jane = shop.client()
    code = shop.code(jane).text
    shop.referee(code, "Max Brown")
    shop.terms(referrer_reward={"kinds": ["credit"], "amount": "10.00"})
    shop.referee(code, "Ann Ash")
    text = _text(shop.browser(jane).get(PORTAL).text)
    assert "You get $10.00 credit" in text
    assert "For you: $50.00 credit when they pay their first invoice. For Max B.:" in text
    assert "For you: $10.00 credit when they pay their first invoice. For Ann A.:" in text


def test_undone_payment(shop: Shop) -> None:
    """After a refund the reward is struck out, and credit that was spent shows as a gap that is explained (K5)."""
    jane = shop.client()
    code = shop.code(jane).text
    kiera = shop.referee(code)
    first = shop.invoice(kiera, 20000)
    shop.pay(first)
    own = shop.invoice(jane, 9000)
    shop.use_credit(own)
    shop.pay(own)
    shop.refund(first)
    text = _text(shop.browser(jane).get(PORTAL).text)
    assert "Kiera L. Taken back The payment was undone; waits for the next one" in text
    assert "Your credit \N{MINUS SIGN}$50.00 A payment was undone after its reward had been spent" in text
    assert "Taken back, since Kiera L.'s payment was undone" in text
    assert "Used on an invoice" in text
    news = _text(shop.browser(jane).get(PORTAL + "news").text)
    assert "Kiera L.'s payment was undone, so $50.00 credit was taken back." in news
    assert "Kiera L. paid the first invoice, and you got $50.00 credit." in news
    assert "Kiera L. came by your recommendation." in news
    assert news.index("taken back") < news.index("you got") < news.index("came by")


def test_a_referee_sees_no_more_than_it_may(shop: Shop) -> None:
    """The referee's own page says nothing of the referrer's credit, and the referrer's nothing but the short name."""
    jane = shop.client()
    kiera = shop.referee(shop.code(jane).text, "Kiera Lopez", paid=20000)
    own = shop.browser(kiera).get(PORTAL)
    assert "$50.00 credit when they pay" in own.text
    assert "Jane" not in own.text
    assert "None yet" in own.text
    for path in (PORTAL, PORTAL + "news"):
        page = shop.browser(jane).get(path).text
        assert "Kiera L." in page
        assert "Lopez" not in page
        assert "kiera@x.example" not in page


def test_login_is_wanted(shop: Shop) -> None:
    """Nobody sees a page without logging in, and comes back to it afterwards."""
    for path in (PORTAL, PORTAL + "news"):
        response = shop.browser().get(path)
        assert response.status_code == 302
        assert (response.location or "").startswith("/login?next=/portal/referrals/")


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 30, "1 OR 1=1", "%00"])
def test_nonsense_page(any_shop: Shop, before: str) -> None:
    """A page that is none is the first one."""
    jane = any_shop.client()
    any_shop.referee(any_shop.code(jane).text)
    response = any_shop.browser(jane).get(f"{PORTAL}?before={before}")
    assert response.status_code == 200
    assert "Kiera L." in response.text


def test_pages_show_each_referral_once(shop: Shop) -> None:
    """From page to page each referral is seen once, newest first, and no page asks for another client's."""
    jane, other = shop.client(), shop.client("Olga Other")
    shop.many(jane, 45)
    browser = shop.browser(jane)
    seen: list[str] = []
    address: str | None = PORTAL
    while address:
        page = browser.get(address).text
        seen += re.findall(r'<td class="rf-main">(Referee N\.)</td>', page)
        found = re.search(r'href="([^"]+)#rf-referrals">Earlier<', page)
        address = None if found is None else found[1].replace("&amp;", "&")
        if address:
            assert "Referee" not in shop.browser(other).get(address).text
    assert len(seen) == 45


def test_program_off(shop: Shop) -> None:
    """While the program is off there is nothing to share and no code is made, but all that was earned is there."""
    jane = shop.client()
    shop.referee(shop.code(jane).text, paid=20000)
    shop.switch(on=False)
    page = shop.browser(jane).get(PORTAL).text
    assert "closed at the moment" in page
    assert 'id="rf-code"' not in page
    assert "Kiera L." in page
    assert "$50.00" in page
    assert shop.browser(shop.client("New Client")).get(PORTAL).status_code == 200
    with shop.app.app_context():
        assert db.session.query(CodeRow).count() == 1


def test_code_switched_off(shop: Shop) -> None:
    """A code that was switched off is not offered for sharing, and the client is told."""
    jane = shop.client()
    code = shop.code(jane)
    with shop.app.app_context():
        row = db.session.get(CodeRow, code.id)
        assert row is not None
        row.active = False
        db.session.commit()
    page = shop.browser(jane).get(PORTAL).text
    assert "has been switched off" in page
    assert 'id="rf-link"' not in page


def test_ways_to_share(shop: Shop) -> None:
    """Each way is a plain address with the message, or the link, in it; foreign pages open without a way back."""
    jane = shop.client()
    link = f"http://localhost/r/{shop.code(jane).text}"
    page = shop.browser(jane).get(PORTAL).text
    hrefs = [found.replace("&amp;", "&") for found in re.findall(r'<a class="rf-button[^>]* href="([^"]+)"', page)]
    by_host = {urlsplit(href).netloc or urlsplit(href).scheme: href for href in hrefs}
    message = f"Hi! I'm happy with Maple & Sons, and I think you would be too. With my link you get 15% off your first invoice: {link}"  # noqa: E501
    assert parse_qs(urlsplit(by_host["mailto"]).query) == {
        "subject": ["A recommendation: Maple & Sons"],
        "body": [message],
    }
    assert by_host["sms"].startswith("sms:?&body=")
    assert parse_qs(urlsplit(by_host["sms"]).query) == {"body": [message]}
    assert parse_qs(urlsplit(by_host["wa.me"]).query) == {"text": [message]}
    assert parse_qs(urlsplit(by_host["x.com"]).query) == {"text": [message]}
    assert parse_qs(urlsplit(by_host["www.linkedin.com"]).query) == {"url": [link]}
    assert parse_qs(urlsplit(by_host["www.facebook.com"]).query) == {"u": [link]}
    for foreign in re.findall(r'<a [^>]*href="https://[^>]*>', page):
        assert 'target="_blank" rel="noopener"' in foreign


def test_no_inline_script_or_style(shop: Shop) -> None:
    """A strict Content-Security-Policy has nothing to refuse: no style attribute, no handler, no script in the page."""
    jane = shop.client()
    shop.referee(shop.code(jane).text, paid=20000)
    for path in (PORTAL, PORTAL + "news"):
        page = shop.browser(jane).get(path).text
        assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", page)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_html_in_names(shop: Shop) -> None:
    """HTML in the name of a client, or a business, is text."""
    jane = shop.client()
    shop.referee(shop.code(jane).text, f"{EVIL} Lopez", paid=20000)
    for path in (PORTAL, PORTAL + "news"):
        page = shop.browser(jane).get(path).text
        assert EVIL not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize("number", [10, 2000])
def test_two_statements(any_shop: Shop, number: int) -> None:
    """A visit costs two statements on our tables, with ten referrals or two thousand."""
    jane = any_shop.client()
    code = any_shop.code(jane).text
    any_shop.referee(code, paid=20000)
    any_shop.many(jane, number)
    browser = any_shop.browser(jane)
    browser.get(PORTAL)  # the terms are read once in a process
    with _statements(any_shop) as statements:
        page = browser.get(PORTAL)
    assert page.text.count('class="rf-badge') == min(10, number + 1)
    assert len(statements) == 2, statements


def _open(
    shop: Shop, browser: Browser, address: str, client_id: int, width: int, scheme: Any
) -> tuple[Page, list[str]]:
    """The portal page in a browser, and everything that it complains about."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        permissions=["clipboard-read", "clipboard-write"],
    )
    signer = shop.app.session_interface.get_signing_serializer(shop.app)  # type: ignore[attr-defined]
    context.add_cookies([{"name": "session", "value": signer.dumps({"client": client_id}), "url": address}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(f"{address}{PORTAL}")
    return page, complaints


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser(shop: Shop, address: str, chromium: Browser, width: int, scheme: str) -> None:
    """On a telephone and a desk, light and dark: nothing overflows, no complaint, no serious fault that axe knows."""
    jane = shop.client()
    code = shop.code(jane).text
    shop.referee(code, "Kiera Lopez", paid=20000)
    shop.referee(code, "Max Brown")
    page, complaints = _open(shop, chromium, address, jane, width, scheme)
    for path in (PORTAL, PORTAL + "news"):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = [
            (issue["id"], [node["html"] for node in issue["nodes"]])
            for issue in Axe().run(page).response["violations"]
            if issue["impact"] in ("serious", "critical")
        ]
        assert found == []
    small = page.evaluate(
        "[...document.querySelectorAll('.rf-page :is(a, button, input, textarea)')].filter(e => e.offsetParent)"
        ".map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect().height]).filter(e => e[1] < 44)"
    )
    assert small == []
    assert complaints == []
    page.context.close()


@pytest.mark.browser
def test_copy_and_own_words(shop: Shop, address: str, chromium: Browser) -> None:
    """The buttons copy, and own words are in every way that takes a message, the link always with them."""
    jane = shop.client()
    code = shop.code(jane).text
    link = f"{address}/r/{code}"
    page, complaints = _open(shop, chromium, address, jane, 1280, "light")
    page.get_by_role("button", name="Copy the link").click()
    page.get_by_text("Copied").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == link
    page.get_by_role("button", name="Copy the code").click()
    page.wait_for_function("document.querySelector('[data-rf-copy=rf-code]').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == f"{code[:4]}-{code[4:]}"

    page.get_by_label("Your message").fill("Hallo & <b>Grüße</b>!\nTry them.")
    hrefs = page.eval_on_selector_all("[data-rf-begin]", "links => links.map(link => link.href)")
    bodies = [next(iter(parse_qs(urlsplit(href).query)[key])) for href, key in zip(hrefs, ("body", "body", "text", "text"), strict=True)]  # fmt: skip # noqa: E501
    assert bodies[0] == f"Hallo & <b>Grüße</b>!\r\nTry them. {link}"
    assert bodies[1:] == [f"Hallo & <b>Grüße</b>!\nTry them. {link}"] * 3
    assert complaints == []
    page.context.close()


@pytest.mark.browser
def test_without_javascript(shop: Shop, address: str, chromium: Browser) -> None:
    """Without JavaScript no button is shown that does nothing, and every way to share is there."""
    jane = shop.client()
    context = chromium.new_context(java_script_enabled=False)
    signer = shop.app.session_interface.get_signing_serializer(shop.app)  # type: ignore[attr-defined]
    context.add_cookies([{"name": "session", "value": signer.dumps({"client": jane}), "url": address}])
    page = context.new_page()
    page.goto(f"{address}{PORTAL}")
    assert page.locator("button:visible").count() == 0
    for name in ("Email", "Text", "WhatsApp", "X", "LinkedIn", "Facebook"):
        assert page.get_by_role("link", name=name, exact=True).is_visible()
    context.close()
