"""Staff read why a referral and each of its rewards stand as they do, and what to do next (R9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from tests.minihost import ClientRow, InvoiceRow, db
from tests.web.admin_host import NEW_YORK, Office, open_office, statements


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """An office without terms yet."""
    with open_office(database_url) as found:
        yield found


def referred(office: Office, **terms: Any) -> tuple[ClientRow, ClientRow]:
    """Jane Smith, and Kiera Lopez who came by her, under terms without anything for Kiera."""
    office.save_terms(**{"discount": None, "referee_reward": None} | terms)
    jane = office.new_client("Jane Smith")
    return jane, office.new_client("Kiera Lopez", code=office.code_of(jane))


def paid(office: Office, subtotal: int = 10000, **terms: Any) -> InvoiceRow:
    """The invoice that Kiera paid."""
    _, kiera = referred(office, **terms)
    invoice = office.new_invoice(kiera, subtotal)
    office.pay(invoice)
    return invoice


def cards(office: Office, referral_id: int = 1) -> list[tuple[str, str]]:
    """Code and text of the referral and of each reward, newest first, as the page shows them."""
    page = office.text(f"/why/{referral_id}")
    found = re.findall(r'<section class="rf-card"[^>]*data-code="([^"]+)"[^>]*>(.*?)</section>', page, re.DOTALL)
    return [(code, " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())) for code, text in found]


def test_it_waits_for_a_payment(office: Office) -> None:
    """U3, R1: what qualifies it, and until when; no reward yet, and the terms as promised that day in words."""
    referred(office, min_paid="20.00", qualify_within_days=30, hold_days=14, discount={"percent": "15"})
    office.save_terms(discount={"percent": "99"})
    assert cards(office) == [
        (
            "waits_for_payment",
            "The referral Kiera Lopez has not paid a first invoice yet. Next: Nothing: it qualifies by itself once an"
            " invoice with $20.00 or more paid is settled. It expires on Feb 9, 2026 if none is.",
        )
    ]
    page = office.text("/why/1")
    assert "There is no reward yet" in page
    assert "15% off the first invoice" in page
    assert "The reward is given 14 days after that" in page
    assert "99%" not in page


def test_a_payment_below_the_minimum_is_told_with_its_figures(office: Office) -> None:
    """R1: paid 15.00 of 20.00 asked, with the invoice; a later payment of enough counts."""
    _, kiera = referred(office, min_paid="20.00")
    office.pay(office.new_invoice(kiera, 1500))
    ((code, text),) = cards(office)
    assert code == "below_minimum"
    assert "INV-0001 Kiera Lopez paid $15.00 of $20.00 asked." in text
    assert "once an invoice with $20.00 or more paid is settled." in text
    enough = office.new_invoice(kiera, 2500)
    office.pay(enough)
    (qualified, text), (issued, _) = cards(office)
    assert (qualified, issued) == ("qualified", "issued")
    assert "It counts, as number 1 of Jane Smith: it qualified by a payment of $25.00." in text
    office.refund(enough)
    assert cards(office)[0][0] == "undone"  # not the payment before it


def test_nothing_paid_and_another_currency(office: Office) -> None:
    """R1, M4: a payment of nothing, and one that cannot be compared."""
    _, kiera = referred(office, min_paid="20.00")
    free = office.new_invoice(kiera, 0)
    office.pay(free)
    assert "settled with nothing paid, in money or credit" in cards(office)[0][1]
    euros = InvoiceRow(client_id=kiera.id, subtotal=9000, currency="EUR")
    db.session.add(euros)
    db.session.flush()
    office.referrals.invoice_created(euros)
    office.pay(euros)
    ((code, text),) = cards(office)
    assert code == "other_currency"
    assert "paid €90.00, which cannot be compared with the terms' amounts in USD." in text


def test_a_hold(office: Office) -> None:
    """R5: until when, on the org's calendar, and that it ends by itself; then it was given."""
    office.host.zone = NEW_YORK
    paid(office, hold_days=14)
    code, text = cards(office)[1]
    assert code == "waits_hold"
    assert "$50.00 for Jane Smith INV-0001" in text
    assert "held until Jan 24, 2026, 14 days after it was earned, in case the payment is undone." in text
    office.clock.advance(days=15)
    office.referrals.work()
    assert cards(office)[1][1].endswith("It was given on Jan 25, 2026. Next: Nothing.")


