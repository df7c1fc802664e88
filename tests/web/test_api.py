"""The JSON API, what a client reads: the same as on its pages, and of others nothing (A5, G2, M1, R9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.api_host import API, Front, shop_with, sqlite_shop, statements
from tests.web.host import Shop

FIFTY = {"amount": "50.00", "currency": "USD", "text": "$50.00"}
NONE = {"amount": "0.00", "currency": "USD", "text": "$0.00"}
AT = "2026-01-10T09:00:00Z"
READ = ("", "/referrals", "/credit", "/rewards", "/news", "/preferences", "/invitations", "/cash", "/cash/account")


@pytest.fixture
def cash_shop() -> Iterator[Shop]:
    """On SQLite, with a gateway for cash."""
    with sqlite_shop(cash=True) as shop:
        yield shop


def test_summary(any_shop: Shop) -> None:
    """Code, link, ways to share, the deal in words, credit, counts: as the page says them."""
    jane = any_shop.client()
    code = any_shop.code(jane).text
    any_shop.referee(code, paid=20000)
    any_shop.referee(code, "Max Brown")
    any_shop.browser().get(f"/r/{code}")
    any_shop.use_credit(any_shop.invoice(jane, 2000))
    found = Front(any_shop, jane).get()
    assert found["org_name"] == "Maple & Sons"
    assert found["deal"] == {
        "they": "15% off their first invoice",
        "you": "$50.00 credit when they pay their first invoice",
    }
    assert found["code"] == {"text": code, "shown": f"{code[:4]}-{code[4:]}", "active": True}
    assert found["sharing"]["link"] == f"http://localhost/r/{code}"
    assert found["sharing"]["link"] in found["sharing"]["message"]
    assert found["sharing"]["qr_code"].startswith("<svg ")
    names = [way["name"] for way in found["sharing"]["ways"]]
    assert names == ["email", "sms", "whatsapp", "x", "linkedin", "facebook"]
    available, held = ({"amount": f"{n}.00", "currency": "USD", "text": f"${n}.00"} for n in (30, 20))
    assert found["balances"] == [{"available": available, "held": held}]
    assert found["counts"] == {"visits": 1, "referred": 2, "qualified": 1}
    assert found["unread"] == 3
    assert found["open"] == ["invite", "choose_code", "read_news"]
    assert found["closed"] is None


def test_the_first_look_makes_the_code(shop: Shop) -> None:
    """C1: as the first visit of the page does, and only while the program is on (T1)."""
    shop.switch(on=False)
    front = Front(shop, shop.client())
    closed = front.get()
    assert (closed["code"], closed["deal"], closed["sharing"], closed["open"]) == (None, None, None, [])
    assert closed["closed"] == {"code": "program_off", "detail": "The referral program is closed at the moment."}
    shop.switch(on=True)
    code = front.get()["code"]
    assert code["active"]
    assert front.get()["code"] == code


def test_a_code_that_was_switched_off(shop: Shop) -> None:
    """C4: there is nothing to share with it, and why is said."""
    jane = shop.client()
    shop.code(jane)
    with shop.app.app_context():
        shop.referrals.disable_code(shop._value(jane), by="sam")
        shop.referrals.session().commit()
    found = Front(shop, jane).get()
    assert (found["sharing"], found["code"]["active"], found["closed"]["code"]) == (None, False, "code_inactive")


def test_referrals_page_by_page(shop: Shop) -> None:
    """Each is seen once, newest first, by first name and initial only (G2); nobody pages into another client's."""
    jane, other = shop.client(), shop.client("Olga Other")
    shop.many(jane, 25)
    front = Front(shop, jane)
    pages = [front.get("/referrals")]
    while (older := pages[-1]["older"]) is not None and len(pages) < 9:
        assert Front(shop, other).get("/referrals", before=older)["referrals"] == []
        pages.append(front.get("/referrals", before=older))
    seen = [line for page in pages for line in page["referrals"]]
    assert [line["id"] for line in seen] == list(range(25, 0, -1))
    assert {line["name"] for line in seen} == {"Referee N."}


