"""The loop through the plain calls: attribution, discount, reward, undo, credit; on each database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flask_referrals import Money, signals
from tests.minihost import InvoiceRow, MiniHost, db
from tests.worlds import World, usd


def test_a_payment_rewards_the_referrer_once(world: World) -> None:
    """D1, R1, R4, R5: 15% off, then 50 credit in the payment's transaction, however often it is announced."""
    world.terms()
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    invoice = world.invoice(kiera, 20000)
    assert invoice.discount == 3000
    for _ in range(3):
        world.pay(invoice)
    assert (world.credit(jane), world.credit(kiera), world.state(kiera)) == (5000, 0, "qualified")
    assert world.invoice(kiera, 8000).discount == 0
    assert world.kinds(jane) == ["code_created", "attributed", "discount_applied", "qualified", "reward_issued"]
    assert world.kinds(kiera) == ["attributed", "discount_applied", "qualified", "reward_issued"]


def test_a_rolled_back_payment_leaves_no_reward(world: World) -> None:
    """R5: the reward is in the very transaction of the payment; both commit or neither."""
    world.terms()
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    invoice = world.invoice(kiera, 20000)
    invoice.paid, invoice.settled = invoice.total, True
    world.referrals.invoice_paid(invoice)
    assert world.credit(jane) == 5000
    db.session.rollback()
    assert (world.credit(jane), world.state(kiera), invoice.settled) == (0, "pending", False)
    world.pay(invoice)
    assert world.credit(jane) == 5000


def test_both_sides_are_rewarded_and_undone(world: World) -> None:
    """R4, U1: each side has a reward of its own, and a refund takes both back."""
    world.terms(referee_reward={"amount": "5.00"})
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    invoice = world.invoice(kiera, 20000)
    world.pay(invoice)
    assert (world.credit(jane), world.credit(kiera)) == (5000, 500)
    world.refund(invoice)
    world.refund(invoice)
    assert (world.credit(jane), world.credit(kiera), world.state(kiera)) == (0, 0, "pending")
    assert [line.state for line in world.referrals.rewards(world.value(jane))] == ["reversed"]


def test_what_was_undone_is_earned_anew(world: World) -> None:
    """U1, D5: a later payment qualifies again, with a new reward and the freed discount; n counts who stands now."""
    world.terms()
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    omar = world.client("Omar Haddad", world.code(jane))
    first = world.invoice(kiera, 20000)
    world.pay(first)
    world.refund(first)
    world.pay(world.invoice(omar, 1000))
    second = world.invoice(kiera, 10000)
    assert second.discount == 1500
    world.pay(second)
    found = [(line.state, line.n) for line in world.referrals.rewards(world.value(jane))]
    assert found == [("reversed", 1), ("issued", 1), ("issued", 2)]
    assert world.credit(jane) == 10000


def test_a_refunded_invoice_that_is_paid_again_uses_its_discount_again(world: World) -> None:
    """D3, D5: once is once, also through a refund and a second payment of the same invoice."""
    world.terms()
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    invoice = world.invoice(kiera, 20000)
    world.pay(invoice)
    world.refund(invoice)
    world.pay(invoice)
    assert (world.credit(jane), world.state(kiera)) == (5000, "qualified")
    assert world.invoice(kiera, 20000).discount == 0


def test_a_partial_refund_leaves_a_flat_reward_while_what_stays_qualifies(world: World) -> None:
    """U2: above the smallest amount nothing changes; below it the referral is pending again."""
    world.terms(min_paid="60.00")
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    invoice = world.invoice(kiera, 20000)
    world.pay(invoice)
    world.refund(invoice, 10000)
    assert (world.credit(jane), world.state(kiera)) == (5000, "qualified")
    world.refund(invoice, 1001)
    assert (world.credit(jane), world.state(kiera)) == (0, "pending")


def test_a_void_frees_the_discount(world: World) -> None:
    """D3, D5: only one invoice has it at a time, a change works it out anew, a void hands it on."""
    world.terms(discount={"percent": "15", "cap": "40.00"})
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    first = world.invoice(kiera, 100000)
    second = world.invoice(kiera, 10000)
    assert (first.discount, second.discount) == (4000, 0)
    first.subtotal = 10000
    world.referrals.invoice_changed(first)
    assert first.discount == 1500
    first.void = True
    world.referrals.invoice_voided(first)
    db.session.commit()
    assert world.invoice(kiera, 20000).discount == 3000
    assert second.discount == 0


