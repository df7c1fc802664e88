"""Invitations by email, and codes of one's own, on each database (A1, C4)."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from flask_referrals.domain import contact, vanity
from flask_referrals.domain.codes import generate
from flask_referrals.models import CodeRow
from flask_referrals.services import codes as codes_service
from flask_referrals.services import vanity as vanity_service
from tests.minihost import ClientRow, db
from tests.worlds import World


def invite(world: World, row: ClientRow, email: str) -> str | None:
    """Invite, and say why not."""
    outcome = world.referrals.invite(world.value(row), email)
    db.session.commit()
    return outcome.reason


def choose(world: World, row: ClientRow, text: str) -> str | None:
    """Choose a code, and say why not."""
    outcome = world.referrals.choose_code(world.value(row), text, by="client")
    db.session.commit()
    return outcome.reason


def test_an_invited_address_is_recognised(world: World) -> None:
    """A1: in canonical form, without any code; what is typed goes first, what is refused gives way."""
    world.terms()
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    assert invite(world, jane, "K.iera+lawn@gmail.com") is None
    assert invite(world, mark, "kiera@gmail.com") is None
    kiera = world.client("Kiera Lopez", "", email="kiera@googlemail.com")
    line = world.referrals.referral_of(world.value(kiera))
    assert line is not None
    assert (line.referrer_id, line.via) == (str(jane.id), "invitation")
    assert invite(world, jane, "ann@ash.example") is None
    ann = world.client("Ann Ash", world.code(mark), email="ann@ash.example")
    found = world.referrals.referral_of(world.value(ann))
    assert found is not None
    assert (found.referrer_id, found.via) == (str(mark.id), "code")
    assert invite(world, jane, "ben@birch.example") is None
    ben = world.client("Ben Birch", "22222222", email="ben@birch.example")
    assert world.state(ben) == "pending"


def test_an_invitation_is_not_for_everybody(world: World) -> None:
    """A1: no address, one's own, the same once more, a switched-off code, a program that is off."""
    world.terms()
    jane = world.client("Jane Smith")
    assert invite(world, jane, "not an address") == "email_invalid"
    for wrong in ("x@y", "x@y..z", "a@b@c.example", "a@-.example", "a\n@b.example", "@b.example", "a@b.example,c@d"):
        assert invite(world, jane, wrong) == "email_invalid", wrong
    assert invite(world, jane, "Jane.Smith@mail.example") == "self_referral"
    assert invite(world, jane, "kiera@lopez.example") is None
    assert invite(world, jane, "Kiera+2@lopez.example") == "already_invited"
    world.referrals.switch("default", on=False)
    assert invite(world, jane, "ann@ash.example") == "program_off"
    mark = world.client("Mark Oak")
    assert invite(world, mark, "ann@ash.example") == "program_off"
    assert "code_created" not in world.kinds(mark)
    world.referrals.switch("default", on=True)
    world.referrals.block(world.value(jane), by="sam")
    assert invite(world, jane, "ann@ash.example") == "referrer_blocked"


def test_one_client_invites_so_many_a_day(world: World) -> None:
    """A1: more wait for the next day."""
    world.terms()
    jane = world.client("Jane Smith")
    for number in range(50):
        assert invite(world, jane, f"friend{number}@mail.example") is None
    assert invite(world, jane, "another@mail.example") == "too_many_invitations"
    world.clock.advance(days=1)
    assert invite(world, jane, "another@mail.example") is None


def test_two_clients_who_bring_each_others_contacts_are_flagged(world: World) -> None:
    """L2: the second such referral has the reason on its log, and waits for staff where the terms say so."""
    world.terms(discount=None, approval="flagged")
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    assert invite(world, jane, "ann@ash.example") is None
    assert invite(world, mark, "ben@birch.example") is None
    rows = [
        world.client("Ann Ash", world.code(mark), email="ann@ash.example"),
        world.client("Ben Birch", world.code(jane), email="ben@birch.example"),
    ]
    for row in rows:
        world.pay(world.invoice(row, 10000))
    assert (world.credit(mark), world.credit(jane)) == (5000, 0)
    flagged = [line for line in world.referrals.activity(world.value(jane)) if line.kind == "flagged"]
    assert [line.data["reasons"] for line in flagged] == [["exchanged_contacts"]]


