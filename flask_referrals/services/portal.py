"""What a client sees: its credit, its referrals with what they brought, and what happened. Few statements, whatever
the number of referrals: the header comes from single rows, lists by keyset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, case, func, literal, select

from ..domain.contact import short_name
from ..models import AccountRow, ActivityRow, CodeRow, LedgerRow, PreferencesRow, ProgramRow, ReferralRow, RewardRow
from ..models.ledger import COUNTS
from ..money import Money

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
_PREFERENCES: Table = PreferencesRow.__table__  # type: ignore[assignment]
_PROGRAM: Table = ProgramRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]

#: What a client is told of, by the portal's list of news.
NEWS = frozenset(
    {
        "attributed",
        "credit_adjusted",
        "credit_expired",
        "credit_expiring",
        "bank_trouble",
        "expired",
        "payout_failed",
        "payout_paid",
        "payout_reversed",
        "payout_sent",
        "rejected",
        "reward_cancelled",
        "reward_issued",
        "reward_pending",
        "reward_reduced",
        "reward_restored",
        "reward_reversed",
        "voucher_cancelled",
        "voucher_issued",
        "voucher_reopened",
    }
)
PAGE = 10
#: Beyond that nobody counts what is unread.
MOST_UNREAD = 100


@dataclass(frozen=True, slots=True)
class Balance:
    """Credit in one currency: `available` can be spent (may be negative, K5), `held` is on open invoices (K4)."""

    available: Money
    held: Money


@dataclass(frozen=True, slots=True)
class RewardLine:
    """A reward as its client may see it; `amount` before any clawback, times in UTC.

    While pending, `waits_for` says for what. `service` names a free service, `voucher` is its voucher's state.
    `choices` are the kinds that the client may choose among, if it may (R6).
    """

    id: int
    kind: str
    amount: Money
    state: str
    reason: str | None
    made_at: datetime
    invoice_id: str | None
    referral_id: int
    n: int
    waits_for: str | None = None
    hold_until: datetime | None = None
    service: str | None = None
    voucher: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferralLine:
    """A referral in a list. `name` is the referee's first name and last initial (G2); `reward` is the referrer's.

    For a free service, `service` is its name, and `reward` its stated value or zero.
    """

    id: int
    org: str
    referee_id: str
    referrer_id: str
    name: str
    state: str
    via: str
    n: int | None
    attributed_at: datetime
    qualified_at: datetime | None
    reward: Money | None
    reward_state: str | None
    terms_id: int
    service: str | None = None


@dataclass(frozen=True, slots=True)
class News:
    """A line of a client's log. `name` is the other side's as this client may see it.

    `mine` says that the line is about this client, not only about the other side; `as_referrer` which side it is.
    """

    id: int
    kind: str
    at: datetime
    amount: Money | None
    invoice_id: str | None
    name: str
    mine: bool
    as_referrer: bool
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """An entry of a credit account: signed `amount` and the `balance` after it.

    `name` is the referee's as this client may see it, where the entry came from recommending somebody (G2).
    """

    id: int
    at: datetime
    reason: str
    amount: Money
    balance: Money
    invoice_id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Header:
    """The head of the portal page: the program's switch and revision, the code if there is one, counts, credit.

    `history` has the newest entries of all its accounts, newest first.
    """

    enabled: bool
    revision: int
    code_id: int | None
    code: str | None
    code_active: bool
    visits: int
    referred: int
    qualified: int
    unread: int
    balances: tuple[Balance, ...]
    history: tuple[LedgerLine, ...]


_UNREAD = select(func.count()).select_from(
    select(_ACTIVITY.c.id)
    .where(
        _ACTIVITY.c.org == bindparam("org"),
        _ACTIVITY.c.client_id == bindparam("client_id"),
        _ACTIVITY.c.kind.in_(sorted(NEWS)),
        _ACTIVITY.c.announces,
        _ACTIVITY.c.id
        > func.coalesce(
            select(_PREFERENCES.c.seen_id)
            .where(_PREFERENCES.c.org == bindparam("org"), _PREFERENCES.c.client_id == bindparam("client_id"))
            .scalar_subquery(),
            0,
        ),
    )
    .limit(MOST_UNREAD)
    .subquery()
)
_one = select(literal(1).label("one")).subquery("one")
_HEADER = (
    select(
        _PROGRAM.c.enabled,
        _PROGRAM.c.revision,
        _CODE.c.id.label("code_id"),
        _CODE.c.text.label("code"),
        _CODE.c.active,
        _CODE.c.visits,
        _ACCOUNT.c.id.label("account_id"),
        *(_ACCOUNT.c[name] for name in ("currency", "balance", "held", "referred", "qualified")),
        _UNREAD.scalar_subquery().label("unread"),
    )
    .select_from(
        _one.outerjoin(_PROGRAM, and_(_PROGRAM.c.org == bindparam("org"), _PROGRAM.c.revision >= _one.c.one))
        .outerjoin(
            _CODE,
            and_(
                _CODE.c.org == bindparam("org"),
                _CODE.c.client_id == bindparam("client_id"),
                _CODE.c.current == _one.c.one,
            ),
        )
        .outerjoin(
            _ACCOUNT,
            and_(
                _ACCOUNT.c.org == bindparam("org"),
                _ACCOUNT.c.client_id == bindparam("client_id"),
                _ACCOUNT.c.id >= _one.c.one,
            ),
        )
        # An account's numbers have no gap, so its newest entries are the ones with the last numbers.
        .outerjoin(
            _LEDGER,
            and_(_LEDGER.c.account_id == _ACCOUNT.c.id, _LEDGER.c.seq > _ACCOUNT.c.seq - bindparam("entries")),
        )
        .outerjoin(_REFERRAL, _REFERRAL.c.id == _LEDGER.c.referral_id)
    )
    .add_columns(
        *(_LEDGER.c[name].label(f"l_{name}") for name in ("id", "at", "reason", "amount", "balance", "invoice_id")),
        case((_REFERRAL.c.referrer_id == _ACCOUNT.c.client_id, _REFERRAL.c.referee_name)).label("l_name"),
    )
    .order_by(_ACCOUNT.c.currency, _LEDGER.c.id.desc())
)


def header(connection: Connection, org: str, client_id: str, *, entries: int = 0) -> Header:
    """The head of the client's portal page, with so many of the newest entries of its accounts, in one statement."""
    rows = list(connection.execute(_HEADER, {"org": org, "client_id": client_id, "entries": entries}))
    first = rows[0]
    accounts = {row.account_id: row for row in rows if row.account_id is not None}.values()
    counts = next((row for row in accounts if row.currency == COUNTS), None)
    booked = sorted((row for row in rows if row.l_id is not None), key=lambda row: -row.l_id)
    return Header(
        enabled=bool(first.enabled),
        revision=first.revision or 0,
        code_id=first.code_id,
        code=first.code,
        code_active=bool(first.active),
        visits=first.visits or 0,
        referred=0 if counts is None else counts.referred,
        qualified=0 if counts is None else counts.qualified,
        unread=first.unread,
        balances=tuple(_balance(row.balance, row.held, row.currency) for row in accounts if row.currency),
        history=tuple(_entry(row) for row in booked[:entries]),
    )


