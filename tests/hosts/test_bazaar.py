"""What is special about bazaar: a user of several shops, events after the commit, two apps over one database."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client as Browser

from flask_referrals.adapters import verbs
from flask_referrals.services import rewards
from tests.databases import fresh_database
from tests.web.houses import forms, hidden

from .drivers.bazaar import SECRET, Bazaar
from .plugging import HERE, read_plug

pytestmark = pytest.mark.hosts
_NUMBERS = count()


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bazaar]:
    """It runs on one database, with both shops' programs on; each test has people of its own."""
    copy = read_plug("bazaar").put_into(tmp_path_factory.mktemp("bazaar"))
    with fresh_database("sqlite") as url, Bazaar.running(copy, url) as found:
        with found.in_shop("lamps"), found.context():
            found.switch_on()
        yield found
        with found.context():
            assert list(found.referrals.verify_ledger()) == []


@pytest.fixture
def pair(driver: Bazaar) -> tuple[str, str]:
    """Jane, and Kiera who came by her to the tea shop."""
    jane = somebody(driver, "Jane Smith")
    return jane, somebody(driver, "Kiera Lopez", driver.code(jane))


def somebody(driver: Bazaar, name: str, code: str = "") -> str:
    """A new user."""
    return driver.register(name, f"user{next(_NUMBERS)}@mail.example", code)


def link(driver: Bazaar, client_id: str) -> str:
    """The path of the client's link to the shop."""
    return f"/r/{driver.org}/{driver.code(client_id)}"


def via(driver: Bazaar, client_id: str) -> str | None:
    """By which way the client came to the shop."""
    with driver.context():
        lines = driver.referrals.activity(driver.value(client_id))
    return next((line.data.get("via") for line in lines if line.kind == "attributed"), None)


def test_one_user_of_two_shops(driver: Bazaar, pair: tuple[str, str]) -> None:
    """§3.15: what a user has and did in one shop is nothing in the other, though its id is the same."""
    jane, kiera = pair
    driver.pay(driver.invoice(kiera))
    assert (driver.state(kiera), driver.credit(jane)) == ("qualified", 50)
    tea_code = driver.code(jane)
    with driver.in_shop("lamps"):
        with driver.context():
            assert driver.value(jane).org == "lamps"
        assert (driver.state(kiera), driver.discount(kiera), driver.credit(jane)) == (None, 0, 0)
        assert driver.code(jane) != tea_code
        stranger = somebody(driver, "Noa Elm", tea_code)
        assert driver.state(stranger) is None
        with driver.context():
            [refused] = driver.referrals.activity(driver.value(stranger))
        assert refused.data["reason"] == "code_not_found"
        assert "Kiera" not in driver.browsers[jane].get("/shops/lamps/referrals/").text
    assert "Kiera" in driver.browsers[jane].get("/shops/tea/referrals/").text


def test_who_paid_in_one_shop_is_new_in_the_other(driver: Bazaar, pair: tuple[str, str]) -> None:
    """A3, D1: an `existing_client` is one of this shop; its link works for a user who has long signed up."""
    jane, kiera = pair
    driver.pay(driver.invoice(kiera))
    with driver.in_shop("lamps"):
        driver.browsers[kiera].get(link(driver, jane))
        order = driver.invoice(kiera)
        assert (driver.state(kiera), via(driver, kiera), driver.discount(kiera)) == ("pending", "link", 30)
        assert driver.sees(order).org == "lamps"
        driver.pay(order)
        assert driver.credit(jane) == 50
    assert driver.credit(jane) == 50


def test_an_old_buyer_is_not_won_again(driver: Bazaar) -> None:
    """A3: who has paid here before gets nothing by a link, and no order fails for it."""
    jane, sam = somebody(driver, "Jane Smith"), somebody(driver, "Sam Stone")
    driver.pay(driver.invoice(sam))
    driver.browsers[sam].get(link(driver, jane))
    driver.pay(driver.invoice(sam))
    assert (driver.state(sam), driver.credit(jane)) == (None, 0)


