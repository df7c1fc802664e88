"""The JSON API, what a client does: by the same rules as on its pages (A1, C4, K6, R6, P1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from flask_referrals.models import CodeRow, InvitationRow
from flask_referrals.services.ports import Busy, Refused
from flask_referrals.testing import FakeGateway
from tests.minihost import db
from tests.web.api_host import Front, shop_with, sqlite_shop
from tests.web.host import Shop

EITHER = {"kinds": ["credit", "cash"], "amount": "50.00"}


@pytest.fixture
def cash_shop() -> Iterator[Shop]:
    """On SQLite, with a gateway for cash."""
    with sqlite_shop(cash=True) as shop:
        yield shop


@pytest.fixture
def sending_shop() -> Iterator[Shop]:
    """On SQLite, with a mailer that sends the invitations too."""
    with sqlite_shop(mails=True, REFERRALS_INVITATIONS="sent") as shop:
        yield shop


def kept(shop: Shop) -> list[tuple[str | None, str | None]]:
    """The addresses that were invited, and the messages to send."""
    with shop.app.app_context():
        rows = db.session.execute(select(InvitationRow.email, InvitationRow.message).order_by(InvitationRow.id))
        return [(email, message) for email, message in rows]


def gateway_of(shop: Shop) -> FakeGateway:
    """The gateway in memory."""
    found: FakeGateway = shop.app.extensions["gateway"]
    return found


# -- a code of one's own ---------------------------------------------------------------------------------------------


def test_a_code_of_ones_own(any_shop: Shop) -> None:
    """C4: taken, told by the summary, and the old one keeps working; the same once more changes nothing."""
    jane = any_shop.client()
    old = any_shop.code(jane)
    front = Front(any_shop, jane)
    for _ in range(2):
        answer = front.post("/code", {"code": " green-lawn "})
        assert answer["code"] == {"text": "GREENLAWN", "shown": "GREENLAWN", "active": True}
    assert front.get()["code"]["text"] == "GREENLAWN"
    assert front.get("/check", code=old.text)["ok"]


def test_a_code_that_cannot_be_had(shop: Shop) -> None:
    """C4: refused with the reason's code and its sentence; who asks learns nothing of whose it is."""
    jane, mark = Front(shop, shop.client()), Front(shop, shop.client("Mark Oak"))
    jane.post("/code", {"code": "GREENLAWN"})
    for typed, reason in (("greenlawn", "code_taken"), ("GREEN1AWN", "code_taken"), ("<b>", "code_not_allowed")):
        answer = mark.post("/code", {"code": typed}, 409)
        assert answer["code"] == reason
        assert "Jane" not in str(answer)
    assert answer["detail"].startswith("This can't be a code.")


# -- inviting --------------------------------------------------------------------------------------------------------


def test_inviting(shop: Shop) -> None:
    """A1: each good address is kept and has a draft with the link, all have one together; the others are told of."""
    jane = shop.client()
    front = Front(shop, jane)
    answer = front.post("/invitations", {"emails": ["ann@ash.example", "x@y", "jane@x.example", "ben@birch.example"]})
    assert [one["email"] for one in answer["invited"]] == ["ann@ash.example", "ben@birch.example"]
    assert [(one["email"], one["code"]) for one in answer["refused"]] == [
        ("x@y", "email_invalid"),
        ("jane@x.example", "self_referral"),
    ]
    assert answer["refused"][1]["detail"] == "This is your own address. Invite somebody else."
    link = front.get()["sharing"]["link"]
    mails = [urlsplit(one["mailto"]) for one in answer["invited"]]
    assert [mail.path for mail in mails] == ["ann@ash.example", "ben@birch.example"]
    assert all(link in parse_qs(mail.query)["body"][0] for mail in mails)
    assert parse_qs(urlsplit(answer["together"]).query)["bcc"] == ["ann@ash.example,ben@birch.example"]
    assert kept(shop) == [("ann@ash.example", None), ("ben@birch.example", None)]


def test_who_was_invited(shop: Shop) -> None:
    """G2: addresses are masked, and whoever came is known again; another client sees nothing of it."""
    front = Front(shop, shop.client())
    front.post("/invitations", {"emails": ["kiera@x.example", "ann@ash.example"]})
    shop.referee(front.get()["code"]["text"])
    found = front.get("/invitations")
    assert [(one["address"], one["joined"]) for one in found["invited"]] == [
        ("a***@ash.example", False),
        ("k***@x.example", True),
    ]
    assert (found["sent_by"], found["closed"]) == ("own", None)
    assert found["draft"]["link"] in found["draft"]["message"]
    assert Front(shop, shop.client("Olga Other")).get("/invitations")["invited"] == []