def _entry(row: Any) -> LedgerLine:
    return LedgerLine(
        id=row.l_id,
        at=row.l_at,
        reason=row.l_reason,
        amount=Money(row.l_amount, row.currency),
        balance=Money(row.l_balance, row.currency),
        invoice_id=row.l_invoice_id,
        name=None if row.l_name is None else short_name(row.l_name),
    )


_REFERRALS = (
    select(
        *(
            _REFERRAL.c[name]
            for name in (
                "id", "org", "referee_id", "referrer_id", "referee_name", "state", "via", "attributed_at",
                "qualified_at", "terms_id",
            )
        ),
        _REWARD.c.amount_minor,
        _REWARD.c.currency,
        _REWARD.c.state.label("reward_state"),
        _REWARD.c.service,
        _REWARD.c.n,
    )
    .select_from(
        _REFERRAL.outerjoin(
            _REWARD,
            and_(
                _REWARD.c.referral_id == _REFERRAL.c.id,
                _REWARD.c.epoch == _REFERRAL.c.epoch,
                _REWARD.c.beneficiary == "referrer",
                _REWARD.c.cause == "base",
            ),
        )
    )
    .order_by(_REFERRAL.c.id.desc())
)  # fmt: skip
_OF_REFERRER = (
    _REFERRALS.where(_REFERRAL.c.org == bindparam("org"), _REFERRAL.c.referrer_id == bindparam("client_id"))
    .where(_REFERRAL.c.id < bindparam("before"))
    .limit(bindparam("page"))
)
_OF_REFEREE = _REFERRALS.where(
    _REFERRAL.c.org == bindparam("org"), _REFERRAL.c.referee_id == bindparam("client_id")
).limit(1)
_NO_BOUND = 2**62


def referrals(
    connection: Connection, org: str, client_id: str, *, before: int | None = None, page: int = PAGE
) -> list[ReferralLine]:
    """The referrer's referrals, newest first, from below the id `before` on; one more than `page` if there are more."""
    binds = {"org": org, "client_id": client_id, "before": before or _NO_BOUND, "page": page + 1}
    return [_referral(row) for row in connection.execute(_OF_REFERRER, binds)]


def referral_of(connection: Connection, org: str, referee_id: str) -> ReferralLine | None:
    """The newest referral of this referee."""
    row = connection.execute(_OF_REFEREE, {"org": org, "client_id": referee_id}).one_or_none()
    return None if row is None else _referral(row)


