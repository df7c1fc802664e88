"""The ways by which a client shares its link: plain addresses that work without JavaScript, and a QR code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

import segno
from markupsafe import Markup

from ..adapters.addresses import address
from ..domain.terms import Terms
from ..words import share_message, share_subject
from .landing import link_values


@dataclass(frozen=True, slots=True)
class Way:
    """One way: `begin` is the part of its address that the message is put behind; empty where it takes none."""

    name: str
    label: str
    url: str
    begin: str
    web: bool


@dataclass(frozen=True, slots=True)
class Share:
    """A link, the draft of a message with it, and the ways to send it."""

    link: str
    message: str
    subject: str
    ways: tuple[Way, ...]


def portal_link(org: str, code: str) -> str:
    """The absolute address of a code's link."""
    return address("referrals_link.landing", external=True, **link_values(org, code))


def share_of(link: str, terms: Terms, org_name: str, locale: str) -> Share:
    """All that is needed to share the link, under the terms in force."""
    message = share_message(terms, org_name, link, locale)
    subject = share_subject(org_name)
    begins = (
        ("email", "Email", f"mailto:?subject={quote(subject, safe='')}&body=", False),
        ("sms", "Text", "sms:?&body=", False),
        ("whatsapp", "WhatsApp", "https://wa.me/?text=", True),
        ("x", "X", "https://x.com/intent/post?text=", True),
    )
    text, address = quote(message, safe=""), quote(link, safe="")
    ways = [Way(name, label, begin + text, begin, web) for name, label, begin, web in begins]
    linkedin = f"https://www.linkedin.com/sharing/share-offsite/?url={address}"
    facebook = f"https://www.facebook.com/sharer/sharer.php?u={address}"
    ways += [Way("linkedin", "LinkedIn", linkedin, "", True), Way("facebook", "Facebook", facebook, "", True)]
    return Share(link, message, subject, tuple(ways))


@lru_cache(maxsize=1024)
def qr_code(link: str) -> Markup:
    """The link as a QR code: an SVG without style attributes, black on a white ground of its own, of any size."""
    drawn = segno.make(link, micro=False, error="m").svg_inline(
        omitsize=True, border=4, dark="#000", light="#fff", title="QR code of your link", svgclass=None, lineclass=None
    )
    return Markup(drawn.replace("<svg ", '<svg role="img" aria-label="QR code of your link" ', 1))
