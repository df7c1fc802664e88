"""The new client's discount: put on an invoice, worked out again, freed; or pulled by the host (D1 to D5)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, bindparam, or_, select, update

from ..domain.discounts import discount_for, why_none
from ..host import Client, Invoice
from ..models import ActivityRow, ReferralRow
from ..money import Money
from .outcomes import Outcome, Verb
from .ties import ReferralTie, Ties, find_ties
from .unit import ConflictError, Unit

_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
#: Why the discount left an invoice: it was refunded, disputed or voided; or the host took it off.
_UNDONE, _TAKEN_OFF = "undone", "taken_off"

_TAKE = (
    update(_REFERRAL)
    .where(_REFERRAL.c.id == bindparam("referral_id"))
    .where(or_(_REFERRAL.c.discount_minor == 0, _REFERRAL.c.discount_invoice_id == bindparam("invoice_id")))
    .values(
        discount_invoice_id=bindparam("invoice_id"),
        discount_minor=bindparam("minor"),
        discount_currency=bindparam("currency"),
    )
)


# -- pulled by the host ----------------------------------------------------------------------------------------------


def quote(unit: Unit, invoice: Invoice) -> Money:
    """The discount that this invoice has or would get now, before tax; changes nothing."""
    return _quote(unit, find_ties(unit, invoice), invoice)


def quote_next(unit: Unit, client: Client, subtotal: Money) -> Money:
    """The discount that an invoice of this client's with this subtotal would get now; changes nothing."""
    none = Money.zero(subtotal.currency)
    ahead = Invoice(
        id="-", client_id=client.id, org=client.org, subtotal=subtotal, total=subtotal, due=subtotal, paid=none
    )
    return _quote(unit, find_ties(unit, ahead), ahead)


def _quote(unit: Unit, ties: Ties, invoice: Invoice) -> Money:
    referral = ties.referral
    if referral is None or not _is_open(referral, invoice):
        return Money.zero(invoice.currency)
    if is_on(referral, invoice) and (invoice.settled or invoice.void):
        return _amount(referral)
    return discount_for(unit.programs.version(unit.connection, referral.terms_id).terms, invoice.subtotal)


def confirm(unit: Unit, invoice: Invoice, given: Money | None) -> Outcome:
    """The host has put the discount on this invoice: `given`, or all that was quoted. It is used by that (D3).

    Refused with `no_discount`, where none is open for this invoice, and `more_than_promised`.
    """
    referral = find_ties(unit, invoice).referral
    promised = Money.zero(invoice.currency)
    if referral is not None and not invoice.void and _is_open(referral, invoice):
        promised = discount_for(unit.programs.version(unit.connection, referral.terms_id).terms, invoice.subtotal)
    if referral is None or not promised:
        return Outcome(ok=False, reason="no_discount")
    off = promised if given is None else promised.same(given)
    if not 0 < off.minor <= promised.minor:
        return Outcome(ok=False, reason="more_than_promised" if off.minor > 0 else "no_discount")
    if is_on(referral, invoice) and _amount(referral) == off:
        return Outcome(ok=True, amount=off)
    if not _claim(unit, invoice, referral, off):
        return Outcome(ok=False, reason="no_discount")  # another invoice of the client's was quicker
    _take_from_former(unit, invoice, referral)
    _log(unit, "discount_applied", invoice, referral, off)
    return Outcome(ok=True, amount=off)


def release(unit: Unit, record: Any, invoice: Invoice) -> Outcome:
    """The discount is taken off this open invoice, and free for another one; repeated, nothing changes (D5).

    Refused with `no_discount` where this invoice has none, or is paid.
    """
    referral = find_ties(unit, invoice).referral
    if referral is None or invoice.settled or not is_on(referral, invoice):
        return Outcome(ok=False, reason="no_discount")
    freed = _amount(referral)
    if _free(unit, invoice, referral, _TAKEN_OFF):
        unit.apply_discount(record, Money.zero(freed.currency))
    return Outcome(ok=True, amount=freed)


# -- by itself -------------------------------------------------------------------------------------------------------


def is_on(referral: ReferralTie, invoice: Invoice) -> bool:
    """Whether this invoice has the discount."""
    return bool(referral.discount_minor) and referral.discount_invoice_id == invoice.id


def _amount(referral: ReferralTie) -> Money:
    return Money(referral.discount_minor, referral.discount_currency or "")


def _is_open(referral: ReferralTie, invoice: Invoice) -> bool:
    """Whether the discount is this invoice's already, or nobody's, and the referral still holds."""
    free = not referral.discount_minor and referral.state in ("pending", "qualified")
    return free or is_on(referral, invoice)


def follow(unit: Unit, record: Any, invoice: Invoice, referral: ReferralTie, verb: Verb) -> None:
    """Bring the discount to where the invoice now stands."""
    if is_on(referral, invoice) and (invoice.void or (verb == "refunded" and not invoice.settled)):
        _free(unit, invoice, referral, _UNDONE)
        return
    if verb == "changed" and not invoice.void and not invoice.settled:
        _take_from_restored(unit, record, invoice, referral)
    if invoice.void or not _is_open(referral, invoice) or verb in ("refunded", "voided"):
        return
    if invoice.settled:
        # An invoice that lost its discount to a full refund and is now paid again has used it again.
        was_on = not referral.discount_minor and referral.discount_invoice_id == invoice.id
        if verb == "paid" and was_on and _why_it_left(unit, invoice, referral) != _TAKEN_OFF:
            _take(unit, None, invoice, referral)
        return
    is_candidate = verb == "created" or referral.discount_invoice_id in (None, invoice.id)
    stays_off = (_TAKEN_OFF,) if verb == "created" else (_TAKEN_OFF, _UNDONE)
    if is_candidate and _why_it_left(unit, invoice, referral) not in stays_off:
        _take(unit, record, invoice, referral)


