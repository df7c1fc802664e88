"""What the staff's forms for decisions have in common: the token, texts that must be given, mistakes at a field."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from flask import request

from ..adapters.state import State
from ..host import MAX_ID, Client
from ..money import Money
from ..services import codes
from ..words import refusal_text
from .admin_amounts import Mistake, read_amount

log = logging.getLogger("flask_referrals")
#: Reasons and notes are kept up to so many characters.
LONGEST = 500
_SIGNED = re.compile(r"([+-]?) *([^ +-].*)")


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong at a field: a stable `reason` for programs, a sentence for people."""

    reason: str
    text: str


#: What is wrong, by the field's name; "" is for the form as a whole.
Mistakes = dict[str, Wrong]


def typed(name: str, longest: int = LONGEST) -> str:
    """What was typed, without what no database takes; cut at `longest` characters."""
    text = request.form.get(name, "").strip()[:longest]
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text).strip()


def must_say(name: str, sentence: str) -> tuple[str, Mistakes]:
    """What was typed and, where that is nothing, the mistake with this sentence."""
    text = typed(name)
    return text, {} if text else {name: Wrong(f"{name}_missing", sentence)}


def refused(reason: str | None) -> Wrong:
    """A refusal of ours as it stands at a field."""
    return Wrong(reason or "refused", refusal_text(reason) or "This was refused.")


def read_signed(text: str, currency: str) -> Money:
    """The amount that was typed, with its sign; Mistake for nothing, zero, or what is no amount of that currency."""
    found = _SIGNED.fullmatch(text.replace("\N{MINUS SIGN}", "-").strip())
    if found is None:
        raise Mistake("Write the amount, such as 5.00 to give credit or -5.00 to take it back.")
    if not found[2].strip("0."):
        raise Mistake("Write an amount other than zero.")
    value = read_amount(found[2], currency)
    assert value is not None
    return Money.of(-value if found[1] == "-" else value, currency)


def find_client(state: State, org: str, text: str) -> Client | None:
    """The org's client with that id, or with a code that reads so; None where there is none.

    What is typed may be no id at all, and a host may stumble over it: that is as good as unknown.
    """
    wanted = text.strip()
    if not 0 < len(wanted) <= MAX_ID:
        return None
    found = client_with_id(state, org, wanted)
    if found is not None:
        return found
    code = codes.find_by_text(state.session().connection(), org, wanted)
    return None if code is None else client_with_id(state, org, code.client_id)


def client_with_id(state: State, org: str, client_id: str) -> Client | None:
    """The org's client with that very id, or None."""
    if not 0 < len(client_id) <= MAX_ID:
        return None
    try:
        with state.session().begin_nested():
            record = state.host.find_client(org, client_id)
        return None if record is None else state.host.client(record)
    except Exception:
        log.info("the host could not look for a client %r", client_id, exc_info=True)
        return None
