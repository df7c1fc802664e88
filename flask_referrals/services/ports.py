"""What the outside does for us, as protocols: the host may bring its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One email to one person: plain text, the same as HTML, and headers besides (`Message-ID`, `List-Unsubscribe`).

    The `Message-ID` of one mail stays the same however often it is tried, so that a second copy can be told.
    """

    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Mailer(Protocol):
    """Sends emails; `flask_referrals.adapters.mail.MailmanMailer` does it by Flask-Mailman."""

    def send(self, mail: Mail) -> None:
        """Hand it over, or raise: then it is tried again, with growing pauses."""
