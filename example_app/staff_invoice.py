"""What staff can do with one invoice."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from flask_referrals import signals

from . import billing, checkout
from .billing import BillingError
from .extensions import db, this_app
from .forms import BaseForm, ChangeForm, CreditForm, PaymentForm, RefundForm
from .models import Invoice, Status
from .staff import own, staff_only

bp = Blueprint("staff_invoice", __name__, url_prefix="/staff/invoices/<int:invoice_id>")
bp.before_request(staff_only)


@bp.get("")
def show(invoice_id: int) -> str:
    """One invoice, with all that can be done with it."""
    return _page(own(Invoice, invoice_id))


@bp.route("/edit", methods=["GET", "POST"])
def change(invoice_id: int) -> Response | tuple[str, int]:
    """Change the lines of an invoice."""
    found = own(Invoice, invoice_id)
    form = ChangeForm(found)
    if form.validate_on_submit():
        try:
            was_draft = found.status == Status.DRAFT
            billing.change_invoice(found, form.items(), draft=form.draft.data)
            signal = signals.invoice_created if was_draft else signals.invoice_changed
            signal.send(this_app(), invoice=found)
            db.session.commit()
        except BillingError as error:
            db.session.rollback()
            form.refuse(error)
        else:
            flash("The invoice is changed.", "success")
            return _back(found)
    status = 422 if form.is_submitted() else 200
    return render_template("staff/invoice_form.html", form=form, invoice=found), status


@bp.post("/payment")
def record_payment(invoice_id: int) -> Response | tuple[str, int]:
    """Record money that came in."""
    found = own(Invoice, invoice_id)
    form = PaymentForm(found, found.due_minor)
    if form.validate_on_submit():
        try:
            billing.record_payment(
                found,
                form.amount.minor,
                method=form.method.data,
                request_key=form.request_key.data,
            )
            if found.status == Status.PAID:
                signals.invoice_paid.send(this_app(), invoice=found)
            db.session.commit()
        except BillingError as error:
            db.session.rollback()
            form.refuse(error)
        else:
            flash("The payment is recorded.", "success")
            return _back(found)
    return _page(found, payment=form), 422


@bp.post("/credit")
def use_credit(invoice_id: int) -> Response | tuple[str, int]:
    """Put the client's credit on the invoice, or take it off."""
    found = own(Invoice, invoice_id)
    form = CreditForm(found)
    return _back(found) if checkout.use_credit(found, form) else (_page(found, credit_form=form), 422)


@bp.post("/refund")
def refund(invoice_id: int) -> Response | tuple[str, int]:
    """Give money back."""
    found = own(Invoice, invoice_id)
    form = RefundForm(found, found.refundable_minor)
    if form.validate_on_submit():
        try:
            billing.refund(
                found,
                form.amount.minor,
                reason=form.reason.data,
                request_key=form.request_key.data,
            )
            signals.invoice_refunded.send(this_app(), invoice=found)
            db.session.commit()
        except BillingError as error:
            db.session.rollback()
            form.refuse(error)
        else:
            flash("The refund is recorded.", "success")
            return _back(found)
    return _page(found, refund=form), 422


@bp.post("/dispute")
def lose_dispute(invoice_id: int) -> Response:
    """Book a lost dispute."""
    found = own(Invoice, invoice_id)
    try:
        billing.lose_dispute(found)
        signals.invoice_refunded.send(this_app(), invoice=found, reason=billing.DISPUTE)
        db.session.commit()
        flash("The lost dispute is recorded.", "success")
    except BillingError as error:
        db.session.rollback()
        flash(error.message, "error")
    return _back(found)


@bp.post("/void")
def void(invoice_id: int) -> Response:
    """Cancel an invoice."""
    found = own(Invoice, invoice_id)
    billing.void(found)
    signals.invoice_voided.send(this_app(), invoice=found)
    db.session.commit()
    flash(f"Invoice {found.number} is void.", "success")
    return _back(found)


def _page(
    found: Invoice,
    payment: BaseForm | None = None,
    refund: BaseForm | None = None,
    credit_form: CreditForm | None = None,
) -> str:
    """The page of an invoice, with fresh forms in place of those that are not given."""
    return render_template(
        "staff/invoice.html",
        invoice=found,
        payment_form=payment or PaymentForm(found, found.due_minor, formdata=None),
        refund_form=refund or RefundForm(found, found.refundable_minor, formdata=None),
        credit_form=credit_form or CreditForm(found, formdata=None),
        credit=checkout.credit(found),
    )


def _back(found: Invoice) -> Response:
    """To the page of the invoice."""
    return redirect(url_for("staff_invoice.show", invoice_id=found.id))
