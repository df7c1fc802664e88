"""One referral's chain, from the visit to the spending of what it earned: read from the log and the books (G1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, Table, and_, or_, select

from ..domain.terms import Terms, Version
from ..errors import NotFoundError
from ..models import AccountRow, ActivityRow, CodeRow, LedgerRow, ReferralRow, RewardRow, TermsRow
from ..money import Money
from .staff import NO_BOUND

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
_TERMS: Table = TermsRow.__table__  # type: ignore[assignment]

Side = Literal["referrer", "referee"]
#: The steps by which credit is spent. The log names an invoice and no referral: credit of one currency is all alike.
SPENDING = ("credit_held", "credit_captured", "credit_released")
#: So many steps of spending are shown; the rest is on the client's account.
SPENDING_SHOWN = 50
_BOOKED = {"reward_issued": "issue", "reward_reversed": "reverse"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened. `side` is whose it is; `balance` the account's after it, where the books moved."""

    kind: str
    at: datetime
    side: Side
    actor: str
    amount: Money | None = None
    balance: Money | None = None
    invoice_id: str | None = None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """A reward of the referral, standing or not; `epoch` counts the qualifications that made one."""

    id: int
    side: Side
    amount: Money
    state: str
    reason: str | None
    epoch: int
    n: int
    invoice_id: str | None
    made_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A referral with all that hangs on it; names as they were at attribution, times in UTC, steps oldest first.

    `more` says that the spending goes on beyond the steps that are here.
    """

    id: int
    org: str
    referrer_id: str
    referrer_name: str
    referee_id: str
    referee_name: str
    state: str
    via: str
    code: str | None
    visits: int
    touched_at: datetime
    attributed_at: datetime
    version: Version
    discount: Money | None
    discount_invoice_id: str | None
    qualified_at: datetime | None
    qualified_invoice_id: str | None
    rewards: tuple[Earned, ...]
    steps: tuple[Step, ...]
    more: bool = False


_HEAD = (
    select(
        _REFERRAL,
        _CODE.c.text.label("code"),
        _CODE.c.visits,
        *(_TERMS.c[name].label(f"terms_{name}") for name in ("document", "effective_from", "saved_at", "saved_by")),
    )
    .select_from(
        _REFERRAL.join(_TERMS, _TERMS.c.id == _REFERRAL.c.terms_id).outerjoin(
            _CODE, _CODE.c.id == _REFERRAL.c.code_id
        )
    )
)  # fmt: skip


def chain(connection: Connection, org: str, referral_id: int) -> Chain:
    """The chain of the org's referral, in five statements; NotFoundError if the org has none with that id."""
    query = _HEAD.where(_REFERRAL.c.org == org, _REFERRAL.c.id == referral_id)
    row = connection.execute(query).one_or_none() if 0 < referral_id < NO_BOUND else None
    if row is None:
        raise NotFoundError(f"there is no referral {referral_id} in this org", referral_id=referral_id)
    rewards = _rewards(connection, row)
    lines = list(
        connection.execute(
            select(_ACTIVITY)
            .where(_ACTIVITY.c.referral_id == referral_id, _ACTIVITY.c.org == org)
            .where(_IN_FULL)
            .order_by(_ACTIVITY.c.id)
        )
    )
    spending = _spending(connection, row, lines)
    steps = [_step(row, line) for line in sorted([*lines, *spending], key=lambda line: line.id)]
    return Chain(
        **{name: row._mapping[name] for name in _SAME},
        visits=row.visits or 0,
        version=_version(row),
        discount=Money(row.discount_minor, row.discount_currency) if row.discount_minor else None,
        rewards=rewards,
        steps=(*_touch(row), *_with_balances(connection, row, rewards, steps)),
        more=len(spending) == SPENDING_SHOWN,
    )


#: What concerns both sides stands on both records: here once. What is for staff only is nobody's.
_IN_FULL = or_(_ACTIVITY.c.announces, _ACTIVITY.c.other_id.is_(None), _ACTIVITY.c.client_id == "")
_SAME = (
    "id", "org", "referrer_id", "referrer_name", "referee_id", "referee_name", "state", "via", "code", "touched_at",
    "attributed_at", "discount_invoice_id", "qualified_at", "qualified_invoice_id",
)  # fmt: skip


