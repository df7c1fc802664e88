"""Codes of a client's own choosing: which texts may be one, and which look alike (C4)."""

from __future__ import annotations

import re
from itertools import product

from .codes import ALPHABET, LENGTH, MAX_LENGTH, canonical, check_character

SHORTEST = 4
#: What one character may be read as at a glance.
_READ_AS = {"0": "O", "1": "I", "L": "I", "5": "S", "8": "B", "2": "Z", "6": "G", "3": "E", "4": "A", "7": "T"}
_PAIRS = {"VV": "W", "RN": "M"}
_LOOKS = str.maketrans(_READ_AS)
#: Word stems that are in no code, as they look.
_OFFENSIVE = (
    "ARSCH", "ASSHOIE", "BASTARD", "BITCH", "COCK", "CUNT", "DICK", "FAGG", "FICK", "FOTZE", "FUCK", "FUK", "HITIER",
    "HURE", "KKK", "MERDE", "MIERDA", "NAZI", "NIGG", "NUTTE", "PENIS", "PORN", "PUSSY", "PUTA", "SHIT", "SIUT",
    "TITS", "TWAT", "VAGINA", "WANK", "WHORE",
)  # fmt: skip


def plain(text: str) -> str:
    """What was typed, without spaces and hyphens, in upper case."""
    return "".join(char for char in text.upper() if not char.isspace() and char not in "-‐‑‒–—_.")


def look(code: str) -> str:
    """What a code looks like at a glance; two that look the same are never two clients'."""
    seen = plain(code)
    for pair, single in _PAIRS.items():
        seen = seen.replace(pair, single)
    return seen.translate(_LOOKS)


def generated_twins(code: str) -> list[str]:
    """Every code that could have been generated and looks like this one: at most a few dozen."""
    texts = {
        seen: [text for text in (*ALPHABET, *_PAIRS) if seen in (text, _READ_AS.get(text), _PAIRS.get(text))]
        for seen in set(look(code))
    }
    found = ("".join(parts) for parts in product(*(texts[seen] for seen in look(code)[: LENGTH + 1])))
    return [text for text in found if len(text) == LENGTH and check_character(text[:-1]) == text[-1]]


def is_allowed(code: str) -> bool:
    """Whether a plain text may be a code: letters and digits, a sensible length, nothing offensive.

    One that could be a generated code, or be made of one by a single wrong character, is none: a typing error must
    never lead to somebody else (C3).
    """
    if not re.fullmatch(f"[A-Z0-9]{{{SHORTEST},{MAX_LENGTH}}}", code):
        return False
    if len(code) == LENGTH and sum(char not in ALPHABET for char in canonical(code)) <= 1:
        return False
    readings = (code.translate(_LOOKS), look(code))  # RN is an M, and PORN is PORN
    return not any(stem in reading for stem in _OFFENSIVE for reading in readings)