def test_the_link_and_the_sign_up(driver: Bazaar) -> None:
    """C5, A1: a link leads to the shop's sign-up, whose view is as its author left it, and makes the referral."""
    jane, browser = somebody(driver, "Jane Smith"), driver.app.test_client()
    assert browser.get(link(driver, jane)).location == "/sign-up?shop=tea"
    kiera = driver.sign_up(browser, "Kiera Lopez", f"user{next(_NUMBERS)}@mail.example", shop="tea")
    assert (driver.state(kiera), via(driver, kiera)) == ("pending", "link")
    assert not [edit for edit in read_plug("bazaar").edits if edit["file"].endswith("account.py")]


def test_links_of_two_shops(driver: Bazaar) -> None:
    """C5, §3.15: a visitor may have followed a link to each shop; neither is forgotten for the other."""
    jane, browser = somebody(driver, "Jane Smith"), driver.app.test_client()
    browser.get(link(driver, jane))
    with driver.in_shop("lamps"):
        browser.get(link(driver, jane))
    kiera = driver.sign_up(browser, "Kiera Lopez", f"user{next(_NUMBERS)}@mail.example", shop="tea")
    with driver.in_shop("lamps"):
        driver.invoice(kiera)
        assert via(driver, kiera) == "link"
    assert via(driver, kiera) == "link"


def test_signed_up_at_no_shop_the_link_waits_for_the_first_order(driver: Bazaar) -> None:
    """C5: somebody who wanders off to the front page before signing up is not lost."""
    jane, browser = somebody(driver, "Jane Smith"), driver.app.test_client()
    browser.get(link(driver, jane))
    kiera = driver.sign_up(browser, "Kiera Lopez", f"user{next(_NUMBERS)}@mail.example")
    assert driver.state(kiera) is None
    driver.invoice(kiera)
    assert (driver.state(kiera), driver.discount(kiera)) == ("pending", 30)


