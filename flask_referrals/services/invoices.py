"""What happens when an invoice is made, changed, paid, refunded or voided: the story, top to bottom.

Every event brings the invoice as it stands now. Each part (discount, credit, referral) is moved to where that says it
should be, by statements that carry their own guard; so events may come twice, late, or out of order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, select

from ..domain.rewards import qualifies, why_not
from ..domain.terms import Terms, Version
from ..host import Invoice
from ..models import ActivityRow
from ..money import Money
from . import credit, discounts, expiry, preferences, rewards, vouchers
from .ledger import Owner, lock_all, lock_books
from .outcomes import Verb
from .ties import HoldTie, ReferralTie, Ties, find_ties
from .unit import Unit

_ACTIVITY: Table = ActivityRow.__table__  # type: ignore[assignment]


def follow(unit: Unit, record: Any, invoice: Invoice, verb: Verb, reason: str | None = None) -> None:
    """Bring all that hangs on this invoice to where the invoice now stands. Nothing does for a stranger's."""
    _follow(unit, record, invoice, find_ties(unit, invoice), verb, reason)


def see(unit: Unit, record: Any, invoice: Invoice, *, new: Callable[[], bool]) -> None:
    """The same for an invoice of which nobody says what happened to it: that is told from what we know of it.

    Whether it is `new` is asked only where that makes a difference.
    """
    ties = find_ties(unit, invoice)
    _follow(unit, record, invoice, ties, _what_happened(unit, invoice, ties, new), None)


def follow_gone(unit: Unit, invoice: Invoice) -> None:
    """The host has deleted the invoice: it counts as voided, and there is nothing left to put an amount on."""
    none = Money.zero(invoice.currency)
    gone = replace(invoice, void=True, settled=False, paid=none, credit=none, due=none)
    follow(unit, None, gone, "voided", "deleted")


def _what_happened(unit: Unit, invoice: Invoice, ties: Ties, new: Callable[[], bool]) -> Verb:
    if invoice.void:
        return "voided"
    if invoice.settled:
        return "paid"
    if (ties.referral is not None or ties.spendable > 0) and new():
        return "created"
    undone = not _stays_paid(invoice, ties.hold) and _was_settled(unit, invoice, ties)
    return "refunded" if undone else "changed"


def _was_settled(unit: Unit, invoice: Invoice, ties: Ties) -> bool:
    """Whether we have met this invoice paid: it qualified the referral, its credit was spent, or it was too small."""
    referral = ties.referral
    if ties.hold is not None and ties.hold.state == "captured":
        return True
    if referral is None:
        return False
    if referral.state == "qualified" and referral.qualified_invoice_id == invoice.id:
        return True
    return discounts.is_on(referral, invoice) and _was_too_small(unit, invoice, referral)


def _follow(unit: Unit, record: Any, invoice: Invoice, ties: Ties, verb: Verb, reason: str | None) -> None:
    referral = ties.referral
    if referral is not None:
        _expire_if_due(unit, referral)
        discounts.follow(unit, record, invoice, referral, verb)
    if ties.vouchers and vouchers.follow(unit, record, invoice, ties, verb):
        invoice = _as_it_is_now(unit, record, invoice)
    if referral is not None:
        _follow_referral(unit, record, invoice, referral, ties, verb, reason)
    elif ties.hold is not None:
        _follow_credit(unit, record, invoice, ties.hold)
    is_new = verb == "created" or (verb == "changed" and ties.spendable > 0 and _credit_waits(unit, invoice))
    if is_new and ties.hold is None and ties.spendable > 0:
        _use_credit_by_itself(unit, record, invoice, ties)


def _as_it_is_now(unit: Unit, record: Any, invoice: Invoice) -> Invoice:
    """The invoice after the host has put an effect of ours on it."""
    return unit.host.invoice(record) or invoice


def _use_credit_by_itself(unit: Unit, record: Any, invoice: Invoice, ties: Ties) -> None:
    """Put the client's credit on a new invoice where the org or the client has said so (K6)."""
    version = ties.program(unit).at(unit.now)
    wanted = version is not None and version.terms.auto_apply_credit
    mine = preferences.find(unit.connection, invoice.org, invoice.client_id).auto_apply
    if wanted if mine is None else mine:
        invoice = _as_it_is_now(unit, record, invoice)
        if invoice.settled or invoice.void:
            return
        if invoice.due.minor > 0:
            credit.use_credit(unit, record, invoice, None)
            invoice = _as_it_is_now(unit, record, invoice)
            if invoice.settled:  # with the host, what credit covers is paid at once
                follow(unit, record, invoice, "paid")
        else:  # its lines come later
            unit.record("credit_waits", invoice.org, invoice.client_id, invoice_id=invoice.id, announces=False)


def _credit_waits(unit: Unit, invoice: Invoice) -> bool:
    """Whether credit was to be put on this invoice when it was new, and there was nothing to put it on yet (K6)."""
    lines = select(_ACTIVITY.c.kind).where(
        _ACTIVITY.c.org == invoice.org,
        _ACTIVITY.c.client_id == invoice.client_id,
        _ACTIVITY.c.invoice_id == invoice.id,
        _ACTIVITY.c.kind.in_(("credit_waits", "credit_held", "credit_released")),
    )
    return unit.connection.scalar(lines.order_by(_ACTIVITY.c.id.desc()).limit(1)) == "credit_waits"


