"""Codes: forgiving of sloppiness, unforgiving of a wrong character (C2, C3)."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from flask_referrals.domain import codes

generated = st.integers().map(lambda seed: codes.generate(random.Random(seed).choice))


@given(generated)
def test_generated_codes_are_of_one_length_and_right(code: str) -> None:
    """C2: all of one length, at most 16, upper case, without O/0, I/1/L."""
    assert len(code) == codes.LENGTH <= codes.MAX_LENGTH
    assert not set(code) & set("O0I1LAEU")
    assert codes.has_generated_shape(code)
    assert not codes.is_mistyped(code)


@given(generated, st.integers(0, codes.LENGTH - 1), st.sampled_from(codes.ALPHABET))
def test_every_single_wrong_character_is_found(code: str, place: int, wrong: str) -> None:
    """C2, C3: no single wrong character makes another valid code."""
    typo = code[:place] + wrong + code[place + 1 :]
    assert codes.is_mistyped(typo) == (typo != code)


@given(generated)
def test_sloppy_typing_is_forgiven(code: str) -> None:
    """C2: lower case, spaces, hyphens and dashes of all kinds make no difference."""
    sloppy = f"  {code[:3].lower()} - {code[3:5]}\u2013{code[5:].lower()}\t"
    assert codes.canonical(sloppy) == codes.canonical(code) == code


def test_look_alikes_are_one() -> None:
    """C2: O is 0, I and L are 1, whoever types them."""
    assert codes.canonical("lOgIn") == codes.canonical("10G1N")


@given(generated, st.integers(0, codes.LENGTH - 1), st.sampled_from("O0I1L"))
def test_a_letter_that_is_in_no_code_is_a_wrong_character(code: str, place: int, wrong: str) -> None:
    """C3: who types an O or a 1 is told to check the code, not that nobody knows it."""
    assert codes.is_mistyped(codes.canonical(code[:place] + wrong + code[place + 1 :]))


def test_what_has_not_the_shape_is_not_mistyped() -> None:
    """C3: a text of another length or with other letters is unknown, not mistyped."""
    assert not codes.is_mistyped(codes.canonical("NO-SUCH-CODE-ANYWHERE"))
    assert not codes.is_mistyped("ABCDEFGH")


@given(generated)
def test_a_code_is_read_out_in_two_groups(code: str) -> None:
    """C2: four and four, for the telephone; a code of one's own stays whole."""
    assert codes.spoken(code) == f"{code[:4]}-{code[4:]}"
    assert codes.spoken("GREENLAWN") == "GREENLAWN"
