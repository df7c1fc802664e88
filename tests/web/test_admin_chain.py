"""Staff follow one referral from the visit to the spending of what it earned, through undo and re-earning."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from flask_referrals import Money
from flask_referrals.adapters import links
from flask_referrals.errors import NotFoundError
from flask_referrals.services.chain import chain
from tests.minihost import ClientRow, InvoiceRow, db
from tests.web.admin_host import Office, open_office, statements


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """An office whose program is on."""
    with open_office(database_url) as found:
        found.save_terms()
        yield found


def play(office: Office) -> tuple[ClientRow, ClientRow, InvoiceRow, InvoiceRow]:
    """Jane's link, Kiera's first invoice, Jane spending; a day between any two of them."""
    jane = office.new_client("Jane Smith")
    code = office.code_of(jane)
    visit = links.sign(office.app, links.Followed("default", code, office.clock()))
    office.clock.advance(days=1)
    kiera = office.new_client("Kiera Lopez", link=visit)
    office.clock.advance(days=1)
    first = office.new_invoice(kiera)
    office.clock.advance(days=1)
    office.pay(first)
    office.clock.advance(days=1)
    own = office.new_invoice(jane, 3000)
    office.referrals.use_credit(own)
    db.session.commit()
    office.clock.advance(days=1)
    office.pay(own)
    return jane, kiera, first, own


def steps(office: Office, referral_id: int = 1) -> list[tuple[str, str, str | None, str | None]]:
    found = chain(db.session.connection(), "default", referral_id)
    return [(step.kind, step.side, _amount(step.amount), _amount(step.balance)) for step in found.steps]


def _amount(money: Money | None) -> str | None:
    return None if money is None else str(money.amount)


FULL_LOOP = [
    ("touched", "referee", None, None),
    ("attributed", "referrer", None, None),
    ("discount_applied", "referee", "30.00", None),
    ("qualified", "referrer", "170.00", None),
    ("reward_issued", "referrer", "50.00", "50.00"),
    ("reward_issued", "referee", "5.00", "5.00"),
    ("credit_held", "referrer", "30.00", None),
    ("credit_captured", "referrer", "30.00", "20.00"),
]


def test_a_full_loop_is_told_from_visit_to_redemption(office: Office) -> None:
    """Each step stands once, in order, with its amount and the balance that the books show after it."""
    play(office)
    assert steps(office) == FULL_LOOP
    found = chain(db.session.connection(), "default", 1)
    times = [step.at for step in found.steps]
    assert times == sorted(times)
    assert times[0] == found.touched_at < found.attributed_at


def test_undo_and_re_earning_are_told_too(office: Office) -> None:
    """A refund takes both rewards and the discount back with its reason; paying again brings new ones."""
    _, _, first, _ = play(office)
    office.refund(first)
    office.pay(first)
    undone = steps(office)[len(FULL_LOOP) :]
    assert sorted(undone[:3]) == [
        ("discount_released", "referee", "30.00", None),
        ("reward_reversed", "referee", "5.00", "0.00"),
        ("reward_reversed", "referrer", "50.00", "-30.00"),
    ]
    assert [step for step in undone[3:] if step[0] == "reward_issued"] == [
        ("reward_issued", "referrer", "50.00", "20.00"),
        ("reward_issued", "referee", "5.00", "5.00"),
    ]
    found = chain(db.session.connection(), "default", 1)
    assert [(reward.side, reward.state, reward.epoch) for reward in found.rewards] == [
        ("referrer", "reversed", 1),
        ("referee", "reversed", 1),
        ("referrer", "issued", 2),
        ("referee", "issued", 2),
    ]


def test_the_page_shows_the_chain_with_the_promise_of_that_day(office: Office) -> None:
    """Times, amounts, invoices and the old terms are there, though the terms have changed since."""
    play(office)
    office.save_terms(discount={"percent": "99"})
    page = office.text("/referrals/1")
    for part in (
        "Jane Smith recommended Kiera Lopez",
        "Kiera Lopez opened the referral link of Jane Smith",
        "10 Jan 2026, 09:00",
        "15% off the first invoice",
        "Kiera Lopez got $30.00 off",
        "Jane Smith was credited $50.00",
        "Balance after: $50.00",
        "Jane Smith paid $30.00 with credit",
        '<a href="/staff/invoices/2">INV-0002</a>',
        'href="/staff/clients/1"',
    ):
        assert part in page, part
    assert "99%" not in page


def test_the_cost_does_not_grow_with_the_history(office: Office) -> None:
    """The page takes five statements of ours, for one visit to it as for a referrer with many others."""
    jane, *_ = play(office)
    code = office.code_of(jane)
    for number in range(5):
        office.pay(office.new_invoice(office.new_client(f"Client {number}", code=code)))
    with statements() as sent:
        office.text("/referrals/1")
    assert len(sent) == 5
    assert steps(office) == FULL_LOOP


def test_another_orgs_referral_is_not_there(office: Office) -> None:
    """Neither by its page nor by the service, and no number breaks the page."""
    play(office)
    office.host.org = "other"
    for referral_id in (1, 2, 0, 10**30):
        assert office.get(f"/referrals/{referral_id}").status_code == 404
    with pytest.raises(NotFoundError):
        chain(db.session.connection(), "other", 1)


def test_the_hosts_client_page_shows_both_sides(office: Office) -> None:
    """The macro tells the new client's own chain, and the referrer's referrals, credit and code, escaped."""
    jane, kiera, *_ = play(office)
    office.new_client("<b>Noah</b>", code=office.code_of(jane))
    referrer = office.browser.get(f"/staff/clients/{jane.id}").text
    assert "&lt;b&gt;Noah&lt;/b&gt;" in referrer
    assert "<b>Noah" not in referrer
    assert "Kiera Lopez" in referrer
    assert "$20.00" in referrer
    referee = office.browser.get(f"/staff/clients/{kiera.id}").text
    assert "Recommended by" in referee
    assert "Kiera Lopez was credited $5.00" in referee
    assert re.search(r'href="/admin/referrals/referrals/1"', referee)
    stranger = office.new_client("Olga Stone")
    assert "Nobody recommended this client" in office.browser.get(f"/staff/clients/{stranger.id}").text


def test_no_page_has_inline_style_or_script(office: Office) -> None:
    """All of it works under a policy that allows files of our own only."""
    play(office)
    pages = [office.text(path) for path in ("/", "/referrals/1", "/settings", "/versions", "/versions/1")]
    for page in [*pages, office.browser.get("/staff/clients/1").text]:
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
