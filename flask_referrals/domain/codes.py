"""Codes: how they look, how forgiving their typing is, and how a wrong character is found (C2, C3)."""

from __future__ import annotations

from collections.abc import Callable

#: 28 symbols: no vowels, so that nothing offensive can be spelled, and none of O/0, I/1/L.
ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
#: A generated code is that long, its check character included.
LENGTH = 8
#: No code of any kind is longer (C2).
MAX_LENGTH = 16

_SIZE = len(ALPHABET)
_VALUE = {symbol: value for value, symbol in enumerate(ALPHABET)}
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


def canonical(text: str) -> str:
    """The one form under which a code is stored and looked up: upper case, no spaces or hyphens, look-alikes folded."""
    kept = "".join(char for char in text.upper() if not char.isspace() and char not in "-‐‑‒–—_.")
    return kept.translate(_LOOKALIKES)


def check_character(body: str) -> str:
    """The ISO 7064 hybrid check character (modulus 29 over 28 symbols): every single wrong character changes it."""
    position = _SIZE
    for char in body:
        position = (position + _VALUE[char]) % _SIZE or _SIZE
        position = position * 2 % (_SIZE + 1)
    return ALPHABET[(_SIZE + 1 - position) % _SIZE]


def generate(choose: Callable[[str], str]) -> str:
    """A new code; `choose` picks one symbol of the alphabet at random (`secrets.choice` in real life)."""
    body = "".join(choose(ALPHABET) for _ in range(LENGTH - 1))
    return body + check_character(body)


def has_generated_shape(key: str) -> bool:
    """Whether a canonical text could be a generated code by length and symbols, right or wrong."""
    return len(key) == LENGTH and all(char in _VALUE for char in key)


def is_mistyped(key: str) -> bool:
    """Whether a canonical text is a generated code with a wrong character (`code_mistyped`, A3).

    A 0 or a 1, which is also what O, I and L are read as, is in no generated code: it is a wrong character.
    """
    if len(key) == LENGTH and any(char in "01" for char in key):
        return all(char in _VALUE or char in "01" for char in key)
    return has_generated_shape(key) and check_character(key[:-1]) != key[-1]


def spoken(code: str) -> str:
    """The code as it is shown and read out: generated ones in two groups of four."""
    return f"{code[:4]}-{code[4:]}" if has_generated_shape(code) else code
