"""Staff's desk for cash, by HTTP: payments by hand, a bank run, failed payouts sent anew, tax details (P7)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_referrals.adapters.manual import ManualGateway
from flask_referrals.adapters.state import get_state
from flask_referrals.services import banks, privacy
from flask_referrals.testing import FakeGateway, FrozenClock
from tests.databases import fresh_database
from tests.integration.test_cash import CASH, CashWorld
from tests.minihost import MiniHost, create_app, db

PAYOUTS = "/admin/referrals/payouts"
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


class StaffHost(MiniHost):
    """Whoever asks is staff."""

    def is_staff(self) -> bool:
        return True


class Desk(CashWorld):
    """A world in which staff look at payouts."""

    def see(self, which: str = "waiting") -> str:
        """One of the lists."""
        with self.app.test_client() as browser:
            return browser.get(f"{PAYOUTS}?list={which}").get_data(as_text=True)

    def act(self, **fields: Any) -> TestResponse:
        """A form of the page is sent, with its token, and the way back is followed."""
        with self.app.test_client() as browser:
            page = browser.get(PAYOUTS).get_data(as_text=True)
            token = dict(HIDDEN.findall(page))
            return browser.post(f"{PAYOUTS}/act", data=token | fields, follow_redirects=True)


def desk_with(gateway: Any, clock: FrozenClock) -> Iterator[Desk]:
    """Staff's desk with this gateway, on SQLite."""
    with fresh_database("sqlite") as url:
        app = create_app(url, clock, gateway=gateway)
        with app.app_context():
            db.create_all()
            app.extensions["referrals_object"].create_all()
            get_state().host = StaffHost()
            found = Desk(app, clock)
            found.gateway = gateway
            found.terms(discount=None, referrer_reward=CASH)
            yield found
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def by_hand() -> Iterator[Desk]:
    """Where staff pay by hand."""
    yield from desk_with(ManualGateway(), FrozenClock())


@pytest.fixture
def sent() -> Iterator[Desk]:
    """Where a gateway sends."""
    clock = FrozenClock()
    yield from desk_with(FakeGateway(clock), clock)


def test_a_bank_run_by_hand(by_hand: Desk) -> None:
    """The CSV has what waits, safe to open; what is marked is paid, once."""
    jane = by_hand.client("=Jane Smith")
    by_hand.earn(jane, "Ann Ash")
    by_hand.work(hours=1)
    page = by_hand.see()
    assert "$50.00" in page
    assert "CSV for a bank run" in page
    with by_hand.app.test_client() as browser:
        rows = list(csv.DictReader(io.StringIO(browser.get(f"{PAYOUTS}/bank-run.csv").get_data(as_text=True))))
    assert [(row["name"], row["amount"], row["currency"]) for row in rows] == [("'=Jane Smith", "50.00", "USD")]
    number = by_hand.referrals.payouts(by_hand.value(jane))[0].id
    assert "Tick the payouts first." in by_hand.act(action="paid").get_data(as_text=True)
    assert "Marked as paid." in by_hand.act(action="paid", payout=number).get_data(as_text=True)
    assert "Nothing was changed" in by_hand.act(action="paid", payout=number).get_data(as_text=True)
    db.session.rollback()
    assert by_hand.payouts(jane) == [(5000, "paid", None)]


def test_a_failed_payout_is_sent_anew(sent: Desk) -> None:
    """Staff see why, and send what was in it as another one."""
    jane = sent.client("Jane Smith")
    sent.link(jane)
    sent.earn(jane, "Ann Ash")
    sent.gateway.fail("account_closed")
    sent.work(hours=1)
    assert "account_invalid" in sent.see("failed")
    number = sent.referrals.payouts(sent.value(jane))[0].id
    assert "as another payout" in sent.act(action="anew", payout=number, list="failed").get_data(as_text=True)
    sent.link(jane)
    sent.work(hours=1)
    assert [state for _, state, _ in sent.payouts(jane)] == ["failed", "sent"]


def test_tax_details_and_wrong_input(sent: Desk) -> None:
    """Each button says what is missing; nothing else is changed."""
    sent.terms(discount=None, referrer_reward=CASH, yearly_limit="10.00")
    jane = sent.client("Jane Smith")
    sent.link(jane)
    sent.earn(jane, "Ann Ash")
    sent.work(hours=1)
    assert "tax details" in sent.see()
    for fields, told in (
        ({"action": "tax"}, "Say for which client."),
        ({"action": "tax", "client": "nobody"}, "has earned anything"),
        ({"action": "nonsense"}, "Press one of the buttons."),
        ({"action": "settle", "debt": "7", "note": "x"}, "Nothing was changed"),
    ):
        assert told in sent.act(**fields).get_data(as_text=True)
    assert "Noted." in sent.act(action="tax", client=str(jane.id)).get_data(as_text=True)
    sent.work(hours=1)
    assert sent.payouts(jane) == [(5000, "sent", None)]


def test_a_form_without_its_token_does_nothing(sent: Desk) -> None:
    """As every form of ours."""
    with sent.app.test_client() as browser:
        assert browser.post(f"{PAYOUTS}/act", data={"action": "pause"}).status_code == 400


def test_what_staff_read_of_cash(sent: Desk) -> None:
    """The log and the chain say cash, and nowhere credit; data of the client's holds its payouts, and can be erased."""
    jane = sent.client("Jane Smith")
    sent.link(jane)
    sent.earn(jane, "Ann Ash")
    sent.work(hours=1)
    with sent.app.test_client() as browser:
        log = browser.get(f"/admin/referrals/clients/{jane.id}").get_data(as_text=True)
        chain = browser.get("/admin/referrals/referrals/1").get_data(as_text=True)
    assert "is paid $50.00 in cash" in log
    assert "A payout of $50.00 was sent to" in log
    assert "linked an account for payouts" in log
    assert "is paid $50.00 in cash" in chain
    found = privacy.export(db.session.connection(), "default", str(jane.id))
    assert [one["state"] for one in found["payouts"]] == ["sent"]
    assert len(found["bank accounts"]) == 1
    state = get_state()
    state.run(lambda unit: privacy.erase(unit, "default", str(jane.id)), commit=True)
    assert state.run(lambda unit: banks.find(unit, "default", str(jane.id)), commit=True) is None
