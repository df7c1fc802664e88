"""Free services (R7): a voucher is used once on an invoice, comes back when that is undone, or goes with its reward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, bindparam, or_, select, update

from ..domain import states
from ..host import Invoice
from ..models import ReferralRow, RewardRow
from ..money import Money
from .outcomes import Outcome
from .ties import Ties, VoucherTie
from .unit import ConflictError, Unit

if TYPE_CHECKING:
    from .rewards import Reward

_REWARD: Table = RewardRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
_OPEN = (
    select(_REWARD)
    .where(_REWARD.c.org == bindparam("org"), _REWARD.c.client_id == bindparam("client_id"))
    .where(or_(_REWARD.c.voucher == "open", _REWARD.c.voucher_invoice_id == bindparam("invoice_id")))
    .order_by(_REWARD.c.id)
)
#: For a second try: the host's transaction may go on seeing an older snapshot, so that only a locking read is of today.
_OPEN_LOCKED = _OPEN.with_for_update()


def use(unit: Unit, record: Any, invoice: Invoice) -> Outcome:
    """Use the client's oldest open voucher that this open invoice has a line for: it comes off before tax (R7).

    An invoice takes one voucher for each service.
    Refused with `no_voucher` where there is none for it, and `more_than_due` where the invoice is paid so far already
    that the service cannot be taken off any more.
    """
    if invoice.settled or invoice.void:
        return Outcome(ok=False, reason="more_than_due")
    binds = {"org": invoice.org, "client_id": invoice.client_id, "invoice_id": invoice.id}
    found = list(unit.connection.execute(_OPEN_LOCKED if unit.again else _OPEN, binds))
    there = {row.service for row in found if row.voucher_invoice_id == invoice.id}
    for row in found:
        if row.service in there:
            continue
        line = unit.host.service_line(record, row.service)
        if line is None or line.minor <= 0 or line.currency != row.currency:
            continue
        off = _worth(line, row.amount_minor)
        _change(unit, row.id, "open", "used", voucher_invoice_id=invoice.id, voucher_minor=off.minor)
        unit.apply_voucher(record, row.service, off)
        after = unit.host.invoice(record)
        if after is not None and after.total.minor < after.paid.minor:
            unit.apply_voucher(record, row.service, Money.zero(off.currency))
            _change(unit, row.id, "used", "open", voucher_invoice_id=None, voucher_minor=0)
            return Outcome(ok=False, reason="more_than_due")
        unit.record(
            "voucher_used", invoice.org, invoice.client_id, invoice_id=invoice.id, amount=off,
            reward_id=row.id, service=row.service,
        )  # fmt: skip
        return Outcome(ok=True, amount=off)
    return Outcome(ok=False, reason="no_voucher")


def _worth(line: Money, value: int) -> Money:
    """What the voucher takes off the service's line: all of it, or up to its stated value."""
    return line if not value else min(line, Money(value, line.currency), key=lambda money: money.minor)


def follow(unit: Unit, record: Any, invoice: Invoice, ties: Ties, verb: str) -> bool:
    """Bring the vouchers on an invoice to where it stands: reopened when it is undone, worked out again when changed.

    Whether anything changed.
    """
    changed = False
    for voucher in ties.vouchers:
        if invoice.void or (verb == "refunded" and not invoice.settled):
            changed |= _reopen(unit, record, invoice, voucher)
        elif verb in ("created", "changed") and not invoice.settled:
            changed |= _again(unit, record, invoice, voucher)
    return changed


def _reopen(unit: Unit, record: Any, invoice: Invoice, voucher: VoucherTie) -> bool:
    """Give it back; where the reward was taken back meanwhile, it is cancelled instead.

    An invoice that can be paid again is then to be paid in full; a void one keeps its figures.
    """
    if not invoice.void:
        unit.apply_voucher(record, voucher.service, Money.zero(invoice.currency))
    state = "open" if voucher.state == "issued" else "cancelled"
    _change(unit, voucher.id, "used", state, voucher_invoice_id=None, voucher_minor=0)
    kind = "voucher_reopened" if state == "open" else "voucher_cancelled"
    unit.record(
        kind, invoice.org, voucher.client_id, invoice_id=invoice.id, reward_id=voucher.id, service=voucher.service
    )
    return True


def _again(unit: Unit, record: Any, invoice: Invoice, voucher: VoucherTie) -> bool:
    """The invoice's lines were changed: the voucher comes off the line as it is now."""
    unit.apply_voucher(record, voucher.service, Money.zero(invoice.currency))
    line = unit.host.service_line(record, voucher.service)
    if line is None or line.minor <= 0:
        return _reopen(unit, record, invoice, voucher)
    off = _worth(line, voucher.amount_minor)
    unit.apply_voucher(record, voucher.service, off)
    if off.minor != voucher.voucher_minor:
        _change(unit, voucher.id, "used", "used", voucher_minor=off.minor)
    return True


def withdrawn(unit: Unit, reward: Reward) -> dict[str, Any]:
    """The columns of a voucher whose reward is taken back; one that is used is not taken back, and staff are told."""
    if reward.voucher == "used":
        unit.record(
            "voucher_kept", reward.org, "", other_id=reward.client_id, announces=False, reward_id=reward.id,
            referral_id=reward.referral_id, service=reward.service, invoice_id=reward.voucher_invoice_id,
        )  # fmt: skip
        return {}
    log(unit, "voucher_cancelled", reward)
    return {"voucher": states.step("voucher", reward.voucher, "cancelled")}


def log(unit: Unit, kind: str, reward: Reward) -> None:
    """Log it on the client's record."""
    unit.record(
        kind, reward.org, reward.client_id, referral_id=reward.referral_id, terms_id=reward.terms_id,
        reward_id=reward.id, service=reward.service,
    )  # fmt: skip


def _change(unit: Unit, reward_id: int, old: str, new: str, **values: Any) -> None:
    if old != new:
        states.step("voucher", old, new)
    statement = update(_REWARD).where(_REWARD.c.id == reward_id, _REWARD.c.voucher == old)
    if unit.connection.execute(statement.values(voucher=new, **values)).rowcount != 1:
        raise ConflictError("the voucher was used beside us")
