"""Our tables: columns, constraints, indexes; no behaviour."""

from __future__ import annotations

from .base import Base, metadata
from .client import InvitationRow, PreferencesRow, SuppressionRow
from .ledger import AccountRow, HoldRow, LedgerRow
from .log import ActivityRow, RetryRow
from .program import BlockRow, CodeRow, ProgramRow, TermsRow
from .referral import ReferralRow, RewardRow
from .statistics import COUNTED, DailyRow

__all__ = [
    "COUNTED",
    "AccountRow",
    "ActivityRow",
    "Base",
    "BlockRow",
    "CodeRow",
    "DailyRow",
    "HoldRow",
    "InvitationRow",
    "LedgerRow",
    "PreferencesRow",
    "ProgramRow",
    "ReferralRow",
    "RetryRow",
    "RewardRow",
    "SuppressionRow",
    "TermsRow",
    "metadata",
]