@pytest.mark.parametrize("limit", ["per_month", "per_year", "total"])
def test_a_limit_of_rewards(office: Office, limit: str) -> None:
    """L1: how many are given of how many, by which limit, when it follows; let past by whom and why."""
    jane, kiera = referred(office, limits={limit: 1})
    office.pay(office.new_invoice(kiera))
    office.pay(office.new_invoice(office.new_client("Omar Reed", code=office.code_of(jane))))
    code, text = cards(office, 2)[1]
    period = {"per_month": "this month", "per_year": "this year", "total": "in all"}[limit]
    assert code == f"waits_{limit}"
    assert f"1 of 1 rewards {period} are given; this one is beyond." in text
    assert text.endswith("release it now. Decide")
    assert 'href="/admin/referrals/referrals/2#decide"' in office.text("/why/2")
    office.post("/referrals/2/decide", reward="2", action="release", reason="a good client")
    code, text = cards(office, 2)[1]
    assert code == "issued"
    assert "Let past the limit by Olivia on Jan 10, 2026: a good client" in text


def test_a_limit_that_turned_or_went(office: Office) -> None:
    """L1: a place that is free by now, and a limit that the terms in force do not have any more."""
    jane, kiera = referred(office, limits={"per_month": 1})
    office.pay(office.new_invoice(kiera))
    office.pay(office.new_invoice(office.new_client("Omar Reed", code=office.code_of(jane))))
    office.clock.advance(days=31)
    assert "A place is free by now: 0 of 1 rewards this month are given." in cards(office, 2)[1][1]
    office.save_terms()
    assert "a limit that the terms in force do not have any more" in cards(office, 2)[1][1]


def test_the_budget(office: Office) -> None:
    """L1: what is used of it, what is left, and what this reward is."""
    jane, kiera = referred(office, limits={"budget": "80.00"})
    office.pay(office.new_invoice(kiera))
    office.pay(office.new_invoice(office.new_client("Omar Reed", code=office.code_of(jane))))
    code, text = cards(office, 2)[1]
    assert code == "waits_budget"
    assert "$50.00 of the budget of $80.00 is used; $30.00 is left, and this reward is $50.00." in text


def test_approval(office: Office) -> None:
    """R8: since when it waits; approved by whom and why."""
    paid(office, approval="all")
    code, text = cards(office)[1]
    assert code == "waits_approval"
    assert "It waits since Jan 10, 2026 until staff approve it. Next: Approve or refuse it. Decide" in text
    office.post("/referrals/1/decide", reward="1", action="approve", reason="known to us")
    code, text = cards(office)[1]
    assert code == "issued"
    assert "Approved by Olivia on Jan 10, 2026: known to us" in text


def test_a_refusal(office: Office) -> None:
    """R8: refused by whom, when and why, and that nothing follows by itself."""
    paid(office, approval="all")
    office.post("/referrals/1/decide", reward="1", action="refuse", reason="same household")
    code, text = cards(office)[1]
    assert code == "cancelled_refused_by_staff"
    assert "It was cancelled on Jan 10, 2026 before it was issued, since staff refused it." in text
    assert "Cancelled by Olivia on Jan 10, 2026: same household" in text


def test_flags_are_named(office: Office) -> None:
    """L2: at the referral, and at the reward that waits because of them."""
    office.save_terms(discount=None, referee_reward=None, approval="flagged")
    jane = office.new_client("Jane Smith")
    kiera = ClientRow(name="Kiera Lopez", email="kiera@mailinator.com")
    db.session.add(kiera)
    db.session.flush()
    office.referrals.client_registered(kiera, office.code_of(jane))
    db.session.commit()
    office.pay(office.new_invoice(kiera))
    (_, whole), (code, text) = cards(office)
    assert code == "waits_approval"
    assert "Flagged: a throw-away email address." in whole
    assert "until staff approve it (flagged: a throw-away email address)." in text


def test_a_rejection(office: Office) -> None:
    """U4: rejected by whom and why, and what was taken back; the reason stands at the reward too."""
    paid(office)
    office.post("/referrals/1/reject", reason="wrong person")
    (code, whole), (reward, text) = cards(office)
    assert (code, reward) == ("rejected", "reversed_rejected")
    assert "Rejected by Olivia on Jan 10, 2026: wrong person" in whole
    assert "enter that referral by hand" in whole
    assert "$50.00 was taken back on Jan 10, 2026, since the referral was rejected." in text


