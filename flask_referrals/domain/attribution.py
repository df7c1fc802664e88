"""Which refusal a code meets, if any (A3, A4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import codes

#: Every refusal of an attribution; where several apply, the first of this list is told (A3).
REFUSALS: Final = (
    "code_not_found",
    "code_mistyped",
    "code_inactive",
    "program_off",
    "self_referral",
    "already_referred",
    "existing_client",
    "not_accepted_here",
    "referrer_blocked",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a person: the host's id, and email and phone in canonical form."""

    client_id: str
    email: str | None
    phone: str | None

    def is_same_person(self, other: Identity) -> bool:
        """The same client, or the same email address, or the same phone number (A4)."""
        return (
            self.client_id == other.client_id
            or (self.email is not None and self.email == other.email)
            or (self.phone is not None and self.phone == other.phone)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """All that decides about one attempt to bind a referee to the owner of a code."""

    key: str
    code_found: bool
    code_active: bool = True
    program_on: bool = True
    same_person: bool = False
    already_referred: bool = False
    existing_client: bool = False
    accepted_here: bool = True
    referrer_blocked: bool = False


def refusal(attempt: Attempt) -> str | None:
    """The reason why the attempt is refused, the first that applies, or None if it is valid."""
    if not attempt.code_found:
        return "code_mistyped" if codes.is_mistyped(attempt.key) else "code_not_found"
    found = {
        "code_inactive": not attempt.code_active,
        "program_off": not attempt.program_on,
        "self_referral": attempt.same_person,
        "already_referred": attempt.already_referred,
        "existing_client": attempt.existing_client,
        "not_accepted_here": not attempt.accepted_here,
        "referrer_blocked": attempt.referrer_blocked,
    }
    return next((reason for reason in REFUSALS if found.get(reason)), None)
