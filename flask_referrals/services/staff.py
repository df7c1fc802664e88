"""What staff see and do: the list of referrals with its figures, and the saving of terms (T2 to T4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, func, or_, select, union_all

from ..domain import codes
from ..domain.states import REFERRAL
from ..domain.terms import Terms
from ..models import CodeRow, ProgramRow, ReferralRow, RewardRow, TermsRow
from ..money import Money
from . import programs, upkeep
from .unit import Unit

_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_PROGRAM: Table = ProgramRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
_TERMS: Table = TermsRow.__table__  # type: ignore[assignment]

STATES = tuple(REFERRAL)
PAGE = 20
#: Counting stops there, so that the figures cost the same for ten referrals and for ten million.
MANY = 1000
#: No id of ours is as large.
NO_BOUND = 2**62
#: Fewer characters than that match too many codes to be meant as one.
_CODE_PREFIX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which referrals: `text` in a name, or at the start of a code or of a client's id; one state; one referrer."""

    text: str = ""
    state: str | None = None
    referrer_id: str | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A referral in the staff's list; `reward` is the referrer's for the newest qualification."""

    id: int
    referrer_id: str
    referrer_name: str
    referee_id: str
    referee_name: str
    state: str
    via: str
    code: str | None
    attributed_at: datetime
    invoice_id: str | None
    reward: Money | None
    reward_state: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the list: the program's switch, whether it has terms, and referrals per state, none above MANY."""

    enabled: bool
    has_terms: bool
    counts: dict[str, int]


def head(connection: Connection, org: str) -> Head:
    """The head of the list, in one statement."""
    counts = []
    for state in STATES:
        some = select(_REFERRAL.c.id).where(_REFERRAL.c.org == org, _REFERRAL.c.state == state).limit(MANY)
        counts.append(select(func.count()).select_from(some.subquery()).scalar_subquery().label(state))
    enabled = select(_PROGRAM.c.enabled).where(_PROGRAM.c.org == org).scalar_subquery()
    has_terms = exists().where(_TERMS.c.org == org)
    row = connection.execute(select(enabled.label("enabled"), has_terms.label("has_terms"), *counts)).one()
    return Head(bool(row.enabled), bool(row.has_terms), {state: row._mapping[state] for state in STATES})


_ITEMS = select(
    *(
        _REFERRAL.c[name]
        for name in (
            "id", "referrer_id", "referrer_name", "referee_id", "referee_name", "state", "via", "attributed_at",
            "qualified_invoice_id", "discount_invoice_id",
        )
    ),
    _CODE.c.text.label("code"),
    _REWARD.c.amount_minor,
    _REWARD.c.currency,
    _REWARD.c.state.label("reward_state"),
).select_from(
    _REFERRAL.outerjoin(_CODE, _CODE.c.id == _REFERRAL.c.code_id).outerjoin(
        _REWARD,
        and_(
            _REWARD.c.referral_id == _REFERRAL.c.id,
            _REWARD.c.epoch == _REFERRAL.c.epoch,
            _REWARD.c.beneficiary == "referrer",
            _REWARD.c.cause == "base",
        ),
    )
)  # fmt: skip


def referrals(connection: Connection, org: str, wanted: Wanted, *, page: int = PAGE) -> list[Item]:
    """Referrals, newest first, from below the id `before` on; one more than `page` if there are more. One statement."""
    query = _ITEMS.where(_REFERRAL.c.org == org)
    before = wanted.before or NO_BOUND
    if wanted.text or wanted.referrer_id is not None:
        query = query.where(_REFERRAL.c.id < before)
        if wanted.text:
            query = query.where(_matches(wanted.text))
        if wanted.referrer_id is not None:
            query = query.where(_REFERRAL.c.referrer_id == wanted.referrer_id)
        if wanted.state is not None:
            query = query.where(_REFERRAL.c.state == wanted.state)
    else:
        states = STATES if wanted.state is None else (wanted.state,)
        newest = union_all(*(_newest(org, state, before, page + 1) for state in states)).subquery("newest")
        query = _ITEMS.where(_REFERRAL.c.id.in_(select(newest.c.id)))  # of this org, as each run is
    rows = connection.execute(query.order_by(_REFERRAL.c.id.desc()).limit(page + 1))
    return [
        Item(
            id=row.id,
            referrer_id=row.referrer_id,
            referrer_name=row.referrer_name,
            referee_id=row.referee_id,
            referee_name=row.referee_name,
            state=row.state,
            via=row.via,
            code=row.code,
            attributed_at=row.attributed_at,
            invoice_id=row.qualified_invoice_id or row.discount_invoice_id,
            reward=None if row.amount_minor is None else Money(row.amount_minor, row.currency),
            reward_state=row.reward_state,
        )
        for row in rows
    ]


def _newest(org: str, state: str, before: int, limit: int) -> Select[tuple[int]]:
    """The newest ids of one state, from the index (org, state, id): the list merges one short run per state."""
    run = select(_REFERRAL.c.id).where(_REFERRAL.c.org == org, _REFERRAL.c.state == state, _REFERRAL.c.id < before)
    return select(run.order_by(_REFERRAL.c.id.desc()).limit(limit).subquery().c.id)


def _matches(text: str) -> ColumnElement[bool]:
    """Whatever the case; `%` and `_` mean themselves."""
    found = [
        _REFERRAL.c.referrer_name.icontains(text, autoescape=True),
        _REFERRAL.c.referee_name.icontains(text, autoescape=True),
        _REFERRAL.c.referrer_id.istartswith(text, autoescape=True),
        _REFERRAL.c.referee_id.istartswith(text, autoescape=True),
    ]
    key = codes.canonical(text)
    if len(key) >= _CODE_PREFIX:
        found.append(_CODE.c.key.startswith(key, autoescape=True))
    return or_(*found)


def save(
    unit: Unit, org: str, terms: Terms, *, effective_from: datetime | None = None, ends_at: datetime | None = None
) -> int:
    """Save a new version; its id. With an end, what would have been in force then without it comes back (T3).

    The caller has made sure that there is something to come back to.
    """
    start = effective_from or unit.now
    after = None if ends_at is None else unit.programs.get(unit.connection, org).at(ends_at)
    saved = _save(unit, org, terms, start)
    if ends_at is not None and after is not None and after.effective_from != ends_at:
        _save(unit, org, after.terms, ends_at)
    return saved


def _save(unit: Unit, org: str, terms: Terms, start: datetime) -> int:
    by = unit.actor[:200]
    saved = programs.save_terms(unit.connection, org, terms, effective_from=start, now=unit.now, by=by)
    unit.record("terms_changed", org, "", announces=False, terms_id=saved)
    if terms.limits.budget is not None:
        upkeep.open_budget(unit, org, terms.limits.budget)
    return saved


def switch(unit: Unit, org: str, *, on: bool) -> None:
    """Switch the org's program on or off (T1); who did it and when is on the org's log (G1)."""
    programs.switch(unit.connection, org, on=on)
    unit.record("program_switched", org, "", announces=False, on=on)
