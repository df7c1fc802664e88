"""What staff decide by hand: approvals, rejections, attributions, adjustments; all on the log (R8, A8, U4, K6)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Table, select, update

from ..domain.attribution import Attempt, refusal
from ..errors import NotFoundError, StateError
from ..host import Client
from ..models import AccountRow, LedgerRow, ReferralRow, RewardRow
from ..models.ledger import COUNTS
from ..money import Money
from . import attribution, lots, rewards
from .ledger import lock_all, open_books
from .outcomes import Outcome
from .rewards import Reward
from .settling import settle, tie_of
from .unit import Unit

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]


def waiting_of(unit: Unit, org: str, referee_id: str, waits_for: str = "approval") -> list[int]:
    """The rewards of the referee's live referral that wait for this."""
    query = (
        select(_REWARD.c.id)
        .join(_REFERRAL, _REFERRAL.c.id == _REWARD.c.referral_id)
        .where(_REFERRAL.c.org == org, _REFERRAL.c.referee_id == referee_id, _REFERRAL.c.live == 1)
        .where(_REWARD.c.waits_for == waits_for)
        .order_by(_REWARD.c.id)
    )
    return list(unit.connection.scalars(query))


def approve_rewards(unit: Unit, org: str, reward_ids: Sequence[int], reason: str) -> list[int]:
    """Approve those of the org's rewards that wait for it: each is issued, unless something else keeps it (R8)."""
    decided = []
    for reward_id in sorted(reward_ids):
        statement = update(_REWARD).where(
            _REWARD.c.id == reward_id, _REWARD.c.org == org, _REWARD.c.waits_for == "approval"
        )
        by = unit.actor[:200] or "staff"
        if unit.connection.execute(statement.values(approved_by=by)).rowcount == 1:
            _told(unit, reward_id, "reward_approved", reason)
            settle(unit, reward_id)
            decided.append(reward_id)
    return decided


def release_rewards(unit: Unit, org: str, reward_ids: Sequence[int], reason: str) -> list[int]:
    """Let those of the org's rewards that wait for a limit past it (L1)."""
    decided = []
    for reward_id in sorted(reward_ids):
        query = select(_REWARD.c.id).where(
            _REWARD.c.id == reward_id, _REWARD.c.org == org, _REWARD.c.waits_for == "limit"
        )
        if unit.connection.scalar(query) is not None:
            _told(unit, reward_id, "reward_released", reason)
            settle(unit, reward_id, past_limits=True)
            decided.append(reward_id)
    return decided


def refuse_rewards(unit: Unit, org: str, reward_ids: Sequence[int], reason: str) -> list[int]:
    """Refuse those of the org's rewards that are pending: each is cancelled with `refused_by_staff` (R8)."""
    decided = []
    for reward_id in sorted(reward_ids):
        query = select(_REWARD).where(_REWARD.c.id == reward_id, _REWARD.c.org == org)
        seen = unit.connection.execute(query).one_or_none()
        if seen is None or seen.state != "pending":
            continue
        referral = tie_of(unit, seen.referral_id)
        books = lock_all(unit, org, referral.referrer_id, referral.referee_id)
        now = unit.connection.execute(query.with_for_update()).one()
        if now.state == "pending":
            rewards.close(unit, books, referral, Reward(now._mapping), "refused_by_staff", None, note=reason)
            decided.append(reward_id)
    return decided


def _told(unit: Unit, reward_id: int, kind: str, reason: str) -> None:
    reward = unit.connection.execute(select(_REWARD).where(_REWARD.c.id == reward_id)).one()
    unit.record(
        kind, reward.org, reward.client_id, announces=False, referral_id=reward.referral_id, terms_id=reward.terms_id,
        invoice_id=reward.invoice_id, reward_id=reward_id, note=reason or None,
    )  # fmt: skip


def live_referral(unit: Unit, org: str, referee_id: str) -> int | None:
    """The id of the referee's referral that is not rejected."""
    query = select(_REFERRAL.c.id).where(
        _REFERRAL.c.org == org, _REFERRAL.c.referee_id == referee_id, _REFERRAL.c.live == 1
    )
    found: int | None = unit.connection.scalar(query)
    return found


