"""Qualification and reward: claimed once, made in the transaction of the payment, undone by what undoes it (R, U)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, bindparam, insert, or_, select, update

from ..domain import states
from ..domain.rewards import PlannedReward, kind_now, plan, taken_back
from ..domain.terms import Terms, Version
from ..domain.waiting import Room, cash_waits, first_wait
from ..models import AccountRow, ReferralRow, RewardRow
from ..models.ledger import COUNTS, ORG_ITSELF
from ..money import Money
from . import lots, recalls, vouchers
from .ledger import Books, Owner, open_books
from .programs import Program
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
        expires_at=None,
    )
)
_UNDO = (
    update(_REFERRAL)
    .where(_REFERRAL.c.id == bindparam("referral_id"), _REFERRAL.c.state == "qualified")
    .where(_REFERRAL.c.epoch == bindparam("old_epoch"))
    .values(state="pending", qualified_at=None, qualified_invoice_id=None, expires_at=bindparam("until"))
)
_NOW = (
    select(_REFERRAL.c.state, _REFERRAL.c.epoch, _REFERRAL.c.qualified_invoice_id)
    .where(_REFERRAL.c.id == bindparam("referral_id"))
    .with_for_update()
)
_INSERT_REWARDS = insert(_REWARD).returning(_REWARD.c.id, _REWARD.c.beneficiary, _REWARD.c.cause)
_STANDING = (
    select(_REWARD)
    .where(_REWARD.c.org == bindparam("org"), _REWARD.c.state.in_(["pending", "issued"]))
    .where(
        or_(
            (_REWARD.c.referral_id == bindparam("referral_id")) & (_REWARD.c.epoch == bindparam("epoch")),
            (_REWARD.c.client_id == bindparam("referrer_id")) & (_REWARD.c.milestone > bindparam("n")),
        )
    )
    .order_by(_REWARD.c.id)
    .with_for_update()
)


def claim(unit: Unit, referral: ReferralTie, invoice_id: str | None) -> bool:
    """Take the step from pending to qualified; False where it was taken beside us (R4: the guard is the statement)."""
    while True:
        binds = {"referral_id": referral.id, "old_epoch": referral.epoch, "now": unit.now, "invoice_id": invoice_id}
        if unit.connection.execute(_CLAIM, binds).rowcount == 1:
            return True
        if _reread(unit, referral).state != "pending":
            return False


def unclaim(unit: Unit, referral: ReferralTie, version: Version) -> bool:
    """Take the step back from qualified to pending (U1); False where it was taken beside us."""
    invoice_id = referral.qualified_invoice_id
    until = expiry(version.terms, referral)
    while True:
        binds = {"referral_id": referral.id, "old_epoch": referral.epoch, "until": until}
        if unit.connection.execute(_UNDO, binds).rowcount == 1:
            return True
        if _reread(unit, referral).qualified_invoice_id != invoice_id:
            return False


def expiry(terms: Terms, referral: ReferralTie) -> Any:
    """When a referral that has not qualified expires (U3); None for never."""
    days = terms.qualify_within_days
    return None if days is None else referral.attributed_at + timedelta(days=days)


def _reread(unit: Unit, referral: ReferralTie) -> ReferralTie:
    """The referral as it stands now, locked: past an older snapshot of the host's transaction."""
    row = unit.connection.execute(_NOW, {"referral_id": referral.id}).one()
    referral.state, referral.epoch, referral.qualified_invoice_id = row
    return referral


# -- made ------------------------------------------------------------------------------------------------------------


def owners_of_plan(referral: ReferralTie, terms: Terms, program: Program, basis: Money | None) -> list[Owner]:
    """The accounts that the rewards of this referral may be booked on, whatever the tier, and the budget's."""
    promises = [terms.referrer_reward, *(tier.promise for tier in terms.tiers)]
    found: set[Owner] = set()
    if terms.milestones or any(promise is not None and promise.amount is not None for promise in promises):
        found.add((referral.referrer_id, terms.currency))
    if basis is not None and any(promise is not None and promise.percent is not None for promise in promises):
        found.add((referral.referrer_id, basis.currency))
    if terms.referee_reward is not None:
        found.add((referral.referee_id, terms.currency))
    return [*found, *budget_owners(program)]


def budget_owners(program: Program) -> list[Owner]:
    """The org's rows that say what of a budget is used, as far as any version has one; always locked first."""
    budgets = (version.terms.limits.budget for version in program.versions)
    return [(ORG_ITSELF, currency) for currency in {budget.currency for budget in budgets if budget is not None}]


