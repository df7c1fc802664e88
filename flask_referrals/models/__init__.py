"""Our tables: columns, constraints, indexes; no behaviour."""

from __future__ import annotations

from .base import Base, metadata
from .cash import BankRow, EventRow, InstallationRow, PayeeRow, PayoutItemRow, PayoutRow, ReversalRow
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
    "BankRow",
    "Base",
    "BlockRow",
    "CodeRow",
    "DailyRow",
    "EventRow",
    "HoldRow",
    "InstallationRow",
    "InvitationRow",
    "LedgerRow",
    "PayeeRow",
    "PayoutItemRow",
    "PayoutRow",
    "PreferencesRow",
    "ProgramRow",
    "ReferralRow",
    "RetryRow",
    "ReversalRow",
    "RewardRow",
    "SuppressionRow",
    "TermsRow",
    "metadata",
]
