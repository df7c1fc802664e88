"""Client referral program for Flask invoicing apps."""

from __future__ import annotations

from .domain.terms import Discount, Terms, Version
from .errors import ConfigurationError, MoneyError, NotFoundError, ReferralsError, StateError, TermsError
from .events import Event
from .extension import Referrals
from .host import DEFAULT_ORG, Client, Host, Invoice
from .money import Money, spread
from .services.outcomes import Outcome, Referral, Tried
from .web.fields import ReferralCodeField

__all__ = [
    "DEFAULT_ORG",
    "Client",
    "ConfigurationError",
    "Discount",
    "Event",
    "Host",
    "Invoice",
    "Money",
    "MoneyError",
    "NotFoundError",
    "Outcome",
    "Referral",
    "ReferralCodeField",
    "Referrals",
    "ReferralsError",
    "StateError",
    "Terms",
    "TermsError",
    "Tried",
    "Version",
    "spread",
]