def reject(unit: Unit, org: str, referral_id: int, reason: str) -> None:
    """Reject a referral for good: its rewards are cancelled or reversed (U4).

    NotFoundError if the org has none with that id; StateError if it is rejected already.
    """
    query = select(_REFERRAL.c.id).where(_REFERRAL.c.id == referral_id, _REFERRAL.c.org == org)
    if unit.connection.scalar(query) is None:
        raise NotFoundError(f"there is no referral {referral_id} in this org", referral_id=referral_id)
    referral = tie_of(unit, referral_id, lock=True)
    if referral.state == "rejected":
        raise StateError("referral", referral.state, "rejected")
    unit.connection.execute(
        update(_REFERRAL)
        .where(_REFERRAL.c.id == referral_id)
        .values(state="rejected", live=None, expires_at=None, qualified_at=None, qualified_invoice_id=None)
    )
    unit.record(
        "rejected", org, referral.referrer_id, other_id=referral.referee_id, both=True, referral_id=referral_id,
        terms_id=referral.terms_id, note=reason or None,
    )  # fmt: skip
    books = lock_all(unit, org, referral.referrer_id, referral.referee_id)
    counts = books.accounts[referral.referrer_id, COUNTS]
    fewer = update(_ACCOUNT).where(_ACCOUNT.c.id == counts.id).values(referred=_ACCOUNT.c.referred - 1)
    unit.connection.execute(fewer)
    if referral.state == "qualified":
        rewards.undo(unit, books, referral, "rejected", None, reason)
    books.write()


def attribute(unit: Unit, referee: Client, referrer: Client, note: str) -> Outcome:
    """Bind a client to a referrer by hand, under the terms in force (A8).

    Refused with `program_off`, `self_referral`, `already_referred` or `existing_client`. A discount that a rejected
    referral of the referee's has used stays used (D3).
    """
    version = unit.programs.get(unit.connection, referee.org).at(unit.now)
    reason = refusal(
        Attempt(
            key="",
            code_found=True,
            program_on=version is not None and unit.programs.get(unit.connection, referee.org).enabled,
            same_person=attribution.same_person(unit, referee, referrer),
            already_referred=live_referral(unit, referee.org, referee.id) is not None,
            existing_client=unit.host.has_paid_invoice(referee),
        )
    )
    if reason is not None or version is None:
        return Outcome(ok=False, reason=reason or "program_off")
    made = attribution.bind_by_staff(unit, referee, referrer, version, note, _used_discount(unit, referee))
    return Outcome(ok=False, reason="already_referred") if made is None else Outcome(ok=True, referral=made)


def _used_discount(unit: Unit, referee: Client) -> dict[str, object]:
    """What a rejected referral of this referee's says of the discount that it gave."""
    names = ("discount_invoice_id", "discount_minor", "discount_currency")
    query = (
        select(*(_REFERRAL.c[name] for name in names))
        .where(_REFERRAL.c.org == referee.org, _REFERRAL.c.referee_id == referee.id)
        .where(_REFERRAL.c.state == "rejected", _REFERRAL.c.discount_minor > 0)
        .order_by(_REFERRAL.c.id.desc())
        .limit(1)
    )
    row = unit.connection.execute(query).one_or_none()
    return {} if row is None else dict(row._mapping)


def adjust(unit: Unit, org: str, client_id: str, amount: Money, note: str, key: str | None = None) -> Outcome:
    """Book an adjustment of a client's credit, up or down, with a note (K6); the same `key` twice books once.

    It does not expire. Taking away more than there is leaves a balance below zero (K5). ValueError for nothing.
    """
    if not amount:
        raise ValueError("an adjustment is not zero")
    books = open_books(unit, org, [(client_id, amount.currency)])
    account_id, nonce = books.accounts[client_id, amount.currency].id, (key or uuid.uuid4().hex)[:150]
    entry = f"adjust:{account_id}:{nonce}"
    query = select(_LEDGER.c.id).where(_LEDGER.c.key == entry).with_for_update()
    if unit.connection.scalar(query) is None:
        books.post(client_id, amount, "adjustment", entry)
        if amount.minor < 0:
            lots.debit(unit, books, client_id, amount.currency, -amount.minor)
        books.write()
        unit.record("credit_adjusted", org, client_id, amount=amount, note=note)
    return Outcome(ok=True, amount=amount)
