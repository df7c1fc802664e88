"""Whether two sets of contact data belong to one person: canonical email addresses and telephone numbers (A4)."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from typing import Any

#: The extra `phone`; without it telephone numbers are compared by their digits only.
phonenumbers: Any = import_module("phonenumbers") if find_spec("phonenumbers") else None
#: Where the host has it, it says what an email address is.
email_validator: Any = import_module("email_validator") if find_spec("email_validator") else None

_SAME_DOMAIN = {"googlemail.com": "gmail.com"}
_IGNORES_DOTS = {"gmail.com"}


def canonical_email(address: str | None) -> str | None:
    """The address without case, plus-tag, and dots where the provider ignores them; None for what is no address."""
    local, at, domain = (address or "").strip().casefold().rpartition("@")
    if not at or not local or not domain:
        return None
    domain = _SAME_DOMAIN.get(domain, domain)
    local = local.split("+", 1)[0] or local
    if domain in _IGNORES_DOTS:
        local = local.replace(".", "")
    return f"{local}@{domain}"


def is_email(address: str) -> bool:
    """Whether it is an email address by its form; nobody is asked."""
    local, _, domain = address.partition("@")
    labels = domain.split(".")
    names = all(label.replace("-", "").isalnum() and "-" not in (label[0], label[-1]) for label in labels)
    if not (local and len(labels) > 1 and names and local.isprintable()) or set(' @,;:<>()[]\\"') & set(local):
        return False
    if email_validator is None:
        return True
    try:
        email_validator.validate_email(address, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return False
    return True


def email_key(org: str, address: str | None) -> str | None:
    """The address in canonical form, hashed within its org, so that it is recognised without being kept (A1, G3)."""
    canonical = canonical_email(address)
    return None if canonical is None else sha256(f"{org}\n{canonical}".encode()).hexdigest()


def masked_email(address: str) -> str:
    """The address as it is shown to who invited it: enough to know it again, too little to be a list of them (G2)."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if local else "***"


def canonical_phone(number: str | None, region: str) -> str | None:
    """The number in E.164, read as one of `region` (ISO 3166) where it names no country; None for what is no number."""
    digits = "".join(char for char in number or "" if char.isdigit())
    if len(digits) < 5:
        return None
    if phonenumbers is None:
        return digits
    try:
        parsed = phonenumbers.parse(number or "", region)
    except phonenumbers.NumberParseException:
        return digits
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def short_name(name: str) -> str:
    """First name and last initial, all that a referrer may see of a referee (G2): 'Kiera Lopez' is 'Kiera L.'."""
    words = name.split()
    if not words:
        return "—"
    if "@" in words[0]:  # some hosts keep an email address where a name should be
        return f"{words[0][0].upper()}."
    return words[0] if len(words) == 1 else f"{words[0]} {words[-1][0].upper()}."