def test_nobody_could_be_invited(shop: Shop) -> None:
    """Refused where no address is good, with what is wrong with each; once they are kept, they are there."""
    front = Front(shop, shop.client())
    front.post("/invitations", {"emails": ["ann@ash.example"]})
    answer = front.post("/invitations", {"emails": ["Ann@Ash.example", "x"]}, 409)
    assert answer["code"] == "already_invited"
    assert [one["code"] for one in answer["refused"]] == ["already_invited", "email_invalid"]
    shop.switch(on=False)
    assert front.post("/invitations", {"emails": ["ben@birch.example"]}, 409)["code"] == "program_off"
    found = front.get("/invitations")
    assert (found["draft"], found["closed"]["code"]) == (None, "program_off")


def test_a_day_has_its_limit() -> None:
    """A1: the addresses that are too many are told of, and those before them are kept."""
    with sqlite_shop(REFERRALS_INVITATIONS_PER_DAY=1) as shop:
        answer = Front(shop, shop.client()).post("/invitations", {"emails": ["ann@ash.example", "ben@birch.example"]})
        assert [one["code"] for one in answer["refused"]] == ["too_many_invitations"]
        assert kept(shop) == [("ann@ash.example", None)]


def test_invitations_that_we_send(sending_shop: Shop) -> None:
    """A1: with the client's own words and its link, or those of the draft; nothing is left for its mail app."""
    front = Front(sending_shop, sending_shop.client())
    answer = front.post("/invitations", {"emails": ["ann@ash.example"], "message": "Hello\r\nAnn"})
    assert (answer["invited"], answer["together"]) == ([{"email": "ann@ash.example", "mailto": None}], None)
    front.post("/invitations", {"emails": ["ben@birch.example"]})
    found = front.get("/invitations")
    assert found["sent_by"] == "sent"
    link = found["draft"]["link"]
    assert kept(sending_shop) == [
        ("ann@ash.example", f"Hello\nAnn\n\n{link}"),
        ("ben@birch.example", found["draft"]["message"]),
    ]
    assert front.post("/invitations", {"emails": ["cy@cedar.example"], "message": " "}, 409)["code"] == (
        "message_invalid"
    )
    sending_shop.switch(on=False)
    assert front.post("/invitations", {"emails": ["cy@cedar.example"]}, 409)["code"] == "program_off"


def test_a_message_that_no_database_takes(database_url: str) -> None:
    """A1: a NUL is told of, on the page as here, and does not break the page on PostgreSQL."""
    with shop_with(database_url, mails=True, REFERRALS_INVITATIONS="sent") as shop:
        front = Front(shop, shop.client())
        sent = {"emails": "ann@ash.example", "message": "Hello\0Ann"}
        csrf = front.get()["csrf"]
        page = front.browser.post("/portal/referrals/invite", data=sent | {csrf["field"]: csrf["token"]})
        assert (page.status_code, 'data-reason="message_invalid"' in page.text) == (422, True)
        front.post("/invitations", {"emails": ["ann@ash.example"], "message": "Hello\0Ann"}, 422)
        assert kept(shop) == []


def test_a_message_that_nobody_would_send(shop: Shop) -> None:
    """Words that would be lost are refused, and nobody is invited without them."""
    front = Front(shop, shop.client())
    answer = front.post("/invitations", {"emails": ["ann@ash.example"], "message": "Hello"}, 409)
    assert answer["code"] == "own_mail_app"
    assert kept(shop) == []


# -- preferences -----------------------------------------------------------------------------------------------------


def test_preferences(sending_shop: Shop) -> None:
    """K6: what is sent is kept, and what is not stays as it is."""
    front = Front(sending_shop, sending_shop.client())
    before = front.get("/preferences")
    assert (before["credit"], before["by_itself"], before["email"]) == ("org", False, "jane@x.example")
    assert all(one["wanted"] for one in before["mail"])

    def wanted(answer: Any) -> list[str]:
        return [one["kind"] for one in answer["mail"] if one["wanted"]]

    assert wanted(front.post("/preferences", {"mail": ["reward_issued", "attributed"]})) == [
        "attributed",
        "reward_issued",
    ]
    changed = front.post("/preferences", {"credit": "no"})
    assert (changed["credit"], wanted(changed)) == ("no", ["attributed", "reward_issued"])
    assert wanted(front.post("/preferences", {"mail": []})) == []
    assert front.get("/preferences")["credit"] == "no"
    assert front.post("/preferences", {}) == front.get("/preferences")


def test_emails_that_nobody_sends(shop: Shop) -> None:
    """Without a mailer there are none to choose from, and a choice is not lost in silence."""
    front = Front(shop, shop.client())
    assert front.get("/preferences")["mail"] is None
    answer = front.post("/preferences", {"credit": "yes", "mail": []}, 409)
    assert (answer["code"], answer["detail"]) == ("no_emails", "Maple & Sons sends no emails about referrals.")
    assert front.get("/preferences")["credit"] == "org"


# -- cash ------------------------------------------------------------------------------------------------------------


