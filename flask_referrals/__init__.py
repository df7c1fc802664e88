"""Client referral program for Flask invoicing apps."""

from __future__ import annotations

from .adapters.model_host import ModelHost
from .domain.terms import Discount, Limits, Milestone, Promise, Service, Terms, Tier, Version
from .errors import ConfigurationError, MoneyError, NotFoundError, ReferralsError, StateError, TermsError
from .events import Event
from .extension import Referrals
from .host import DEFAULT_ORG, Client, Host, Invoice, Member
from .money import Money, percent_for, spread, spread_by
from .services.cashbook import PayoutLine
from .services.codes import Code
from .services.outcomes import Outcome, Referral, Tried
from .services.portal import Balance, News, ReferralLine, RewardLine
from .services.ports import Gateway, Mail, Mailer
from .services.programs import Program
from .web.fields import ReferralCodeField, TypedCode, read_code

__all__ = [
    "DEFAULT_ORG",
    "Balance",
    "Client",
    "Code",
    "ConfigurationError",
    "Discount",
    "Event",
    "Gateway",
    "Host",
    "Invoice",
    "Limits",
    "Mail",
    "Mailer",
    "Member",
    "Milestone",
    "ModelHost",
    "Money",
    "MoneyError",
    "News",
    "NotFoundError",
    "Outcome",
    "PayoutLine",
    "Program",
    "Promise",
    "Referral",
    "ReferralCodeField",
    "ReferralLine",
    "Referrals",
    "ReferralsError",
    "RewardLine",
    "Service",
    "StateError",
    "Terms",
    "TermsError",
    "Tier",
    "Tried",
    "TypedCode",
    "Version",
    "percent_for",
    "read_code",
    "spread",
    "spread_by",
]
