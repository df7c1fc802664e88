"""Qualification and reward: claimed once, issued in the transaction of the payment, undone by what undoes it (R, U)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update

from ..domain import states
from ..domain.rewards import plan
from ..domain.terms import Version
from ..host import Invoice
from ..models import AccountRow, ReferralRow, RewardRow
from ..models.ledger import COUNTS
from ..money import Money
from .ledger import Books, Owner
from .sql import sole
from .ties import ReferralTie
from .unit import Unit

_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]

_CLAIM = (
    update(_REFERRAL)
    .where(_REFERRAL.c.id == bindparam("referral_id"), _REFERRAL.c.state == "pending")
    .where(_REFERRAL.c.epoch == bindparam("old_epoch"))
    .values(
        state="qualified",
        epoch=bindparam("old_epoch", type_=_REFERRAL.c.epoch.type) + 1,
        qualified_at=bindparam("now"),
        qualified_invoice_id=bindparam("invoice_id"),
    )
)
_UNDO = (
    update(_REFERRAL)
    .where(_REFERRAL.c.id == bindparam("referral_id"), _REFERRAL.c.state == "qualified")
    .where(_REFERRAL.c.epoch == bindparam("old_epoch"))
    .values(state="pending", qualified_at=None, qualified_invoice_id=None)
)
_NOW = (
    select(_REFERRAL.c.state, _REFERRAL.c.epoch, _REFERRAL.c.qualified_invoice_id)
    .where(_REFERRAL.c.id == bindparam("referral_id"))
    .with_for_update()
)
_INSERT_REWARDS = insert(_REWARD).returning(_REWARD.c.id, _REWARD.c.beneficiary, _REWARD.c.cause)
_STANDING = select(_REWARD).where(
    _REWARD.c.referral_id == bindparam("referral_id"),
    _REWARD.c.epoch == bindparam("epoch"),
    _REWARD.c.state.in_(["pending", "issued"]),
)


def claim(unit: Unit, referral: ReferralTie, invoice_id: str) -> bool:
    """Take the step from pending to qualified; False where it was taken beside us (R4: the guard is the statement)."""
    while True:
        binds = {"referral_id": referral.id, "old_epoch": referral.epoch, "now": unit.now, "invoice_id": invoice_id}
        if unit.connection.execute(_CLAIM, binds).rowcount == 1:
            return True
        if _reread(unit, referral).state != "pending":
            return False


def unclaim(unit: Unit, referral: ReferralTie) -> bool:
    """Take the step back from qualified to pending (U1); False where it was taken beside us."""
    invoice_id = referral.qualified_invoice_id
    while True:
        binds = {"referral_id": referral.id, "old_epoch": referral.epoch}
        if unit.connection.execute(_UNDO, binds).rowcount == 1:
            return True
        if _reread(unit, referral).qualified_invoice_id != invoice_id:
            return False


def _reread(unit: Unit, referral: ReferralTie) -> ReferralTie:
    """The referral as it stands now, locked: past an older snapshot of the host's transaction."""
    row = unit.connection.execute(_NOW, {"referral_id": referral.id}).one()
    referral.state, referral.epoch, referral.qualified_invoice_id = row
    return referral


def owners_of_plan(referral: ReferralTie, version: Version) -> list[Owner]:
    """The accounts that the rewards of this referral will be booked on."""
    sides = {"referrer": referral.referrer_id, "referee": referral.referee_id}
    return [(sides[planned.beneficiary], planned.amount.currency) for planned in plan(version.terms)]


def issue(unit: Unit, books: Books, referral: ReferralTie, version: Version, invoice: Invoice) -> None:
    """Make the rewards of a referral that was just claimed, and book them (R4, R5, R10)."""
    n = books.accounts[referral.referrer_id, COUNTS].qualified
    sides = {"referrer": referral.referrer_id, "referee": referral.referee_id}
    facts: dict[str, Any] = {"referral_id": referral.id, "invoice_id": invoice.id, "terms_id": version.id}
    unit.record("qualified", referral.org, referral.referrer_id, other_id=referral.referee_id, both=True, n=n, **facts)
    planned = plan(version.terms)
    rows = [
        {
            "org": referral.org,
            "epoch": referral.epoch + 1,
            "beneficiary": reward.beneficiary,
            "cause": reward.cause,
            "client_id": sides[reward.beneficiary],
            "kind": reward.kind,
            "amount_minor": reward.amount.minor,
            "currency": reward.amount.currency,
            "state": "issued",
            "n": n,
            "made_at": unit.now,
            "issued_at": unit.now,
            **facts,
        }
        for reward in planned
    ]
    made = unit.connection.execute(_INSERT_REWARDS, sole(rows))
    ids = {(row.beneficiary, row.cause): row.id for row in made}
    for reward in planned:
        reward_id = ids[reward.beneficiary, reward.cause]
        client_id = sides[reward.beneficiary]
        books.post(
            client_id,
            reward.amount,
            "reward",
            f"reward:{reward_id}:issue",
            referral_id=referral.id,
            invoice_id=invoice.id,
        )
        _log(unit, "reward_issued", referral, client_id, reward.amount, reward_id, n=n, **facts)


def standing(unit: Unit, referral: ReferralTie) -> list[Any]:
    """The rewards of the referral's present qualification that are pending or issued."""
    return list(unit.connection.execute(_STANDING, {"referral_id": referral.id, "epoch": referral.epoch}))


def reverse(unit: Unit, books: Books, referral: ReferralTie, rewards: list[Any], invoice: Invoice, reason: str) -> None:
    """Undo the rewards of a referral that was just unclaimed: cancel or take back each (U1)."""
    unit.connection.execute(
        update(_ACCOUNT)
        .where(_ACCOUNT.c.id == books.accounts[referral.referrer_id, COUNTS].id)
        .values(qualified=_ACCOUNT.c.qualified - 1)
    )
    facts: dict[str, Any] = {"referral_id": referral.id, "invoice_id": invoice.id, "terms_id": referral.terms_id}
    for reward in rewards:
        state = states.step("reward", reward.state, "reversed" if reward.state == "issued" else "cancelled")
        unit.connection.execute(
            update(_REWARD).where(_REWARD.c.id == reward.id).values(state=state, reason=reason, closed_at=unit.now)
        )
        amount = Money(reward.amount_minor, reward.currency)
        if state == "reversed":
            key = f"reward:{reward.id}:reverse"
            books.post(reward.client_id, -amount, "reversal", key, referral_id=referral.id, invoice_id=invoice.id)
        _log(unit, f"reward_{state}", referral, reward.client_id, amount, reward.id, reason=reason, **facts)


def _log(
    unit: Unit, kind: str, referral: ReferralTie, client_id: str, amount: Money, reward_id: int, **facts: Any
) -> None:
    """Log it on both records, the beneficiary's first, and tell that the beneficiary's credit changed."""
    other = referral.referee_id if client_id == referral.referrer_id else referral.referrer_id
    unit.record(kind, referral.org, client_id, other_id=other, both=True, amount=amount, reward_id=reward_id, **facts)