def _why_it_left(unit: Unit, invoice: Invoice, referral: ReferralTie) -> str | None:
    """Why this invoice has the discount no more: `taken_off`, or `undone` if it was only touched since (D5).

    None where it has it or never had it, and where its amounts are others now: then it is worked out again (D3).
    """
    terms = unit.programs.version(unit.connection, referral.terms_id).terms
    promised = discount_for(terms, invoice.subtotal)
    if referral.discount_minor or referral.discount_invoice_id != invoice.id or not promised:
        return None
    last = _last_line(unit, invoice, referral)
    reason: str | None = None if last is None else last.data.get("reason")
    if last is None or reason != _UNDONE:
        return reason
    return reason if promised == Money(last.amount_minor, last.currency) else None


def _last_line(unit: Unit, invoice: Invoice, referral: ReferralTie) -> Any | None:
    lines = select(_ACTIVITY.c.amount_minor, _ACTIVITY.c.currency, _ACTIVITY.c.data).where(
        _ACTIVITY.c.referral_id == referral.id,
        _ACTIVITY.c.kind.in_(("discount_applied", "discount_released")),
        _ACTIVITY.c.invoice_id == invoice.id,
    )
    return unit.connection.execute(lines.order_by(_ACTIVITY.c.id.desc()).limit(1)).first()


def _take(unit: Unit, record: Any | None, invoice: Invoice, referral: ReferralTie) -> None:
    """Work the discount out, claim it for this invoice, and put it on the host's record."""
    version = unit.programs.version(unit.connection, referral.terms_id)
    promised = discount_for(version.terms, invoice.subtotal)
    had = is_on(referral, invoice)
    before = _amount(referral) if had else Money.zero(promised.currency)
    if not had and not promised and referral.discount_invoice_id == invoice.id:
        return
    if not had and not _claim(unit, invoice, referral, promised):
        return  # another invoice of the client's was quicker
    off = unit.apply_discount(record, promised) if promised or had else promised
    if off == before and had:
        return
    if (had or off != promised) and not _claim(unit, invoice, referral, off):
        raise ConflictError("the discount left this invoice beside us")
    if off:
        _take_from_former(unit, invoice, referral)
    else:
        reason = why_none(version.terms, invoice.subtotal)
        if reason != "none_promised":
            _log(unit, "discount_waits", invoice, referral, None, reason=reason)
    if off or had:
        kind = "discount_applied" if off else "discount_released"
        _log(unit, kind, invoice, referral, off or before)
    referral.discount_invoice_id = invoice.id
    referral.discount_minor, referral.discount_currency = off.minor, off.currency


def _claim(unit: Unit, invoice: Invoice, referral: ReferralTie, off: Money) -> bool:
    """Whether the discount is this invoice's now, with that amount."""
    binds = {"referral_id": referral.id, "invoice_id": invoice.id, "minor": off.minor, "currency": off.currency}
    return unit.connection.execute(_TAKE, binds).rowcount == 1


def _take_from_former(unit: Unit, invoice: Invoice, referral: ReferralTie) -> None:
    """An invoice that had the discount, was refunded, and can be paid again, is now to be paid in full (D3)."""
    former_id = referral.discount_invoice_id
    if former_id is None or former_id == invoice.id:
        return
    record = unit.host.find_invoice(invoice.org, former_id)
    former = None if record is None else unit.host.invoice(record)
    if former is not None and not former.void and not former.settled and former.due.minor > 0:
        unit.apply_discount(record, Money.zero(former.currency))


def _take_from_restored(unit: Unit, record: Any, invoice: Invoice, referral: ReferralTie) -> None:
    """An invoice that was void, and is open again while another one has the discount, is to be paid in full (D3)."""
    if referral.discount_minor and not is_on(referral, invoice):
        last = _last_line(unit, invoice, referral)
        if last is not None and last.data.get("reason") == _UNDONE:
            unit.apply_discount(record, Money.zero(invoice.currency))


def _free(unit: Unit, invoice: Invoice, referral: ReferralTie, reason: str) -> bool:
    """Free the discount for the invoice that the referee is sent next (D5); False where somebody did so beside us.

    This one stays named as the last that was offered the discount, so that no older invoice takes it by being changed.
    """
    statement = (
        update(_REFERRAL)
        .where(_REFERRAL.c.id == referral.id, _REFERRAL.c.discount_invoice_id == invoice.id)
        .where(_REFERRAL.c.discount_minor == referral.discount_minor)
        .values(discount_minor=0)
    )
    if unit.connection.execute(statement).rowcount != 1:
        return False
    _log(unit, "discount_released", invoice, referral, _amount(referral), reason=reason)
    return True


def _log(
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
