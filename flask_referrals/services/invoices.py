"""What happens when an invoice is made, changed, paid, refunded or voided: the story, top to bottom.

Every event brings the invoice as it stands now. Each part (discount, credit, referral) is moved to where that says it
should be, by statements that carry their own guard; so events may come twice, late, or out of order.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Table, bindparam, or_, select, update

from ..domain.discounts import discount_for, why_none
from ..domain.rewards import qualifies, why_not
from ..domain.terms import Version
from ..host import Invoice
from ..models import ActivityRow, ReferralRow
from ..models.ledger import COUNTS
from ..money import Money
from . import credit, rewards
from .ledger import Owner, lock_books, open_books
from .ties import HoldTie, ReferralTie, find_ties
from .unit import Unit

Verb = Literal["created", "changed", "paid", "refunded", "voided"]

_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]

_TAKE_DISCOUNT = (
    update(_REFERRAL)
    .where(_REFERRAL.c.id == bindparam("referral_id"))
    .where(or_(_REFERRAL.c.discount_minor == 0, _REFERRAL.c.discount_invoice_id == bindparam("invoice_id")))
    .values(
        discount_invoice_id=bindparam("invoice_id"),
        discount_minor=bindparam("minor"),
        discount_currency=bindparam("currency"),
    )
)


def follow(unit: Unit, record: Any, invoice: Invoice, verb: Verb, reason: str | None = None) -> None:
    """Bring all that hangs on this invoice to where the invoice now stands. Nothing does for a stranger's."""
    referral, hold = find_ties(unit, invoice)
    if referral is not None:
        _follow_discount(unit, record, invoice, referral, verb)
        _follow_referral(unit, record, invoice, referral, hold, verb, reason)
    elif hold is not None:
        _follow_credit(unit, record, invoice, hold)


def _follow_referral(
    unit: Unit,
    record: Any,
    invoice: Invoice,
    referral: ReferralTie,
    hold: HoldTie | None,
    verb: Verb,
    reason: str | None,
) -> None:
    """Reward what is earned by now, undo what is lost; otherwise only the credit on the invoice follows."""
    version = unit.programs.version(unit.connection, referral.terms_id)
    stays = _stays_paid(invoice, hold)
    earned = invoice.settled and not invoice.void and qualifies(version.terms, stays)
    if referral.state == "pending" and earned and verb == "paid" and rewards.claim(unit, referral, invoice.id):
        _reward(unit, record, invoice, referral, hold, version)
        return
    lost = referral.state == "qualified" and referral.qualified_invoice_id == invoice.id and not earned
    if lost and rewards.unclaim(unit, referral):
        _undo(unit, record, invoice, referral, hold, reason or verb)
        return
    if referral.state == "pending" and verb == "paid" and invoice.settled and not earned:
        _tell_why_not(unit, invoice, referral, why_not(version.terms, stays))
    if hold is not None:
        _follow_credit(unit, record, invoice, hold)


def _tell_why_not(unit: Unit, invoice: Invoice, referral: ReferralTie, reason: str | None) -> None:
    """Log once why this paid invoice leaves the referral waiting (R1, M4)."""
    told = select(_ACTIVITY.c.id).where(
        _ACTIVITY.c.referral_id == referral.id,
        _ACTIVITY.c.kind == "not_qualified",
        _ACTIVITY.c.invoice_id == invoice.id,
    )
    if unit.connection.execute(told.limit(1)).first() is None:
        unit.record(
            "not_qualified",
            referral.org,
            referral.referee_id,
            other_id=referral.referrer_id,
            both=True,
            referral_id=referral.id,
            invoice_id=invoice.id,
            terms_id=referral.terms_id,
            reason=reason,
        )


def _follow_credit(unit: Unit, record: Any, invoice: Invoice, hold: HoldTie) -> None:
    if credit.needs_following(hold, invoice):
        books = lock_books(unit, invoice.org, [(hold.client_id, hold.currency)])
        credit.follow(unit, hold.id, invoice, record, books)
        books.write()


def _stays_paid(invoice: Invoice, hold: HoldTie | None) -> Money:
    """What stays paid of the invoice, in money and in credit (R1)."""
    if invoice.credit is not None:
        return invoice.paid + invoice.credit
    held = 0 if hold is None else hold.amount_minor
    return Money(invoice.paid.minor + held, invoice.currency)


def _reward(
    unit: Unit, record: Any, invoice: Invoice, referral: ReferralTie, hold: HoldTie | None, version: Version
) -> None:
    owners: list[Owner] = rewards.owners_of_plan(referral, version)
    if hold is not None:
        owners.append((hold.client_id, hold.currency))
    books = open_books(unit, invoice.org, owners, qualified={referral.referrer_id: 1})
    if hold is not None:
        credit.follow(unit, hold.id, invoice, record, books)
    rewards.issue(unit, books, referral, version, invoice)
    books.write()


def _undo(unit: Unit, record: Any, invoice: Invoice, referral: ReferralTie, hold: HoldTie | None, reason: str) -> None:
    standing = rewards.standing(unit, referral)
    owners: list[Owner] = [(reward.client_id, reward.currency) for reward in standing]
    owners.append((referral.referrer_id, COUNTS))
    if hold is not None:
        owners.append((hold.client_id, hold.currency))
    books = lock_books(unit, invoice.org, owners)
    if hold is not None:
        credit.follow(unit, hold.id, invoice, record, books)
    rewards.reverse(unit, books, referral, standing, invoice, reason)
    books.write()