def _referral(row: Any) -> ReferralLine:
    shown = row.amount_minor is not None
    return ReferralLine(
        id=row.id,
        org=row.org,
        referee_id=row.referee_id,
        referrer_id=row.referrer_id,
        name=short_name(row.referee_name),
        state=row.state,
        via=row.via,
        n=row.n if row.state == "qualified" else None,
        attributed_at=row.attributed_at,
        qualified_at=row.qualified_at,
        reward=Money(row.amount_minor, row.currency) if shown else None,
        reward_state=row.reward_state,
        terms_id=row.terms_id,
        service=row.service,
    )


def balance(connection: Connection, org: str, client_id: str, currency: str, now: datetime) -> Balance:
    """The client's credit in one currency; nothing, where there is no account yet. Lapsed credit is no more (K3)."""
    lapsed = (
        select(func.coalesce(func.sum(_REWARD.c.remaining_minor), 0))
        .where(_REWARD.c.org == org, _REWARD.c.client_id == client_id, _REWARD.c.currency == currency)
        .where(_REWARD.c.lapses_at <= now)
        .scalar_subquery()
    )
    query = select(_ACCOUNT.c.balance - lapsed, _ACCOUNT.c.held).where(
        _ACCOUNT.c.org == org, _ACCOUNT.c.client_id == client_id, _ACCOUNT.c.currency == currency
    )
    row = connection.execute(query).one_or_none()
    return _balance(0, 0, currency) if row is None else _balance(int(row[0]), row.held, currency)


def _balance(total: int, held: int, currency: str) -> Balance:
    return Balance(Money(total - held, currency), Money(held, currency))


def rewards(connection: Connection, org: str, client_id: str) -> list[RewardLine]:
    """Every reward of the client, oldest first."""
    query = select(_REWARD).where(_REWARD.c.org == org, _REWARD.c.client_id == client_id).order_by(_REWARD.c.id)
    return [
        RewardLine(
            id=row.id,
            kind=row.kind,
            amount=Money(row.amount_minor, row.currency),
            state=row.state,
            reason=row.reason,
            made_at=row.made_at,
            invoice_id=row.invoice_id,
            referral_id=row.referral_id,
            n=row.n,
            waits_for=row.waits_for,
            hold_until=row.hold_until,
            service=row.service,
            voucher=row.voucher,
            choices=tuple(row.choices.split(",")) if row.choices else (),
        )
        for row in connection.execute(query)
    ]


def waits_for_bank(connection: Connection, org: str, client_id: str) -> bool:
    """Whether a reward of the client's waits until it has linked an account (R6)."""
    query = select(_REWARD.c.id).where(
        _REWARD.c.org == org, _REWARD.c.client_id == client_id, _REWARD.c.waits_for == "bank_account"
    )
    return connection.execute(query.limit(1)).first() is not None


#: Log lines with the name of the other side as its client may see it; the caller says whose.
LINES = select(
    *(_ACTIVITY.c[name] for name in ("id", "kind", "at", "amount_minor", "currency", "invoice_id", "data")),
    _ACTIVITY.c.client_id,
    _REFERRAL.c.referrer_id,
    case(
        (_REFERRAL.c.referrer_id == _ACTIVITY.c.client_id, _REFERRAL.c.referee_name),
        else_=_REFERRAL.c.referrer_name,
    ).label("name"),
    _ACTIVITY.c.announces,
).select_from(_ACTIVITY.outerjoin(_REFERRAL, _REFERRAL.c.id == _ACTIVITY.c.referral_id))
_LINES = LINES.where(_ACTIVITY.c.org == bindparam("org"), _ACTIVITY.c.client_id == bindparam("client_id"))
_ALL_LINES = _LINES.order_by(_ACTIVITY.c.id)
_NEWS_LINES = (
    _LINES.where(_ACTIVITY.c.kind.in_(sorted(NEWS)), _ACTIVITY.c.announces)
    .order_by(_ACTIVITY.c.id.desc())
    .limit(bindparam("page"))
)


def activity(connection: Connection, org: str, client_id: str) -> list[News]:
    """Everything on the client's log, oldest first."""
    return [news_of(row) for row in connection.execute(_ALL_LINES, {"org": org, "client_id": client_id})]


def news(connection: Connection, org: str, client_id: str, *, page: int = PAGE) -> list[News]:
    """What the client was told, newest first: what concerns itself, not what it is only the other side of."""
    rows = connection.execute(_NEWS_LINES, {"org": org, "client_id": client_id, "page": page})
    return [news_of(row) for row in rows]


def unread(connection: Connection, org: str, client_id: str) -> int:
    """How much of its news the client has not seen yet; MOST_UNREAD stands for that many or more."""
    return connection.scalar(_UNREAD, {"org": org, "client_id": client_id}) or 0


def news_of(row: Any) -> News:
    return News(
        id=row.id,
        kind=row.kind,
        at=row.at,
        amount=None if row.amount_minor is None else Money(row.amount_minor, row.currency),
        invoice_id=row.invoice_id,
        name=short_name(row.name or ""),
        mine=row.announces,
        as_referrer=row.referrer_id == row.client_id,
        data=row.data,
    )