def test_an_invoice_that_grows_gets_its_discount_late(world: World) -> None:
    """D4: hosts that announce an invoice before its lines are there get it when the total comes."""
    world.terms(discount_min_invoice="50.00")
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    invoice = world.invoice(kiera, 0)
    assert invoice.discount == 0
    invoice.subtotal = 10000
    world.referrals.invoice_changed(invoice)
    assert invoice.discount == 1500
    invoice.subtotal = 1000
    world.referrals.invoice_changed(invoice)
    assert invoice.discount == 0
    db.session.commit()
    assert world.invoice(kiera, 10000).discount == 1500


def test_the_quote_is_the_discount_that_will_be(world: World) -> None:
    """D2: a host that pulls it sees the same figure before and after, and quoting changes nothing."""
    world.terms()
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    invoice = world.invoice(kiera, 20000)
    assert world.referrals.discount(invoice) == usd(3000)
    world.pay(invoice)
    assert world.referrals.discount(invoice) == usd(3000)
    assert world.referrals.discount(world.invoice(kiera, 20000)) == usd(0)
    assert "discount_released" not in world.kinds(kiera)


def test_terms_are_those_of_the_day(world: World) -> None:
    """T3, T5: a scheduled version waits for its time, and a referral keeps the version of its attribution."""
    world.terms()
    jane = world.client("Jane Smith")
    early = world.client("Ann Ash", world.code(jane))
    from flask_referrals import Terms
    from tests.worlds import PLAIN

    later = Terms.from_document(PLAIN | {"referrer_reward": {"kinds": ["credit"], "amount": "10.00"}})
    world.referrals.save_terms("default", later, effective_from=world.clock.now + timedelta(days=1))
    db.session.commit()
    same_day = world.client("Ben Birch", world.code(jane))
    world.clock.advance(days=1)
    next_day = world.client("Cy Cedar", world.code(jane))
    for client, total in ((next_day, 1000), (same_day, 6000), (early, 11000)):
        world.pay(world.invoice(client, 10000))
        assert world.credit(jane) == total


def test_a_second_code_is_refused_and_the_same_one_is_not(world: World) -> None:
    """A2: the first stays; the same code once more answers with the referral that is there."""
    world.terms()
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    kiera = world.client("Kiera Lopez", world.code(jane))
    first = world.outcome.referral
    assert world.referrals.client_registered(kiera, world.code(jane)).referral == first
    other = world.referrals.client_registered(kiera, world.code(mark))
    assert (other.ok, other.reason) == (False, "already_referred")
    assert "first one stays" in other.message


def test_another_orgs_code_does_not_exist(world: World) -> None:
    """A5: nothing tells that it exists."""
    world.terms()
    world.terms("zenith")
    jane = world.client("Jane Smith", org="zenith")
    world.client("Kiera Lopez", world.code(jane))
    assert (world.outcome.ok, world.outcome.reason) == (False, "code_not_found")
    world.client("Omar Haddad", world.code(jane), org="zenith")
    assert world.outcome.ok


@pytest.mark.parametrize("code", ["x" * 10_000, "<b>", "' OR 1=1 --", "\u0000", "😀😀😀😀😀😀😀😀", "%", "   "])
def test_no_text_is_too_strange_for_a_code(world: World, code: str) -> None:
    """A6: whatever is typed, the registration goes through and the refusal is on the log."""
    world.terms()
    ann = world.client("Ann Ash", code)
    assert not world.outcome.failed
    assert world.outcome.reason == (None if code.isspace() else "code_not_found")
    assert world.kinds(ann) == ([] if code.isspace() else ["attribution_refused"])


def test_a_code_at_checkout_works_at_once(world: World) -> None:
    """A7: the referral is made and the discount is on that invoice."""
    world.terms()
    jane = world.client("Jane Smith")
    omar = world.client("Omar Haddad")
    invoice = world.invoice(omar, 20000)
    assert world.referrals.enter_code(invoice, world.code(jane)).ok
    assert invoice.discount == 3000
    db.session.commit()
    world.pay(invoice)
    assert world.credit(jane) == 5000
    late = world.client("Late Comer")
    world.pay(world.invoice(late, 5000))
    assert world.referrals.enter_code(world.invoice(late, 5000), world.code(jane)).reason == "existing_client"


def spend(world: World) -> tuple[object, object]:
    """Jane with 50.00 and an open invoice of 30.00."""
    world.terms()
    jane = world.client("Jane Smith")
    world.pay(world.invoice(world.client("Kiera Lopez", world.code(jane)), 20000))
    return jane, world.invoice(jane, 3000)