def test_what_is_said_of_a_referral(shop: Shop) -> None:
    """The state in codes and in words, the reward, and the deal as promised on that day (T6)."""
    jane = shop.client()
    code = shop.code(jane).text
    shop.referee(code, "Kiera Lopez", paid=20000)
    shop.terms(referrer_reward={"kinds": ["credit"], "amount": "10.00"})
    shop.referee(code, "Max Brown")
    max_, kiera = Front(shop, jane).get("/referrals")["referrals"]
    assert kiera == {
        "id": 1, "name": "Kiera L.", "state": "qualified", "reward_state": "issued", "word": "Rewarded",
        "detail": "Has paid the first invoice", "amount": FIFTY, "service": None, "undone": False, "at": AT,
        "promised": {
            "you": "$50.00 credit when they pay their first invoice", "they": "15% off their first invoice",
        },
    }  # fmt: skip
    assert max_["promised"]["you"].startswith("$10.00 credit")
    assert (max_["state"], max_["reward_state"], max_["amount"]) == ("pending", None, None)


def test_credit_after_an_undone_payment(shop: Shop) -> None:
    """K5: exact amounts below zero, and the history that led there."""
    jane = shop.client()
    kiera = shop.referee(shop.code(jane).text)
    first = shop.invoice(kiera, 20000)
    shop.pay(first)
    own = shop.invoice(jane, 9000)
    shop.use_credit(own)
    shop.pay(own)
    shop.refund(first)
    found = Front(shop, jane).get("/credit")
    minus = {"amount": "-50.00", "currency": "USD", "text": "\N{MINUS SIGN}$50.00"}
    assert found["balances"] == [{"available": minus, "held": NONE}]
    told = [(line["reason"], line["text"], line["amount"], line["balance"]) for line in found["entries"]]
    assert told == [
        ("reversal", "Taken back, since Kiera L.'s payment was undone", minus, minus),
        ("redemption", "Used on an invoice", minus, NONE),
        ("reward", "For recommending Kiera L.", FIFTY, FIFTY),
    ]
    assert found["complete"]


def test_credit_says_when_there_is_more(shop: Shop) -> None:
    """As on the page, the latest ten are told, and that these are not all."""
    jane = shop.client()
    code = shop.code(jane).text
    for number in range(10):
        shop.referee(code, f"Kiera Lopez{number}", paid=20000)
    assert Front(shop, jane).get("/credit")["complete"]
    shop.referee(code, "Max Brown", paid=20000)
    found = Front(shop, jane).get("/credit")
    assert (len(found["entries"]), found["complete"]) == (10, False)


def test_rewards_with_their_reasons(shop: Shop) -> None:
    """R9: each with its code and its sentence, page by page, and only the client's own."""
    jane = shop.client()
    code = shop.code(jane).text
    shop.terms(referee_reward={"amount": "5.00"}, hold_days=7)
    kiera = shop.referee(code, "Kiera Lopez", paid=20000)
    [own] = Front(shop, jane).get("/rewards")["rewards"]
    [theirs] = Front(shop, kiera).get("/rewards")["rewards"]
    assert (own["side"], own["name"], own["amount"], own["code"]) == ("referrer", "Kiera L.", FIFTY, "waits_hold")
    assert own["detail"] == "It is held until Jan 17, 2026, in case the payment is undone."
    assert (theirs["side"], theirs["name"], theirs["what"]) == ("referee", "Jane S.", "$5.00")
    for number in range(10):
        shop.referee(code, f"Max Brown{number}", paid=20000)
    front = Front(shop, jane)
    page = front.get("/rewards")
    rest = front.get("/rewards", before=page["older"])
    assert len(page["rewards"]) == 10
    assert [one["id"] for one in rest["rewards"]] == [own["id"]]
    assert rest["older"] is None


def test_a_free_service(shop: Shop) -> None:
    """R7: a voucher is told by its service and its state, in place of an amount."""
    shop.terms(referrer_reward={"kinds": ["service"], "service": {"name": "Lawn mowing"}})
    jane = shop.client()
    shop.referee(shop.code(jane).text, paid=20000)
    front = Front(shop, jane)
    [reward] = front.get("/rewards")["rewards"]
    assert (reward["what"], reward["service"], reward["voucher"]) == ("Free: Lawn mowing", "Lawn mowing", "open")
    assert reward["amount"] is None
    [referral] = front.get("/referrals")["referrals"]
    assert (referral["service"], referral["amount"]) == ("Lawn mowing", None)


