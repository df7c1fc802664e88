"""What ties an invoice to us: the client's live referral, and the credit on it; read in one statement."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Table, and_, bindparam, literal, select

from ..host import Invoice
from ..models import HoldRow, ReferralRow
from .unit import Unit

_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
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
    discount_invoice_id: str | None
    discount_minor: int
    discount_currency: str | None
    qualified_invoice_id: str | None


@dataclass(slots=True)
class HoldTie:
    """Credit on an invoice as it was read."""

    id: int
    org: str
    invoice_id: str
    client_id: str
    account_id: int
    amount_minor: int
    currency: str
    state: str


_REFERRAL_FIELDS = [field.name for field in fields(ReferralTie)]
_HOLD_FIELDS = [field.name for field in fields(HoldTie)]

#: One row to hang outer joins on; each is tied to it by a number, or SQLAlchemy would warn of a cartesian product.
_one = select(literal(1).label("one")).subquery("one")
_TIES = select(
    *(_REFERRAL.c[name].label(f"r_{name}") for name in _REFERRAL_FIELDS),
    *(_HOLD.c[name].label(f"h_{name}") for name in _HOLD_FIELDS),
).select_from(
    _one.outerjoin(
        _REFERRAL,
        and_(
            _REFERRAL.c.org == bindparam("org"),
            _REFERRAL.c.referee_id == bindparam("client_id"),
            _REFERRAL.c.live == _one.c.one,
        ),
    ).outerjoin(
        _HOLD,
        and_(
            _HOLD.c.org == bindparam("org"), _HOLD.c.invoice_id == bindparam("invoice_id"), _HOLD.c.live == _one.c.one
        ),
    )
)
#: Reads past an older snapshot, and locks.
_HOLD_NOW = select(*(_HOLD.c[name] for name in _HOLD_FIELDS)).where(_HOLD.c.id == bindparam("id")).with_for_update()


def find_ties(unit: Unit, invoice: Invoice) -> tuple[ReferralTie | None, HoldTie | None]:
    """The client's live referral and the credit on the invoice, each None where there is none."""
    binds = {"org": invoice.org, "client_id": invoice.client_id, "invoice_id": invoice.id}
    values = tuple(unit.connection.execute(_TIES, binds).one())
    of_referral, of_hold = values[: len(_REFERRAL_FIELDS)], values[len(_REFERRAL_FIELDS) :]
    referral = None if of_referral[0] is None else ReferralTie(*of_referral)
    hold = None if of_hold[0] is None else HoldTie(*of_hold)
    return referral, hold


def hold_now(unit: Unit, hold_id: int) -> HoldTie:
    """The credit on an invoice as it stands now; its account is locked by the caller."""
    return HoldTie(*unit.connection.execute(_HOLD_NOW, {"id": hold_id}).one())