def test_credit_is_held_captured_and_given_back(world: World) -> None:
    """K4: held on the open invoice, captured by its payment, released by a full refund; repeating changes nothing."""
    jane, invoice = spend(world)
    for _ in range(2):
        assert world.referrals.use_credit(invoice).amount == usd(3000)
    balance = world.referrals.balance(world.value(jane), "USD")  # type: ignore[arg-type]
    assert (balance.available, balance.held) == (usd(2000), usd(3000))
    for _ in range(2):
        world.pay(invoice)  # type: ignore[arg-type]
    assert world.credit(jane) == 2000  # type: ignore[arg-type]
    for _ in range(2):
        world.refund(invoice)  # type: ignore[arg-type]
    assert world.credit(jane) == 5000  # type: ignore[arg-type]
    kinds = [kind for kind in world.kinds(jane) if kind.startswith("credit_")]  # type: ignore[arg-type]
    assert kinds == ["credit_held", "credit_captured", "credit_released"]


def test_credit_that_a_paid_invoice_does_not_count_is_given_back(world: World) -> None:
    """K4: staff took it off by hand and the client paid with money; only what the invoice counts is spent."""
    world.terms()
    jane = world.client("Jane Smith")
    world.referrals.adjust(world.value(jane), usd(5000), by="sam", note="welcome")
    for counted, left in ((0, 5000), (1000, 4000)):
        invoice = world.invoice(jane, 9000)
        world.referrals.use_credit(invoice, usd(5000))
        invoice.credit = counted
        world.pay(invoice)
        assert (invoice.credit, world.credit(jane)) == (counted, left)
        assert invoice.paid == invoice.total - counted


def test_a_partial_refund_gives_back_money_before_credit(world: World) -> None:
    """K4: of 20 credit and 10 money, a refund of 15 gives back 5 credit, and one more of 10 another 10."""
    jane, invoice = spend(world)
    world.referrals.use_credit(invoice, usd(2000))
    world.pay(invoice)  # type: ignore[arg-type]
    assert world.credit(jane) == 3000  # type: ignore[arg-type]
    world.refund(invoice, 1500)  # type: ignore[arg-type]
    assert world.credit(jane) == 3500  # type: ignore[arg-type]
    world.refund(invoice, 1000)  # type: ignore[arg-type]
    assert world.credit(jane) == 4500  # type: ignore[arg-type]
    world.refund(invoice)  # type: ignore[arg-type]
    assert world.credit(jane) == 5000  # type: ignore[arg-type]


def test_an_invoice_that_shrinks_gives_back_what_it_no_longer_needs(world: World) -> None:
    """K2: never more is held than is left to pay."""
    jane, invoice = spend(world)
    world.referrals.use_credit(invoice)
    invoice.subtotal = 1000  # type: ignore[attr-defined]
    world.referrals.invoice_changed(invoice)
    assert (invoice.credit, world.credit(jane)) == (1000, 4000)  # type: ignore[attr-defined, arg-type]
    db.session.commit()


def test_a_clawback_of_spent_credit_makes_the_balance_negative(world: World) -> None:
    """K5: later credit fills it first, and nothing can be spent at or below zero."""
    world.terms()
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    first = world.invoice(kiera, 20000)
    world.pay(first)
    own = world.invoice(jane, 3000)
    world.referrals.use_credit(own)
    world.pay(own)
    world.refund(first)
    assert world.credit(jane) == -3000
    assert world.referrals.use_credit(world.invoice(jane, 1000)).reason == "no_credit"
    world.pay(world.invoice(kiera, 20000))
    assert world.credit(jane) == 2000


def test_credit_stays_in_its_currency(world: World) -> None:
    """M3: dollars do not pay a yen invoice, and nobody is told 'no credit' who has some."""
    jane, _ = spend(world)
    invoice = world.invoice(jane, 3000, currency="JPY")  # type: ignore[arg-type]
    assert world.referrals.use_credit(invoice).reason == "currency_mismatch"
    assert world.referrals.use_credit(world.invoice(world.client("Poor Pete"), 100)).reason == "no_credit"
    with pytest.raises(Exception, match="M3"):
        world.referrals.use_credit(invoice, usd(100))
    db.session.rollback()


def test_a_signal_is_as_good_as_a_call(world: World) -> None:
    """§3.3: the host's signals end in the same verbs, and their answer is the outcome."""
    world.terms()
    jane = world.client("Jane Smith")
    code = world.code(jane)
    kiera = world.client("Kiera Lopez")
    [(_, outcome)] = signals.client_registered.send(world.app, client=kiera, code=code)
    assert outcome.ok
    assert outcome.referral is not None
    invoice = world.invoice(kiera, 20000)
    invoice.paid, invoice.settled = invoice.total, True
    signals.invoice_paid.send(world.app, invoice=invoice)
    db.session.commit()
    assert world.credit(jane) == 5000
    invoice.paid, invoice.settled = 0, False
    signals.invoice_refunded.send(world.app, invoice=invoice, reason="dispute")
    db.session.commit()
    [reward] = world.referrals.rewards(world.value(jane))
    assert (reward.state, reward.reason, reward.amount) == ("reversed", "dispute", Money.of("50.00", "USD"))