def month_of(unit: Unit, org: str) -> str:
    """The present month in the org's time zone, as YYYY-MM (L1, T4)."""
    return f"{unit.now.astimezone(unit.host.timezone(org)):%Y-%m}"


def room_for(books: Books, terms: Terms, client_id: str, month: str) -> Room:
    """What the limits in force leave for this referrer, from the locked rows (L1)."""
    limits = terms.limits
    counts = books.accounts.get((client_id, COUNTS))
    room = Room(limits)
    if counts is not None:
        room.issued, room.waiting = counts.issued, counts.waiting
        room.in_month = counts.in_month if counts.month == month else 0
        room.in_year = counts.in_year if counts.month[:4] == month[:4] else 0
    budget = None if limits.budget is None else books.accounts.get((ORG_ITSELF, limits.budget.currency))
    if budget is not None:
        room.spent, room.budget_waiting = budget.issued, budget.waiting
    return room


def make(
    unit: Unit,
    books: Books,
    referral: ReferralTie,
    version: Version,
    program: Program,
    *,
    invoice_id: str | None,
    basis: Money | None,
    paid: Money | None,
) -> None:
    """Make the rewards of a referral that was just claimed, and issue what need not wait (R4, R5, R8, L1, R10).

    `basis` is what a percentage is of, `paid` what stays paid of the qualifying invoice; both None at registration.
    """
    counts = books.accounts[referral.referrer_id, COUNTS]
    n, linked = counts.qualified, bool(counts.linked) or not unit.banks
    sides = {"referrer": referral.referrer_id, "referee": referral.referee_id}
    facts: dict[str, Any] = {"referral_id": referral.id, "invoice_id": invoice_id, "terms_id": version.id}
    unit.record(
        "qualified",
        referral.org,
        referral.referrer_id,
        other_id=referral.referee_id,
        both=True,
        amount=paid,
        n=n,
        **facts,
    )
    planned = plan(version.terms, n, basis)
    if not planned:
        return
    in_force = program.at(unit.now) or version
    month = month_of(unit, referral.org)
    room = room_for(books, in_force.terms, referral.referrer_id, month)
    spendable = {owner: account.balance - account.held for owner, account in books.accounts.items()}
    rows = []
    for reward in planned:
        row = _row(unit, reward, referral, version, n, paid) | facts | {"client_id": sides[reward.beneficiary]}
        if reward.beneficiary == "referrer" and reward.kind != "service":
            row["kind"] = kind_now(reward.choices, counts.chosen, linked=linked)
        row["waits_for"] = first_wait(
            in_force.terms.approval,
            flagged=bool(referral.flags),
            approved=False,
            hold_until=row["hold_until"],
            now=unit.now,
        )
        cash = row["kind"] == "cash"
        if row["waits_for"] is None:
            taken = replace(room) if cash else room  # cash takes its place once it is in a payout
            if (limit := taken.take(reward.beneficiary, reward.amount)) is not None:
                row |= {"waits_for": "limit", "reason": limit}
        if cash and row["waits_for"] is None:
            row["waits_for"] = cash_waits(linked=linked)
        if row["waits_for"] is None:
            owner = (row["client_id"], row["currency"])
            after = spendable.get(owner, 0) + reward.amount.minor
            spendable[owner] = after
            row |= issued(unit, version.terms, row["kind"], reward.amount.minor, after, month)
        rows.append(row)
    made = unit.connection.execute(_INSERT_REWARDS, sole(rows))
    ids = {(row.beneficiary, row.cause): row.id for row in made}
    for row in rows:
        found = Reward(
            row
            | {"id": ids[row["beneficiary"], row["cause"]], "taken_minor": 0, "expired_minor": 0, "payable_minor": 0}
        )
        if found.state == "issued":
            book(unit, books, referral, found)
        else:
            tell_pending(unit, referral, found)