def _rewards(connection: Connection, row: Row[Any]) -> tuple[Earned, ...]:
    query = select(_REWARD).where(_REWARD.c.referral_id == row.id).order_by(_REWARD.c.id)
    return tuple(
        Earned(
            id=found.id,
            side=found.beneficiary,
            amount=Money(found.amount_minor, found.currency),
            state=found.state,
            reason=found.reason,
            epoch=found.epoch,
            n=found.n,
            invoice_id=found.invoice_id,
            made_at=found.made_at,
            closed_at=found.closed_at,
        )
        for found in connection.execute(query)
    )


def _version(row: Row[Any]) -> Version:
    return Version(
        id=row.terms_id,
        org=row.org,
        terms=Terms.from_document(row.terms_document),
        effective_from=row.terms_effective_from,
        saved_at=row.terms_saved_at,
        saved_by=row.terms_saved_by,
    )


def _touch(row: Row[Any]) -> list[Step]:
    """The visit that a link's cookie remembered; a code that is typed is told of by the attribution itself."""
    if row.via != "link":
        return []
    return [Step(kind="touched", at=row.touched_at, side="referee", actor="visitor", data={})]


def _step(row: Row[Any], line: Row[Any]) -> Step:
    return Step(
        kind=line.kind,
        at=line.at,
        side="referrer" if line.client_id == row.referrer_id else "referee",
        actor=line.actor,
        amount=None if line.amount_minor is None else Money(line.amount_minor, line.currency),
        invoice_id=line.invoice_id,
        data=line.data,
    )


def _spending(connection: Connection, row: Row[Any], lines: list[Row[Any]]) -> list[Row[Any]]:
    """How whoever was rewarded spent credit of that currency, from the first reward on."""
    first: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.kind == "reward_issued" and line.data.get("given_as") != "cash":
            first.setdefault((line.client_id, line.currency), line.id)
    if not first:
        return []
    whose = or_(
        *(
            and_(_ACTIVITY.c.client_id == client_id, _ACTIVITY.c.currency == currency, _ACTIVITY.c.id > line_id)
            for (client_id, currency), line_id in first.items()
        )
    )
    query = select(_ACTIVITY).where(_ACTIVITY.c.org == row.org, whose, _ACTIVITY.c.kind.in_(SPENDING))
    return list(connection.execute(query.order_by(_ACTIVITY.c.id).limit(SPENDING_SHOWN)))


def _with_balances(connection: Connection, row: Row[Any], rewards: tuple[Earned, ...], steps: list[Step]) -> list[Step]:
    """The steps with the balance that the books show after each entry they made."""
    if not rewards:
        return steps
    keys = [f"reward:{reward.id}:{verb}" for reward in rewards for verb in _BOOKED.values()]
    invoices = sorted({step.invoice_id for step in steps if step.kind in SPENDING and step.invoice_id})
    query = (
        select(*(_LEDGER.c[name] for name in ("key", "at", "amount", "balance", "invoice_id")), _ACCOUNT.c.client_id)
        .add_columns(_ACCOUNT.c.currency)
        .select_from(_LEDGER.join(_ACCOUNT, _ACCOUNT.c.id == _LEDGER.c.account_id))
        .where(_ACCOUNT.c.org == row.org, _ACCOUNT.c.client_id.in_([row.referrer_id, row.referee_id]))
        .where(or_(_LEDGER.c.key.in_(keys), _LEDGER.c.invoice_id.in_(invoices)))
    )
    by_key: dict[str, Money] = {}
    by_fact: dict[tuple[Any, ...], Money] = {}
    for entry in connection.execute(query):
        balance = Money(entry.balance, entry.currency)
        by_key[entry.key] = balance
        by_fact[entry.client_id, entry.invoice_id, entry.at, entry.amount, entry.currency] = balance

    def found(step: Step) -> Money | None:
        if step.kind in _BOOKED:
            return by_key.get(f"reward:{step.data.get('reward_id')}:{_BOOKED[step.kind]}")
        if step.kind not in SPENDING or step.amount is None:
            return None
        client_id = row.referrer_id if step.side == "referrer" else row.referee_id
        signed = -step.amount.minor if step.kind == "credit_captured" else step.amount.minor
        return by_fact.get((client_id, step.invoice_id, step.at, signed, step.amount.currency))

    return [replace(step, balance=found(step)) for step in steps]