def test_a_freed_discount_does_not_go_to_an_older_invoice(world: World) -> None:
    """D5: the invoice that is sent next has it, not one that was open all along and is changed by the way."""
    world.terms()
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    first, older = world.invoice(kiera, 20000), world.invoice(kiera, 20000)
    first.void = True
    world.referrals.invoice_voided(first)
    older.subtotal = 30000
    world.referrals.invoice_changed(older)
    assert older.discount == 0
    db.session.commit()
    assert world.invoice(kiera, 20000).discount == 3000


def test_a_discount_is_never_had_twice(world: World) -> None:
    """D3: an invoice that was refunded is to be paid in full once its discount has gone to another."""
    world.terms()
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    first = world.invoice(kiera, 20000)
    world.pay(first)
    world.refund(first)
    second = world.invoice(kiera, 10000)
    assert (first.discount, second.discount) == (0, 1500)
    world.pay(first)
    assert (first.paid, first.discount, second.discount) == (20000, 0, 1500)


def test_why_there_is_no_discount_or_no_reward_is_on_the_log(world: World) -> None:
    """D4, M4, R1: each reason once, however often the invoice is announced."""
    world.terms(discount_min_invoice="50.00", min_paid="60.00")
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    small = world.invoice(kiera, 1000)
    foreign = world.invoice(kiera, 9000, currency="EUR")
    for invoice in (small, foreign):
        world.pay(invoice)
        world.pay(invoice)
    told = [(line.kind, line.data["reason"]) for line in world.referrals.activity(world.value(kiera))[1:]]
    assert told == [
        ("discount_waits", "below_minimum"),
        ("discount_waits", "other_currency"),
        ("not_qualified", "below_minimum"),
        ("not_qualified", "other_currency"),
    ]


def test_what_staff_do_about_codes_is_on_the_log(world: World) -> None:
    """G1, A3: who switched a code off or blocked a referrer, and that it was taken back."""
    world.terms()
    jane = world.client("Jane Smith")
    code = world.code(jane)
    value = world.value(jane)
    for _ in range(2):
        world.referrals.block(value, by="sam")
    world.client("Ann Ash", code)
    assert world.outcome.reason == "referrer_blocked"
    world.referrals.unblock(value, by="sam")
    world.referrals.disable_code(value, by="sam")
    world.client("Ben Birch", code)
    assert world.outcome.reason == "code_inactive"
    assert world.kinds(jane) == ["code_created", "referrer_blocked", "referrer_unblocked", "code_disabled"]


def test_a_percentage_is_the_same_when_it_is_paid_again(world: World) -> None:
    """R3: of what the invoice charges after the discount that it uses again."""
    world.terms(referrer_reward={"kinds": ["credit"], "percent": "10"})
    jane = world.client("Jane Smith")
    invoice = world.invoice(world.client("Kiera Lopez", world.code(jane)), 20000)
    for _ in range(2):
        world.pay(invoice)
        assert (invoice.discount, world.credit(jane)) == (3000, 1700)
        world.refund(invoice)


def test_an_invoice_that_is_void_no_more_has_no_second_discount(world: World) -> None:
    """D3: another one has it by now, so the one that was restored is to be paid in full."""
    world.terms()
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    first = world.invoice(kiera, 20000)
    first.void = True
    world.referrals.invoice_voided(first)
    second = world.invoice(kiera, 10000)
    first.void = False
    world.referrals.invoice_changed(first)
    assert (first.discount, second.discount) == (0, 1500)


def test_credit_that_covers_a_new_invoice_pays_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4, K6, R1: where the host counts it as paid at once, the credit is spent and the referral qualifies."""

    def apply_credit(self: MiniHost, record: InvoiceRow, credit: Money) -> None:
        record.credit = credit.minor
        record.settled = record.credit == record.total

    monkeypatch.setattr(MiniHost, "apply_credit", apply_credit)
    world.terms(auto_apply_credit=True)
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    world.referrals.adjust(world.value(kiera), usd(5000), by="sam", note="welcome")
    assert world.invoice(kiera, 4000).settled
    assert (world.credit(kiera), world.state(kiera), world.credit(jane)) == (1600, "qualified", 5000)
    assert "credit_captured" in world.kinds(kiera)