def quote(unit: Unit, invoice: Invoice) -> Money:
    """The discount that this invoice has or would get now, before tax; changes nothing."""
    referral, _ = find_ties(unit, invoice)
    none = Money.zero(invoice.currency)
    if referral is None or not _discount_is_open(referral, invoice):
        return none
    if _has_discount(referral, invoice) and (invoice.settled or invoice.void):
        return _had_discount(referral)
    return discount_for(unit.programs.version(unit.connection, referral.terms_id).terms, invoice.subtotal)


# -- the discount (D1 to D5) -----------------------------------------------------------------------------------------


def _has_discount(referral: ReferralTie, invoice: Invoice) -> bool:
    return bool(referral.discount_minor) and referral.discount_invoice_id == invoice.id


def _had_discount(referral: ReferralTie) -> Money:
    return Money(referral.discount_minor, referral.discount_currency or "")


def _discount_is_open(referral: ReferralTie, invoice: Invoice) -> bool:
    """Whether the discount is this invoice's already, or nobody's, and the referral still holds."""
    free = not referral.discount_minor and referral.state in ("pending", "qualified")
    return free or _has_discount(referral, invoice)


def _follow_discount(unit: Unit, record: Any, invoice: Invoice, referral: ReferralTie, verb: Verb) -> None:
    if _has_discount(referral, invoice) and (invoice.void or (verb == "refunded" and not invoice.settled)):
        _release_discount(unit, invoice, referral)
        return
    if invoice.void or not _discount_is_open(referral, invoice):
        return
    is_candidate = referral.discount_invoice_id in (None, invoice.id)
    if invoice.settled:
        # An invoice that lost its discount to a full refund and is now paid again has used it again.
        if verb == "paid" and not referral.discount_minor and referral.discount_invoice_id == invoice.id:
            _take_discount(unit, None, invoice, referral)
    elif verb == "created" or (verb == "changed" and is_candidate):
        _take_discount(unit, record, invoice, referral)


def _take_discount(unit: Unit, record: Any | None, invoice: Invoice, referral: ReferralTie) -> None:
    """Work the discount out, claim it for this invoice, and put it on the host's record."""
    version = unit.programs.version(unit.connection, referral.terms_id)
    off = discount_for(version.terms, invoice.subtotal)
    had = _has_discount(referral, invoice)
    if had and off == _had_discount(referral):
        if record is not None:
            unit.apply_discount(record, off)
        return
    if not had and not off and referral.discount_invoice_id == invoice.id:
        return
    binds = {"referral_id": referral.id, "invoice_id": invoice.id, "minor": off.minor, "currency": off.currency}
    if unit.connection.execute(_TAKE_DISCOUNT, binds).rowcount != 1:
        return  # another invoice of the client's was quicker
    if record is not None and (off or had):
        unit.apply_discount(record, off)
    if off:
        _take_from_former(unit, invoice, referral)
    else:
        reason = why_none(version.terms, invoice.subtotal)
        if reason != "none_promised":
            _log_discount(unit, "discount_waits", invoice, referral, None, reason=reason)
    if off or had:
        kind = "discount_applied" if off else "discount_released"
        amount = off or _had_discount(referral)
        _log_discount(unit, kind, invoice, referral, amount)


def _take_from_former(unit: Unit, invoice: Invoice, referral: ReferralTie) -> None:
    """An invoice that had the discount, was refunded, and can be paid again, is now to be paid in full (D3)."""
    former_id = referral.discount_invoice_id
    if former_id is None or former_id == invoice.id:
        return
    record = unit.host.find_invoice(invoice.org, former_id)
    former = None if record is None else unit.host.invoice(record)
    if former is not None and not former.void and not former.settled and former.due.minor > 0:
        unit.apply_discount(record, Money.zero(former.currency))


def _release_discount(unit: Unit, invoice: Invoice, referral: ReferralTie) -> None:
    """Free the discount for the invoice that the referee is sent next (D5); this one keeps its figures.

    It stays named as the last that was offered the discount, so that no older invoice takes it by being changed.
    """
    statement = (
        update(_REFERRAL)
        .where(_REFERRAL.c.id == referral.id, _REFERRAL.c.discount_invoice_id == invoice.id)
        .where(_REFERRAL.c.discount_minor == referral.discount_minor)
        .values(discount_minor=0)
    )
    if unit.connection.execute(statement).rowcount == 1:
        freed = _had_discount(referral)
        _log_discount(unit, "discount_released", invoice, referral, freed)


def _log_discount(
    unit: Unit, kind: str, invoice: Invoice, referral: ReferralTie, amount: Money | None, reason: str | None = None
) -> None:
    unit.record(
        kind,
        referral.org,
        referral.referee_id,
        other_id=referral.referrer_id,
        both=True,
        referral_id=referral.id,
        invoice_id=invoice.id,
        terms_id=referral.terms_id,
        amount=amount,
        reason=reason,
    )
