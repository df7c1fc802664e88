"""What ties an invoice to us: the client's live referral, the credit and the vouchers on it, the client's credit, and
the program as it stands; read in one statement."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Table, and_, bindparam, literal, select

from ..domain.lots import Parts
from ..host import Invoice
from ..models import AccountRow, HoldRow, ProgramRow, ReferralRow, RewardRow
from .programs import Program
from .unit import Unit

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_PROGRAM: Table = ProgramRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
_HOLD: Table = HoldRow.__table__  # type: ignore[assignment]


@dataclass(slots=True)
class ReferralTie:
    """A referral as it was read; the statements that change it say so again in their conditions."""

    id: int
    org: str
    referrer_id: str
    referee_id: str
    state: str
    epoch: int
    terms_id: int
    attributed_at: datetime
    expires_at: datetime | None
    flags: str
    discount_invoice_id: str | None
    discount_minor: int
    discount_currency: str | None
    qualified_invoice_id: str | None


@dataclass(slots=True)
class HoldTie:
    """Credit on an invoice as it was read; `parts` are the expiring lots that it is made of (K3)."""

    id: int
    org: str
    invoice_id: str
    client_id: str
    account_id: int
    amount_minor: int
    currency: str
    state: str
    parts: Any

    @property
    def lots(self) -> Parts:
        """The parts of it that have an expiry."""
        return [(lot_id, part) for lot_id, part in self.parts or ()]


@dataclass(slots=True)
class VoucherTie:
    """A voucher that is used on an invoice."""

    id: int
    client_id: str
    service: str
    amount_minor: int
    currency: str
    state: str
    voucher_minor: int
    referral_id: int
    terms_id: int


@dataclass(slots=True)
class Ties:
    """All that ties an invoice to us. `spendable` is the client's credit in the invoice's currency, minor units."""

    referral: ReferralTie | None
    hold: HoldTie | None
    spendable: int
    enabled: bool
    revision: int
    org: str
    vouchers: list[VoucherTie] = field(default_factory=list)

    def program(self, unit: Unit) -> Program:
        """The org's program as it stands: no statement, unless it changed."""
        return unit.programs.known(unit.connection, self.org, self.enabled, self.revision)


_REFERRAL_FIELDS = [field.name for field in fields(ReferralTie)]
_HOLD_FIELDS = [field.name for field in fields(HoldTie)]
_VOUCHER_FIELDS = [field.name for field in fields(VoucherTie)]

#: One row to hang outer joins on; each is tied to it by a number, or SQLAlchemy would warn of a cartesian product.
_one = select(literal(1).label("one")).subquery("one")
_TIES = select(
    *(_REFERRAL.c[name].label(f"r_{name}") for name in _REFERRAL_FIELDS),
    *(_HOLD.c[name].label(f"h_{name}") for name in _HOLD_FIELDS),
    *(_REWARD.c[name].label(f"v_{name}") for name in _VOUCHER_FIELDS),
    _PROGRAM.c.enabled,
    _PROGRAM.c.revision,
    _ACCOUNT.c.balance,
    _ACCOUNT.c.held,
).select_from(
    _one.outerjoin(
        _REFERRAL,
        and_(
            _REFERRAL.c.org == bindparam("org"),
            _REFERRAL.c.referee_id == bindparam("client_id"),
            _REFERRAL.c.live == _one.c.one,
        ),
    )
    .outerjoin(
        _HOLD,
        and_(
            _HOLD.c.org == bindparam("org"), _HOLD.c.invoice_id == bindparam("invoice_id"), _HOLD.c.live == _one.c.one
        ),
    )
    .outerjoin(
        _REWARD,
        and_(
            _REWARD.c.org == bindparam("org"),
            _REWARD.c.voucher_invoice_id == bindparam("invoice_id"),
            _REWARD.c.id >= _one.c.one,
        ),
    )
    .outerjoin(_PROGRAM, and_(_PROGRAM.c.org == bindparam("org"), _PROGRAM.c.revision >= _one.c.one))
    .outerjoin(
        _ACCOUNT,
        and_(
            _ACCOUNT.c.org == bindparam("org"),
            _ACCOUNT.c.client_id == bindparam("client_id"),
            _ACCOUNT.c.currency == bindparam("currency"),
            _ACCOUNT.c.id >= _one.c.one,
        ),
    )
)
#: Reads past an older snapshot, and locks.
_HOLD_NOW = select(*(_HOLD.c[name] for name in _HOLD_FIELDS)).where(_HOLD.c.id == bindparam("id")).with_for_update()
_VOUCHERS_END = len(_REFERRAL_FIELDS) + len(_HOLD_FIELDS) + len(_VOUCHER_FIELDS)


def find_ties(unit: Unit, invoice: Invoice) -> Ties:
    """The client's live referral, the credit and the vouchers on the invoice, and the org's program."""
    binds = {
        "org": invoice.org,
        "client_id": invoice.client_id,
        "invoice_id": invoice.id,
        "currency": invoice.currency,
    }
    rows = [tuple(row) for row in unit.connection.execute(_TIES, binds)]
    values = rows[0]
    of_referral, of_hold = values[: len(_REFERRAL_FIELDS)], values[len(_REFERRAL_FIELDS) :][: len(_HOLD_FIELDS)]
    enabled, revision, balance, held = values[_VOUCHERS_END:]
    of_vouchers = [row[_VOUCHERS_END - len(_VOUCHER_FIELDS) : _VOUCHERS_END] for row in rows]
    return Ties(
        referral=None if of_referral[0] is None else ReferralTie(*of_referral),
        hold=None if of_hold[0] is None else HoldTie(*of_hold),
        spendable=(balance or 0) - (held or 0),
        enabled=bool(enabled),
        revision=revision or 0,
        org=invoice.org,
        vouchers=[VoucherTie(*found) for found in of_vouchers if found[0] is not None],
    )


def hold_now(unit: Unit, hold_id: int) -> HoldTie:
    """The credit on an invoice as it stands now; its account is locked by the caller."""
    return HoldTie(*unit.connection.execute(_HOLD_NOW, {"id": hold_id}).one())