def test_a_refund_takes_back(office: Office) -> None:
    """U1, K5: what was taken back and why; where it was spent, how far below zero the balance is; then earned anew."""
    invoice = paid(office)
    own = office.new_invoice(db.session.get_one(ClientRow, 1), 3000)
    office.referrals.use_credit(own)
    db.session.commit()
    office.pay(own)
    office.refund(invoice)
    (code, whole), (reward, text) = cards(office)
    assert (code, reward) == ("undone", "reversed_refunded")
    assert "It had qualified by a payment of $100.00, and that payment was undone." in whole
    assert "$50.00 was taken back on Jan 10, 2026, since the payment was refunded." in text
    assert "Some of it was spent already: the balance is −$30.00." in text
    office.pay(invoice)
    assert [one for one, _ in cards(office)] == ["qualified", "issued", "reversed_refunded"]


def test_a_refund_during_the_hold_cancels(office: Office) -> None:
    """U1: nothing had been given."""
    office.refund(paid(office, hold_days=14))
    code, text = cards(office)[1]
    assert code == "cancelled_refunded"
    assert "before it was issued, since the payment was refunded." in text
    assert "a new qualifying payment makes a new reward" in text


def test_a_part_goes_back_and_the_rest_expires(office: Office) -> None:
    """U2, K3: in proportion, of how much; what expires when, and what has."""
    invoice = paid(office, referrer_reward={"percent": "10"}, credit_expires_days=30)
    invoice.paid = 5000
    office.referrals.invoice_refunded(invoice)
    db.session.commit()
    code, text = cards(office)[1]
    assert code == "reduced"
    assert "$5.00 of $10.00 was taken back, in proportion to the part of the payment that went back." in text
    assert "What is not spent by Feb 9, 2026 expires." in text
    office.clock.advance(days=30)
    office.referrals.work()
    assert "$5.00 of it expired unspent." in cards(office)[1][1]
    office.refund(invoice)
    assert "$5.00 of it had expired, and is not taken back a second time." in cards(office)[1][1]


def test_an_expired_referral(office: Office) -> None:
    """U3: within which days, by when, and that it earns nothing any more."""
    _, kiera = referred(office, qualify_within_days=30, min_paid="20.00")
    office.pay(office.new_invoice(kiera, 1500))
    office.clock.advance(days=31)
    office.referrals.work()
    ((code, text),) = cards(office)
    assert code == "expired"
    assert (
        "No invoice qualified it within 30 days, by Feb 9, 2026. The last payment was $15.00 of $20.00 asked." in text
    )


def test_a_voucher(office: Office) -> None:
    """R7: a free service, not used yet; taken back with its referral."""
    mowing = {"kinds": ["service"], "service": {"name": "Lawn mowing"}}
    invoice = paid(office, referrer_reward=mowing)
    code, text = cards(office)[1]
    assert code == "issued"
    assert "Free: Lawn mowing for Jane Smith" in text
    assert "Its voucher has not been used yet." in text
    assert "it comes off an invoice that has a line for Lawn mowing" in text
    office.refund(invoice)
    assert "Its voucher was taken back on Jan 10, 2026, since the payment was refunded." in cards(office)[1][1]


def test_a_tier_and_a_milestone(office: Office) -> None:
    """R2, R3: which number brought which reward."""
    jane, kiera = referred(office, tiers=[{"from": 2, "amount": "70.00"}], milestones=[{"at": 2, "amount": "25.00"}])
    office.pay(office.new_invoice(kiera))
    office.pay(office.new_invoice(office.new_client("Omar Reed", code=office.code_of(jane))))
    texts = " ".join(text for _, text in cards(office, 2))
    assert "by the tier for number 2." in texts
    assert "as the extra for 2 referrals." in texts


def test_it_is_linked_and_only_for_the_orgs_staff(office: Office) -> None:
    """A5: from the referral's page; not there for another org, for no number, and not for who is no staff."""
    paid(office)
    assert 'href="/admin/referrals/why/1"' in office.text("/referrals/1")
    with statements() as sent:
        page = office.text("/why/1")
    assert len(sent) == 5  # referral, log, rewards, program, accounts
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    office.host.org = "other"
    for referral_id in (1, 2, 0, 10**30):
        assert office.get(f"/why/{referral_id}").status_code == 404
    office.host.staff = False
    assert office.get("/why/1").status_code != 200
