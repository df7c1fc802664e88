"""A referral code and account credit on an invoice, for the pages of clients and of staff."""

from __future__ import annotations

from flask import flash, request

from flask_referrals import Money, Outcome

from . import billing
from .billing import BillingError
from .extensions import db
from .forms import BaseForm, CodeForm, CreditForm
from .models import Invoice, Status
from .money import show
from .referrals import host, referrals


def enter_code(invoice: Invoice, form: CodeForm) -> bool:
    """Use the code that was typed for this invoice; False if there is something to say at the form."""
    if not form.validate_on_submit():
        return False
    billing.wait_for(invoice)
    if not _done(form, "code", referrals.enter_code(invoice, form.code.data)):
        return False
    off = f": {show(invoice.discount_minor, invoice.currency)} off this invoice" if invoice.discount_minor else ""
    flash(f"Your code is accepted{off}.", "success")
    return True


def use_credit(invoice: Invoice, form: CreditForm) -> bool:
    """Put credit on this invoice, or take it off; False if there is something to say at the form."""
    take_off = request.form.get("action") == "take_off"
    if not (take_off or form.validate_on_submit()):
        return False
    billing.wait_for(invoice)
    if invoice.status == Status.DRAFT:
        form.refuse(BillingError("not_open", "A draft takes no credit yet.", "amount"))
        return False
    outcome = referrals.take_off_credit(invoice) if take_off else referrals.use_credit(invoice, form.asked)
    if not _done(form, "amount", outcome):
        return False
    on = f"{show(invoice.credit_minor, invoice.currency)} of credit is now on this invoice."
    flash("The credit is back on the account." if take_off else on, "success")
    return True


def use_voucher(invoice: Invoice, form: BaseForm) -> bool:
    """Use a free service of the client's on this invoice; False if there is something to say."""
    if not form.validate_on_submit():
        return False
    billing.wait_for(invoice)
    if not _done(form, "", referrals.use_voucher(invoice)):
        return False
    flash("The free service is on this invoice.", "success")
    return True


def free_services(invoice: Invoice) -> list[str]:
    """The free services that the client has, and that this open invoice has a line for."""
    if invoice.status != Status.OPEN:
        return []
    mine = [line.service for line in referrals.rewards(host.client(invoice.client)) if line.voucher == "open"]
    lines = {line.service for line in invoice.lines if line.net_minor and not line.voucher_minor}
    return [service for service in dict.fromkeys(mine) if service and service in lines]


def may_enter_code(invoice: Invoice) -> bool:
    """Whether a referral code could be used: the invoice is open, and the client is new and came without a code."""
    client = host.client(invoice.client)
    is_new = referrals.referral_of(client) is None and not host.has_paid_invoice(client)
    return invoice.status == Status.OPEN and is_new


def credit(invoice: Invoice) -> Money:
    """What the client can spend in the currency of the invoice."""
    return referrals.balance(host.client(invoice.client), invoice.currency).available


def _done(form: BaseForm, field: str, outcome: Outcome) -> bool:
    """Commit, and say at the field why something was refused; a refusal is on the client's log."""
    db.session.commit()
    if outcome.reason:
        form.refuse(BillingError(outcome.reason, outcome.message, field))
    return outcome.ok
