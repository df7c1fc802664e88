"""Invitations by email, and codes of one's own, on each database (A1, C4)."""

from __future__ import annotations

import pytest

from flask_referrals.domain import vanity
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
    assert invite(world, jane, "x@y") == "email_invalid"
    assert invite(world, jane, "Jane.Smith@mail.example") == "self_referral"
    assert invite(world, jane, "kiera@lopez.example") is None
    assert invite(world, jane, "Kiera+2@lopez.example") == "already_invited"
    world.referrals.switch("default", on=False)
    assert invite(world, jane, "ann@ash.example") == "program_off"
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
    for wrong in ("<b>", "ABC", "X" * 17, "FÜRELISE", "SH1THAPPENS", "BCDFGHJK", ""):
        assert choose(world, mark, wrong) == "code_not_allowed", wrong
    for code in (first, "GREENLAWN", "green lawn"):
        world.client(f"Friend by {code}", code)
        assert world.outcome.ok
    assert choose(world, jane, "JANESLAWN") is None
    assert choose(world, jane, "GREENLAWN") is None
    assert world.code(jane) == "GREENLAWN"


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