def test_what_fails_after_the_commit_is_kept(
    driver: Bazaar, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.5: the merchant's payment stands, and whichever app's worker comes next makes up for the reward."""
    jane, kiera = pair
    order = driver.invoice(kiera)
    with monkeypatch.context() as patch:

        def fail(*arguments: Any, **named: Any) -> None:
            raise RuntimeError("planted")

        patch.setattr(rewards, "make", fail)
        driver.act(order, "paid", reference="bank")
    assert (driver.sees(order).settled, driver.credit(jane)) == (True, 0)
    code, output = driver.command("doctor")
    assert (code, "1 facts could not be acted on yet, such as: RuntimeError: planted" in output) == (0, True)
    assert driver.command("work")[1].startswith("repaired 1")
    assert (driver.state(kiera), driver.credit(jane)) == ("qualified", 50)


def test_nothing_of_ours_is_left_uncommitted(
    driver: Bazaar, pair: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """§3.4: over the whole loop, a cancelled order and a part of the money too, our log has no error and no warning."""
    caplog.set_level(logging.WARNING, "flask_referrals")
    jane, kiera = pair
    driver.act(driver.invoice(kiera), "cancel")
    assert (driver.state(kiera), driver.discount(kiera)) == ("pending", 0)
    order = driver.invoice(kiera)
    driver.pay(order)
    driver.act(order, "refund", amount="50")
    assert driver.credit(jane) == 50
    driver.undo(order)
    assert driver.credit(jane) == 0
    driver.pay_again(order)
    assert driver.credit(jane) == 50
    assert driver.command("reconcile") == (0, "nothing was missed, and nothing is wrong\n")
    assert [record.getMessage() for record in caplog.records if record.name == "flask_referrals"] == []


def test_one_app_sees_what_the_other_has_committed(driver: Bazaar, pair: tuple[str, str]) -> None:
    """§3.10: the buyer's order in the back office, and the merchant's switch at the storefront, at once."""
    jane, kiera = pair
    assert "Kiera Lopez" in driver.merchant.get(f"/tea/referrals/?q={jane}").text
    driver.pay(driver.invoice(kiera))
    page = driver.merchant.get(f"/tea/referrals/clients/{jane}").text
    assert "€50.00" in page
    assert f"https://bazaar.example{link(driver, jane)}" in page
    portal = "/shops/tea/referrals/"
    assert "closed at the moment" not in driver.browsers[jane].get(portal).text
    for program in ("off", "on"):
        shown = forms(driver.merchant.get("/tea/referrals/settings").text)
        form = next(one for one in shown if 'action="/tea/referrals/switch"' in one)
        assert driver.merchant.post("/tea/referrals/switch", data=hidden(form)).status_code == 303
        assert ("closed at the moment" in driver.browsers[jane].get(portal).text) == (program == "off")


def test_each_event_is_acted_on_once(driver: Bazaar, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """§3.10: both apps are set up in one process, and a payload reaches a verb once, in the app that sent it."""
    seen: Counter[tuple[str, str]] = Counter()
    heard = verbs.invoice_event

    def counting(state: Any, record: Any, verb: Any, reason: str | None = None) -> Any:
        seen[state.app.name.rpartition(".")[2], verb] += 1
        return heard(state, record, verb, reason)

    monkeypatch.setattr(verbs, "invoice_event", counting)
    jane, kiera = pair
    order = driver.invoice(kiera)
    driver.pay(order)
    driver.undo(order)
    driver.act(driver.invoice(jane), "cancel")
    assert seen == {
        ("storefront", "created"): 2, ("storefront", "paid"): 1, ("backoffice", "refunded"): 1,
        ("backoffice", "voided"): 1,
    }  # fmt: skip
    with driver.context():
        kinds = Counter(line.kind for line in driver.referrals.activity(driver.value(jane)))
    assert (kinds["attributed"], kinds["reward_issued"], kinds["reward_reversed"]) == (1, 1, 1)


def test_each_merchant_has_its_own_shop_only(driver: Bazaar, pair: tuple[str, str]) -> None:
    """A5, §3.7: another's shop leads to the login, one that there is not nowhere, a buyer's session to nothing."""
    tina = driver.merchants["tea"]
    assert tina.get("/tea/referrals/").status_code == 200
    assert tina.get("/lamps/referrals/").location == "/login?next=/lamps/referrals/"
    assert tina.get("/books/referrals/").status_code == 404
    assert driver.browsers[pair[0]].get("/shops/books/referrals/").status_code == 404
    assert driver.browsers[pair[0]].get("/tea/referrals/").status_code == 404


def test_mounted_as_in_wsgi(driver: Bazaar, pair: tuple[str, str]) -> None:
    """§3.11: below /backoffice our links, styles and logins are that app's, and keep to the shop."""
    site = Browser(DispatcherMiddleware(driver.app, {"/backoffice": driver.backoffice}))
    inside = "/backoffice/tea/referrals"
    assert site.get(f"{inside}/").location == f"/backoffice/login?next={inside}/"
    site.post("/backoffice/login", data={"email": "owner@tea.example", "password": SECRET})
    page = site.get(f"{inside}/").text
    for part in (f'href="{inside}/settings"', f'href="{inside}/-/static/admin.css"', 'href="/backoffice/tea/orders"'):
        assert part in page
    with site.get(f"{inside}/-/static/admin.css") as style:
        assert style.mimetype == "text/css"
    login = site.get("/shops/lamps/referrals/").location
    assert login == "/login?next=/shops/lamps/referrals/"


def test_the_app_is_as_its_author_left_it(tmp_path: Path) -> None:
    """§3: besides the new module, three files have one line more, and no other byte differs."""
    copy = read_plug("bazaar").put_into(tmp_path)
    changed = set()
    for path in (path for path in copy.rglob("*") if path.is_file()):
        original = HERE / "bazaar" / path.relative_to(copy)
        if not original.exists() or original.read_bytes() != path.read_bytes():
            changed.add(str(path.relative_to(copy)))
    assert changed == {"bazaar/referrals.py", *(edit["file"] for edit in read_plug("bazaar").edits)}
