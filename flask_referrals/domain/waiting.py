"""Why a reward is not issued yet: approval, hold, a limit, and cash its bank account or its payout (R5, R6, R8, L1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..money import Money
from .rewards import Beneficiary
from .terms import Approval, Limits


def first_wait(
    approval: Approval, *, flagged: bool, approved: bool, hold_until: datetime | None, now: datetime
) -> str | None:
    """What a reward waits for before the limits are asked: `approval`, `hold`, or None."""
    if not approved and (approval == "all" or (approval == "flagged" and flagged)):
        return "approval"
    return "hold" if hold_until is not None and hold_until > now else None


def cash_waits(*, linked: bool) -> str:
    """What a cash reward waits for that nothing else keeps: a bank account, or the next payout (R6, P7)."""
    return "min_payout" if linked else "bank_account"


@dataclass(slots=True)
class Room:
    """What of the limits is left for one referrer: how many rewards stand issued, and what of the budget is used (L1).

    `waiting` and `budget_waiting` say that somebody stands in the queue already: then nobody goes past (oldest first).
    """

    limits: Limits
    in_month: int = 0
    in_year: int = 0
    issued: int = 0
    waiting: int = 0
    spent: int = 0
    budget_waiting: int = 0

    def take(self, beneficiary: Beneficiary, amount: Money) -> str | None:
        """Take the place for one more reward; the limit that leaves none instead, which takes nothing.

        `per_month`, `per_year`, `total` are the referrer's rewards alone, `budget` all the program's in its currency.
        """
        limits, mine = self.limits, beneficiary == "referrer"
        if mine:
            counts = {"per_month": self.in_month, "per_year": self.in_year, "total": self.issued}
            for name, used in counts.items():
                most = getattr(limits, name)
                if most is not None and used + self.waiting >= most:
                    self.waiting += 1
                    return name
        costs = limits.budget is not None and limits.budget.currency == amount.currency
        if (
            costs
            and limits.budget is not None
            and (self.budget_waiting or self.spent + amount.minor > limits.budget.minor)
        ):
            self.budget_waiting += 1
            self.waiting += mine
            return "budget"
        if costs:
            self.spent += amount.minor
        if mine:
            self.in_month, self.in_year, self.issued = self.in_month + 1, self.in_year + 1, self.issued + 1
        return None
