"""Our tables: columns, constraints, indexes; no behaviour."""

from __future__ import annotations

from .base import Base, metadata
from .ledger import AccountRow, HoldRow, LedgerRow
from .log import ActivityRow, RetryRow
from .program import BlockRow, CodeRow, ProgramRow, TermsRow
from .referral import ReferralRow, RewardRow

__all__ = [
    "AccountRow",
    "ActivityRow",
    "Base",
    "BlockRow",
    "CodeRow",
    "HoldRow",
    "LedgerRow",
    "ProgramRow",
    "ReferralRow",
    "RetryRow",
    "RewardRow",
    "TermsRow",
    "metadata",
]