class Reward:
    """A reward as a row or as what is about to be one; the fields by their names."""

    def __init__(self, values: Any) -> None:
        self.values = dict(values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def amount(self) -> Money:
        """What it stands at: before any clawback, less what was taken back while it was pending."""
        return Money(self.amount_minor - self.taken_minor, self.currency)


def _row(
    unit: Unit, reward: PlannedReward, referral: ReferralTie, version: Version, n: int, paid: Money | None
) -> dict[str, Any]:
    """The columns of a new reward, pending."""
    days = version.terms.hold_days
    return {
        "org": referral.org,
        "epoch": referral.epoch + 1,
        "beneficiary": reward.beneficiary,
        "cause": reward.cause,
        "kind": reward.kind,
        "amount_minor": reward.amount.minor,
        "currency": reward.amount.currency,
        "state": "pending",
        "reason": None,
        "n": n,
        "made_at": unit.now,
        "hold_until": None if days is None else unit.now + timedelta(days=days),
        "milestone": reward.milestone,
        "paid_minor": paid.minor if paid is not None and reward.shrinks else None,
        "service": reward.service,
        "choices": None if reward.choices == ("credit",) else ",".join(reward.choices),
        "issued_at": None,
        "issued_month": None,
        "expires_at": None,
        "lapses_at": None,
        "remaining_minor": 0,
        "voucher": None,
    }


def issued(unit: Unit, terms: Terms, kind: str, amount: int, spendable_after: int, month: str) -> dict[str, Any]:
    """The columns of a reward that is issued now: credit with its expiry, or a voucher (K3, R7)."""
    found = {"state": states.step("reward", "pending", "issued"), "issued_at": unit.now, "issued_month": month}
    found |= {"waits_for": None, "reason": None}
    if kind == "service":
        return found | {"voucher": "open"}
    if kind == "cash":
        return found
    return found | lots.new_lot(unit, terms, amount, spendable_after)


def book(unit: Unit, books: Books, referral: ReferralTie, reward: Reward) -> None:
    """Book a reward that is issued now, and log it on both records (R10)."""
    if reward.kind == "credit" and reward.amount:
        books.post(
            reward.client_id,
            reward.amount,
            "reward",
            f"reward:{reward.id}:issue",
            referral_id=referral.id,
            invoice_id=reward.invoice_id,
        )
    log(unit, "reward_issued", referral, reward, reward.amount)
    if reward.kind == "service":
        vouchers.log(unit, "voucher_issued", reward)


def tell_pending(unit: Unit, referral: ReferralTie, reward: Reward) -> None:
    """Log that a reward waits, and for what."""
    until = None if reward.waits_for != "hold" else reward.hold_until.isoformat()
    log(
        unit, "reward_pending", referral, reward, reward.amount,
        waits_for=reward.waits_for, hold_until=until, reason=reward.reason,
    )  # fmt: skip


# -- undone ----------------------------------------------------------------------------------------------------------


def undo(
    unit: Unit, books: Books, referral: ReferralTie, reason: str, invoice_id: str | None, actor_note: str = ""
) -> None:
    """Undo the rewards of a referral that does not stand qualified any more, and the milestones above its count now.

    `books` has every account of both sides locked; each reward is cancelled or reversed (U1, U4, R3).
    """
    counts = books.accounts[referral.referrer_id, COUNTS]
    counts.qualified -= 1
    unit.connection.execute(
        update(_ACCOUNT).where(_ACCOUNT.c.id == counts.id).values(qualified=_ACCOUNT.c.qualified - 1)
    )
    binds = {
        "org": referral.org,
        "referral_id": referral.id,
        "epoch": referral.epoch,
        "referrer_id": referral.referrer_id,
        "n": counts.qualified,
    }
    for row in list(unit.connection.execute(_STANDING, binds)):
        close(unit, books, referral, Reward(row._mapping), reason, invoice_id, note=actor_note)


def close(
    unit: Unit,
    books: Books,
    referral: ReferralTie,
    reward: Reward,
    reason: str,
    invoice_id: str | None,
    note: str = "",
) -> None:
    """Cancel a reward that is pending, or take back one that is issued, as far as it is still there (U1, K5, R7)."""
    state = states.step("reward", reward.state, "reversed" if reward.state == "issued" else "cancelled")
    values: dict[str, Any] = {"state": state, "reason": reason, "closed_at": unit.now, "waits_for": None}
    values["milestone"] = None
    amount = reward.amount
    if state == "reversed" and reward.kind == "credit":
        amount = Money(max(0, reward.amount_minor - reward.taken_minor - reward.expired_minor), reward.currency)
    if state == "reversed" and reward.kind == "service":
        values |= vouchers.withdrawn(unit, reward)
    if state == "reversed" and reward.kind == "cash":
        recalls.withdraw(unit, reward, amount.minor, reason)
    unit.connection.execute(update(_REWARD).where(_REWARD.c.id == reward.id).values(**values))
    if state == "reversed" and reward.kind == "credit":
        key = f"reward:{reward.id}:reverse"
        _take(unit, books, reward, amount.minor, key, invoice_id)
    log(unit, f"reward_{state}", referral, reward, amount, reason=reason, note=note or None, invoice_id=invoice_id)


def _take(unit: Unit, books: Books, reward: Reward, amount: int, key: str, invoice_id: str | None) -> None:
    """Book a clawback, and take it out of the lots."""
    if amount:
        money = Money(amount, reward.currency)
        books.post(reward.client_id, -money, "reversal", key, referral_id=reward.referral_id, invoice_id=invoice_id)
        lots.debit(unit, books, reward.client_id, reward.currency, amount, own=reward.id)


def proportional(unit: Unit, referral: ReferralTie) -> list[Reward]:
    """The rewards of the referral's present qualification that shrink with what stays paid (U2)."""
    query = select(_REWARD).where(
        _REWARD.c.referral_id == referral.id,
        _REWARD.c.epoch == referral.epoch,
        _REWARD.c.paid_minor.is_not(None),
        _REWARD.c.state.in_(["pending", "issued"]),
    )
    return [Reward(row._mapping) for row in unit.connection.execute(query.with_for_update())]


def needs_resizing(reward: Reward, stays: int) -> bool:
    """Whether what stays paid calls for another amount than the reward has."""
    return bool(taken_back(reward.amount_minor, stays, reward.paid_minor) != reward.taken_minor)


def resize(unit: Unit, books: Books, referral: ReferralTie, reward: Reward, stays: int, invoice_id: str) -> None:
    """Bring a percentage reward to its part of what stays paid (U2): down by a refund, up again by a new payment.

    What has expired of it counts as taken back already (K5).
    """
    target = taken_back(reward.amount_minor, stays, reward.paid_minor)
    old = reward.taken_minor
    if reward.state == "issued" and target > old:
        target = max(old, target - reward.expired_minor)
    if target == old:
        return
    changed = unit.connection.execute(
        update(_REWARD)
        .where(_REWARD.c.id == reward.id, _REWARD.c.taken_minor == old, _REWARD.c.state == reward.state)
        .values(taken_minor=target)
    )
    if changed.rowcount != 1:
        return
    part = Money(abs(target - old), reward.currency)
    if reward.state == "issued" and reward.kind == "cash":
        if target > old:
            recalls.withdraw(unit, reward, part.minor, "refunded")
        else:
            more = update(_REWARD).where(_REWARD.c.id == reward.id)
            unit.connection.execute(more.values(payable_minor=_REWARD.c.payable_minor + part.minor))
    elif reward.state == "issued":
        account = books.accounts[reward.client_id, reward.currency]
        key = f"reward:{reward.id}:resize:{account.seq + 1}"
        if target > old:
            _take(unit, books, reward, part.minor, key, invoice_id)
        else:
            books.post(reward.client_id, part, "reward", key, referral_id=referral.id, invoice_id=invoice_id)
            if reward.expires_at is not None:
                lots.put_back(unit, books, [(reward.id, part.minor)], invoice_id)
    kind = "reward_reduced" if target > old else "reward_restored"
    log(unit, kind, referral, reward, part, invoice_id=invoice_id)


def log(unit: Unit, kind: str, referral: ReferralTie, reward: Reward, amount: Money, **data: Any) -> None:
    """Log it on both records, the beneficiary's first, with what a dispute over it would need (R10, G1)."""
    mine = reward.client_id == referral.referrer_id
    unit.record(
        kind,
        referral.org,
        reward.client_id,
        other_id=referral.referee_id if mine else referral.referrer_id,
        both=True,
        amount=None if reward.kind == "service" and not amount else amount,
        referral_id=reward.referral_id,
        invoice_id=data.pop("invoice_id", None) or reward.invoice_id,
        terms_id=reward.terms_id,
        reward_id=reward.id,
        n=reward.n,
        cause=None if reward.cause == "base" else reward.cause,
        service=reward.service,
        given_as="cash" if reward.kind == "cash" else None,
        **data,
    )


def open_for(
    unit: Unit, referral: ReferralTie, program: Program, terms: Terms, basis: Money | None, more: list[Owner]
) -> Books:
    """Open and lock what a new qualification is booked on, and count it."""
    owners = [*owners_of_plan(referral, terms, program, basis), *more]
    return open_books(unit, referral.org, owners, qualified={referral.referrer_id: 1})