def _expire_if_due(unit: Unit, referral: ReferralTie) -> None:
    """A referral whose days are over is expired, whether or not `work` has seen it yet (U3)."""
    if referral.state == "pending" and referral.expires_at is not None and referral.expires_at <= unit.now:
        expiry.expire_one(unit, referral.org, referral.id, referral.referrer_id, referral.referee_id, referral.terms_id)
        referral.state = "expired"


def _follow_referral(
    unit: Unit,
    record: Any,
    invoice: Invoice,
    referral: ReferralTie,
    ties: Ties,
    verb: Verb,
    reason: str | None,
) -> None:
    """Reward what is earned by now, undo what is lost; otherwise only the credit on the invoice follows."""
    version = unit.programs.version(unit.connection, referral.terms_id)
    hold = ties.hold
    stays = _stays_paid(invoice, hold)
    earned = invoice.settled and not invoice.void and qualifies(version.terms, stays)
    if referral.state == "pending" and earned and verb == "paid" and rewards.claim(unit, referral, invoice.id):
        _reward(unit, record, invoice, referral, ties, version, stays)
        return
    mine = referral.state == "qualified" and referral.qualified_invoice_id == invoice.id
    if mine and not earned and rewards.unclaim(unit, referral, version):
        _undo(unit, record, invoice, referral, hold, reason or verb)
        return
    if mine and earned and _shrinks(version.terms):
        _resize(unit, record, invoice, referral, hold, stays)
        return
    if referral.state == "pending" and verb == "paid" and invoice.settled and not earned:
        _tell_why_not(unit, invoice, referral, stays, why_not(version.terms, stays))
    if hold is not None:
        _follow_credit(unit, record, invoice, hold)


def _tell_why_not(unit: Unit, invoice: Invoice, referral: ReferralTie, stays: Money, reason: str | None) -> None:
    """Log once what was paid of this invoice, and why it leaves the referral waiting (R1, M4)."""
    if not _was_too_small(unit, invoice, referral):
        unit.record(
            "not_qualified",
            referral.org,
            referral.referee_id,
            other_id=referral.referrer_id,
            both=True,
            referral_id=referral.id,
            invoice_id=invoice.id,
            terms_id=referral.terms_id,
            amount=stays,
            reason=reason,
        )


def _was_too_small(unit: Unit, invoice: Invoice, referral: ReferralTie) -> bool:
    """Whether the log says that this invoice was paid and did not qualify."""
    told = select(_ACTIVITY.c.id).where(
        _ACTIVITY.c.referral_id == referral.id,
        _ACTIVITY.c.kind == "not_qualified",
        _ACTIVITY.c.invoice_id == invoice.id,
    )
    return unit.connection.execute(told.limit(1)).first() is not None


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
    unit: Unit, record: Any, invoice: Invoice, referral: ReferralTie, ties: Ties, version: Version, stays: Money
) -> None:
    hold, program = ties.hold, ties.program(unit)
    basis = _basis(invoice, referral, ties)
    more: list[Owner] = [] if hold is None else [(hold.client_id, hold.currency)]
    books = rewards.open_for(unit, referral, program, version.terms, basis, more)
    if hold is not None:
        credit.follow(unit, hold.id, invoice, record, books)
    rewards.make(unit, books, referral, version, program, invoice_id=invoice.id, basis=basis, paid=stays)
    books.write()


def _basis(invoice: Invoice, referral: ReferralTie, ties: Ties) -> Money:
    """What the invoice charges before tax, after the discount and the vouchers on it (R3)."""
    off = referral.discount_minor if discounts.is_on(referral, invoice) else 0
    off += sum(voucher.voucher_minor for voucher in ties.vouchers)
    return Money(max(0, invoice.subtotal.minor - off), invoice.currency)


def _undo(unit: Unit, record: Any, invoice: Invoice, referral: ReferralTie, hold: HoldTie | None, reason: str) -> None:
    books = lock_all(unit, invoice.org, referral.referrer_id, referral.referee_id)
    if hold is not None:
        credit.follow(unit, hold.id, invoice, record, books)
    rewards.undo(unit, books, referral, reason, invoice.id)
    books.write()


def _shrinks(terms: Terms) -> bool:
    """Whether a percentage was promised, so that a partial refund takes its part (U2)."""
    promises = [terms.referrer_reward, *(tier.promise for tier in terms.tiers)]
    return any(promise is not None and promise.percent is not None for promise in promises)


def _resize(
    unit: Unit, record: Any, invoice: Invoice, referral: ReferralTie, hold: HoldTie | None, stays: Money
) -> None:
    """Bring the percentage reward to its part of what stays paid, and the credit along."""
    following = hold is not None and credit.needs_following(hold, invoice)
    found = rewards.proportional(unit, referral)
    if not following and not any(rewards.needs_resizing(reward, stays.minor) for reward in found):
        return
    books = lock_all(unit, invoice.org, referral.referrer_id, referral.referee_id)
    if hold is not None:
        credit.follow(unit, hold.id, invoice, record, books)
    for reward in rewards.proportional(unit, referral):
        rewards.resize(unit, books, referral, reward, stays.minor, invoice.id)
    books.write()