def test_many_registrations_and_thrown_away_addresses_are_flagged(world: World) -> None:
    """L2: the sixth within an hour; an address of a domain that is known for it."""
    world.terms(discount=None, approval="flagged")
    jane = world.client("Jane Smith")
    rows = [world.client(f"Friend {number}", world.code(jane)) for number in range(6)]
    rows.append(world.client("Ann Ash", world.code(jane), email="ann@mailinator.com"))
    for row in rows:
        world.pay(world.invoice(row, 10000))
    assert world.credit(jane) == 5 * 5000


def test_a_code_of_ones_own(world: World) -> None:
    """C4: beside the old one, and neither is ever somebody else's, nor what looks like it."""
    world.terms()
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    first = world.code(jane)
    assert choose(world, jane, " green-lawn ") is None
    assert world.code(jane) == "GREENLAWN"
    assert choose(world, jane, "GREENLAWN") is None
    for taken in ("greenlawn", "GREEN1AWN", "GR33NLAWN", "GREENIAVVN"):
        assert choose(world, mark, taken) == "code_taken", taken
    for wrong in ("<b>", "ABC", "X" * 17, "FÜRELISE", "SH1THAPPENS", "BCDFGHJK", "BCDFGHJE", "P0RNKING", ""):
        assert choose(world, mark, wrong) == "code_not_allowed", wrong
    for code in (first, "GREENLAWN", "green lawn"):
        world.client(f"Friend by {code}", code)
        assert world.outcome.ok
    assert choose(world, jane, "JANESLAWN") is None
    assert choose(world, jane, "GREENLAWN") is None
    assert world.code(jane) == "GREENLAWN"


def test_a_generated_code_is_not_imitated(world: World) -> None:
    """C4: nor is what looks like a generated code of somebody else's; what looks like one's own is one's own."""
    world.terms()
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    letters = iter("RN4C3FG")
    given = generate(lambda alphabet: next(letters))
    world.code(jane)
    db.session.execute(update(CodeRow).where(CodeRow.client_id == str(jane.id)).values(key=given, text=given))
    db.session.commit()
    assert world.code(jane) == given
    twin = given.replace("RN", "M").replace("4", "A").replace("3", "E")
    assert choose(world, mark, twin) == "code_taken"
    assert choose(world, jane, twin) is None


def test_a_code_that_another_request_chose_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """C1, C4: of two choices at once one is the present one, and none is an error."""
    world.terms()
    jane = world.client("Jane Smith")
    stale = world.referrals.code(world.value(jane))
    assert choose(world, jane, "JANESLAWN") is None
    answers = [stale]
    real = codes_service.find_current
    monkeypatch.setattr(
        vanity_service, "find_current", lambda *given, **more: answers.pop() if answers else real(*given, **more)
    )
    assert choose(world, jane, "JANESPATIO") is None
    assert answers == []
    assert world.code(jane) == "JANESPATIO"


def test_a_client_keeps_only_so_many(world: World) -> None:
    """C4: nobody hoards names."""
    world.terms()
    jane = world.client("Jane Smith")
    for number in range(10):
        assert choose(world, jane, f"JANE{'ABCDEFGHIJ'[number]}{'QRTUVWXYNM'[number]}OAK") is None
    assert choose(world, jane, "ONEMORE") == "too_many_codes"


@pytest.mark.parametrize(("one", "other"), [("JANE5", "JANES"), ("BOB", "80B"), ("VVOOD", "W00D"), ("FARN", "FAM")])
def test_what_looks_alike(one: str, other: str) -> None:
    """C4: at a glance."""
    assert vanity.look(one) == vanity.look(other)


def test_an_address_is_known_again_but_not_told() -> None:
    """G2: what the list of invitations shows."""
    assert contact.masked_email("kiera.lopez@lopez.example") == "k***@lopez.example"
    assert contact.masked_email("") == "***"


def test_addresses_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A1: a plain look at the form does where email-validator is not there."""
    monkeypatch.setattr(contact, "email_validator", None)
    assert contact.is_email("o'neil+x@lopez.example")
    assert contact.is_email("jörg@straße.example")
    for wrong in ("not an address", "x@y", "x@y..z", "a@b@c.example", "a@-.example", "a b@c.example", ""):
        assert not contact.is_email(wrong), wrong