def test_why(shop: Shop) -> None:
    """R9, G2: from both sides, each with its own rewards; another client's referral is not there (A5)."""
    jane, other, elsewhere = shop.client(), shop.client("Olga Other"), shop.client("Otto Other", "other")
    kiera = shop.referee(shop.code(jane).text, paid=20000)
    found = Front(shop, jane).get("/why/1")
    assert (found["mine"], found["name"], found["code"], found["since"]) == (True, "Kiera L.", "qualified", AT)
    assert [one["code"] for one in found["rewards"]] == ["issued"]
    assert found["promised"]["you"] == ["$50.00 credit when they pay their first invoice"]
    theirs = Front(shop, kiera).get("/why/1")
    assert (theirs["mine"], theirs["name"], theirs["rewards"]) == (False, "Jane S.", [])
    assert theirs["promised"] == {"you": [], "they": "15% off the first invoice"}
    for client_id in (other, elsewhere):
        assert Front(shop, client_id).get("/why/1", 404)["code"] == "not_found"


def test_an_id_that_is_none(any_shop: Shop) -> None:
    """It is not found, whatever it is."""
    front = Front(any_shop, any_shop.client())
    for referral_id in ("0", "-1", "2", "x", "1.0", str(2**63), "9" * 5000, "%00"):
        assert front.get(f"/why/{referral_id}", 404)["code"] == "not_found"


def test_news(shop: Shop) -> None:
    """Reading marks nothing; what is seen stays seen, and what is still to come is not (`up to`, and no further)."""
    jane, other = shop.client(), shop.client("Olga Other")
    code = shop.code(jane).text
    shop.referee(code, paid=20000)
    front = Front(shop, jane)
    news = front.get("/news")["news"]
    assert [line["kind"] for line in news] == ["reward_issued", "attributed"]
    assert news[0]["text"] == "Kiera L. paid the first invoice, and you got $50.00 credit. Thank you!"
    assert all(line["new"] for line in front.get("/news")["news"])
    assert front.post("/news/seen", {"id": news[1]["id"]}) == {"unread": 1}
    assert [line["new"] for line in front.get("/news")["news"]] == [True, False]
    assert front.post("/news/seen", {"id": 2**62 - 1}) == {"unread": 0}
    assert front.post("/news/seen", {"id": 1}) == {"unread": 0}
    assert Front(shop, other).post("/news/seen", {"id": news[0]["id"]}) == {"unread": 0}
    shop.referee(code, "Max Brown")
    assert front.get()["unread"] == 1


def test_nobody_is_told_too_much(shop: Shop) -> None:
    """G2: no answer has a last name, an address or an invoice of the people who came, nor do they learn of whom."""
    jane = shop.client()
    kiera = shop.referee(shop.code(jane).text, "Kiera Lopez", paid=20000)
    for client_id, secrets in ((jane, ("Lopez", "kiera@", "invoice_id")), (kiera, ("Smith", "jane@", "invoice_id"))):
        front = Front(shop, client_id)
        for path in (*READ[:-1], "/why/1"):
            text = front.browser.get(API + path).text
            assert [one for one in secrets if one in text] == [], path


def test_what_is_open_of_cash(cash_shop: Shop) -> None:
    """R6: that an account is to be linked is said as long as a reward waits for one."""
    cash_shop.terms(referrer_reward={"kinds": ["cash"], "amount": "50.00"})
    jane = cash_shop.client()
    code = cash_shop.code(jane).text
    front = Front(cash_shop, jane)
    assert front.get()["open"] == ["invite", "choose_code", "cash"]
    cash_shop.referee(code, paid=20000)
    assert front.get()["open"] == ["invite", "choose_code", "read_news", "cash", "link_account"]
    found = front.get("/cash")
    assert found["waiting"] == [{"amount": FIFTY, "waits_for": "bank_account", "detail": "waits for your account"}]


@pytest.mark.parametrize("number", [10, 2000])
def test_statements(database_url: str, number: int) -> None:
    """§5: the summary costs one statement, two where clients link an account; no list costs more with more in it."""
    with shop_with(database_url, cash=True) as shop:
        jane = shop.client()
        shop.referee(shop.code(jane).text, paid=20000)
        shop.many(jane, number)
        front = Front(shop, jane)
        front.get()  # the terms are read once in a process
        front.get("/referrals")
        for path, most in (("", 2), ("/referrals", 1), ("/rewards", 1), ("/credit", 1), ("/news", 2), ("/why/1", 3)):
            with statements(shop) as found:
                front.browser.get(API + path)
            assert len(found) == most, (path, found)


def test_login_is_wanted(shop: Shop) -> None:
    """Nobody reads anything without logging in: 401, with where to log in, and no redirect."""
    visitor = Front(shop)
    for path in (*READ, "/why/1"):
        found = visitor.get(path, 401)
        assert (found["code"], found["login"]) == ("not_logged_in", "/login")