def test_credit_or_cash(cash_shop: Shop) -> None:
    """R6: the choice goes for every reward that is not given yet."""
    cash_shop.terms(referrer_reward=EITHER, hold_days=7)
    jane = cash_shop.client()
    cash_shop.referee(cash_shop.code(jane).text, paid=20000)
    front = Front(cash_shop, jane)
    found = front.get("/cash")
    assert (found["offered"], found["onboards"], found["choice"], found["kind"]) == (True, True, True, "credit")
    assert front.post("/cash/choice", {"kind": "cash"})["kind"] == "cash"
    cash_shop.clock.advance(days=7)
    with cash_shop.app.app_context():
        cash_shop.referrals.work()
    assert [one["code"] for one in front.get("/rewards")["rewards"]] == ["waits_bank_account"]
    later = Front(cash_shop, jane)  # a token of its own, since the first one's day is over
    assert later.post("/cash/choice", {"kind": "credit"})["waiting"] == []
    assert front.get()["balances"][0]["available"]["amount"] == "50.00"


def test_the_bank_account(cash_shop: Shop) -> None:
    """P1: one account however often it is asked for, a way there and back to the front end, and out of it again."""
    cash_shop.terms(referrer_reward={"kinds": ["cash"], "amount": "50.00"})
    jane = cash_shop.client()
    cash_shop.referee(cash_shop.code(jane).text, paid=20000)
    front = Front(cash_shop, jane)
    assert front.get("/cash")["account"] is None
    assert front.get("/cash/account", 409)["code"] == "no_accounts"
    for _ in range(2):
        url = front.post("/cash/link", {"back": "/app/cash?tab=bank"})["url"]
        assert url.startswith("https://gateway.example/acct_1?back=")
    assert front.get("/cash")["account"]["state"] == "onboarding"
    gateway_of(cash_shop).onboard("acct_1")
    returned = front.browser.get(url.partition("?back=")[2])
    assert (returned.status_code, returned.location) == (303, "/app/cash?tab=bank")
    account = front.get("/cash")["account"]
    assert (account["state"], account["word"], account["needs"]) == ("ready", "Ready", [])
    assert front.get("/cash/account")["url"] == "https://gateway.example/acct_1"
    cash_shop.clock.advance(hours=1)
    with cash_shop.app.app_context():
        cash_shop.referrals.work()
    [payout] = front.get("/cash")["payouts"]
    assert (payout["amount"]["amount"], payout["state"], payout["word"]) == ("50.00", "sent", "Sent")
    assert Front(cash_shop, cash_shop.client("Olga Other")).get("/cash")["payouts"] == []
    assert front.post("/cash/unlink")["account"] is None


def test_the_way_back_leads_nowhere_else(cash_shop: Shop) -> None:
    """No open redirect: neither the API takes such an address, nor do the pages behind it."""
    front = Front(cash_shop, cash_shop.client())
    front.post("/cash/link")
    for then in ("//evil.example", "/\\evil.example", "https://evil.example", "evil", "/\n/evil", ""):
        front.post("/cash/link", {"back": then}, 422)
        back = front.browser.get("/portal/referrals/cash/back", query_string={"then": then})
        assert back.location == "/portal/referrals/cash"
        again = front.browser.get("/portal/referrals/cash/go", query_string={"then": then})
        assert again.location == "https://gateway.example/acct_1?back=http://localhost/portal/referrals/cash/back"


def test_a_gateway_that_fails(cash_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4: told as the page tells it, and asked again later; a refusal's own words say what to change."""
    front = Front(cash_shop, cash_shop.client())
    gateway = gateway_of(cash_shop)

    def fail(error: Exception) -> Any:
        def failing(*args: Any, **values: Any) -> str:
            raise error

        return failing

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "create_account", fail(Refused("bad_name", "other", "The name is too long.")))
        assert front.post("/cash/link", status=503)["detail"] == "The name is too long."
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "onboarding_url", fail(Busy("rate_limit")))
        answer = front.post("/cash/link", status=503)
        assert (answer["code"], answer["detail"][:41]) == ("gateway", "The payment service does not answer at th")
    assert "url" in front.post("/cash/link")
    monkeypatch.setattr(gateway, "dashboard_url", fail(Busy("rate_limit")))
    assert front.get("/cash/account", 503)["code"] == "gateway"


def test_without_a_gateway(shop: Shop) -> None:
    """There is no account to link, and that is said."""
    front = Front(shop, shop.client())
    assert not front.get("/cash")["offered"]
    assert front.post("/cash/link", status=409)["code"] == "no_accounts"
    assert front.get("/cash/account", 409)["code"] == "no_accounts"
    assert front.post("/cash/unlink")["account"] is None


def test_a_refusal_changes_nothing(shop: Shop) -> None:
    """What is refused by its shape is refused as a whole, before anything is done."""
    jane = shop.client()
    old = shop.code(jane)
    front = Front(shop, jane)
    front.post("/code", {"code": "GREENLAWN", "extra": 1}, 422)
    front.post("/invitations", {"emails": ["ann@ash.example", "b\x00@birch.example"]}, 422)
    front.post("/preferences", {"credit": "yes", "mail": ["nothing"]}, 422)
    with shop.app.app_context():
        assert list(db.session.scalars(select(CodeRow.text))) == [old.text]
    assert kept(shop) == []
    assert front.get("/preferences")["credit"] == "org"
