"""Codes of a client's own choosing: which texts may be one, and which look alike (C4)."""

from __future__ import annotations

import re

from .codes import MAX_LENGTH, canonical, has_generated_shape

SHORTEST = 4
#: What one character may be read as at a glance.
_LOOKS = str.maketrans(
    {"0": "O", "1": "I", "L": "I", "5": "S", "8": "B", "2": "Z", "6": "G", "3": "E", "4": "A", "7": "T"}
)
#: Word stems that are in no code, read through their look-alikes.
_OFFENSIVE = (
    "ARSCH", "BASTARD", "BITCH", "COCK", "CUNT", "DICK", "FAGG", "FICK", "FOTZE", "FUCK", "FUK", "HITIER", "HURE",
    "KKK", "MERDE", "MIERDA", "NAZI", "NIGG", "NUTTE", "PENIS", "PORN", "PUSSY", "PUTA", "SHIT", "SIUT",
    "TITS", "TWAT", "VAGINA", "WANK", "WHORE",
)  # fmt: skip


def plain(text: str) -> str:
    """What was typed, without spaces and hyphens, in upper case."""
    return "".join(char for char in text.upper() if not char.isspace() and char not in "-‐‑‒–—_.")


def look(code: str) -> str:
    """What a code looks like at a glance; two that look the same are never two clients'."""
    return plain(code).replace("VV", "W").replace("RN", "M").translate(_LOOKS)


def is_allowed(code: str) -> bool:
    """Whether a plain text may be a code: letters and digits, a sensible length, nothing offensive.

    A text that could be a generated code is none: it could be what a typing error makes of somebody else's (C3).
    """
    if not re.fullmatch(f"[A-Z0-9]{{{SHORTEST},{MAX_LENGTH}}}", code) or has_generated_shape(canonical(code)):
        return False
    return not any(stem in look(code) for stem in _OFFENSIVE)
