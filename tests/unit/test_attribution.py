"""Who is the same person, and which refusal comes first (A3, A4)."""

from __future__ import annotations

from dataclasses import fields

import pytest

from flask_referrals.domain.attribution import REFUSALS, Attempt, Identity, refusal
from flask_referrals.domain.contact import canonical_email, canonical_phone, short_name

FLAWS = {
    "code_inactive": {"code_active": False},
    "program_off": {"program_on": False},
    "self_referral": {"same_person": True},
    "already_referred": {"already_referred": True},
    "existing_client": {"existing_client": True},
    "not_accepted_here": {"accepted_here": False},
    "referrer_blocked": {"referrer_blocked": True},
}


def test_every_flaw_has_its_own_reason() -> None:
    """A3: each flaw alone is told by its own code, and no flaw is none."""
    assert refusal(Attempt(key="X", code_found=True)) is None
    for reason, flaw in FLAWS.items():
        assert refusal(Attempt(key="X", code_found=True, **flaw)) == reason
    assert len(FLAWS) == len(fields(Attempt)) - 2


def test_of_several_reasons_the_first_of_the_list_is_told() -> None:
    """A3: the order of the list decides."""
    for index, first in enumerate(REFUSALS[2:]):
        flaws = {key: value for reason in REFUSALS[2 + index :] for key, value in FLAWS[reason].items()}
        assert refusal(Attempt(key="X", code_found=True, **flaws)) == first


def test_a_wrong_check_character_is_mistyped_not_unknown() -> None:
    """C3: the shape of a generated code with a wrong character."""
    assert refusal(Attempt(key="3SX2572T", code_found=False)) == "code_not_found"
    assert refusal(Attempt(key="3SX2572V", code_found=False)) == "code_mistyped"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jane@Smith.example", "jane@smith.EXAMPLE"),
        ("jane+work@smith.example", "jane@smith.example"),
        ("jane.smith@gmail.com", "janesmith+friend@googlemail.com"),
        (" jane@smith.example ", "jane@smith.example"),
    ],
)
def test_one_mailbox_has_one_canonical_address(one: str, other: str) -> None:
    """A4: case, plus-tags, ignored dots and the other name of a provider."""
    assert canonical_email(one) == canonical_email(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [("jane.smith@smith.example", "janesmith@smith.example"), ("jane@a.example", "jane@b.example")],
)
def test_different_mailboxes_stay_different(one: str, other: str) -> None:
    """A4: dots count where the provider counts them."""
    assert canonical_email(one) != canonical_email(other)


@pytest.mark.parametrize("text", [None, "", "nobody", "@x", "x@", "@"])
def test_no_address_is_nobodys(text: str | None) -> None:
    """A4: an empty address never makes two people one."""
    assert canonical_email(text) is None


def test_a_telephone_number_is_the_same_however_it_is_written() -> None:
    """A4: numbers without a country are read as of the region; empty ones as none."""
    assert canonical_phone("+1 202 555 0123", "US") == canonical_phone("(202) 555-0123", "US")
    assert canonical_phone("030 901820", "DE") == canonical_phone("+49 30 901820", "US")
    assert canonical_phone("030 901820", "DE") != canonical_phone("030 901820", "US")
    assert [canonical_phone(text, "US") for text in (None, "", "12", "n/a")] == [None] * 4


def test_a_person_is_told_by_id_email_or_phone() -> None:
    """A4: any one of the three is enough, and none that is missing counts."""
    jane = Identity("1", "j@x", "+12")
    assert jane.is_same_person(Identity("1", None, None))
    assert jane.is_same_person(Identity("2", "j@x", None))
    assert jane.is_same_person(Identity("2", None, "+12"))
    assert not Identity("1", None, None).is_same_person(Identity("2", None, None))


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Kiera Lopez", "Kiera L."),
        ("Madonna", "Madonna"),
        ("Anna Maria van der Berg", "Anna B."),
        ("kiera@lopez.example", "K."),
        ("", "—"),
        ("  ", "—"),
    ],
)
def test_a_referrer_sees_first_name_and_initial(name: str, short: str) -> None:
    """G2: never more, and no address where a name should be."""
    assert short_name(name) == short
