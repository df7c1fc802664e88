"""The pages of a client: their own invoices, and paying them."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user, login_required
from sqlalchemy import select
from werkzeug.wrappers import Response

from flask_referrals import signals

from . import billing, checkout
from .auth import current_client
from .billing import BillingError
from .extensions import db, this_app
from .forms import BaseForm, CheckoutForm, CodeForm, CreditForm
from .models import Invoice, Status

bp = Blueprint("portal", __name__, url_prefix="/portal")


@bp.before_request
@login_required  # type: ignore[untyped-decorator]  # Flask-Login has no types
def clients_only() -> None:
    """Let nobody but clients in."""
    current_client()


@bp.get("/")
def invoices() -> str:
    """All invoices of the client, with what is due in each currency."""
    client = current_client()
    mine = select(Invoice).where(Invoice.client_id == client.id, Invoice.status != Status.DRAFT)
    found = db.session.scalars(mine.order_by(Invoice.id.desc())).all()
    due: dict[str, int] = {}
    for invoice in found:
        if invoice.due_minor:
            due[invoice.currency] = due.get(invoice.currency, 0) + invoice.due_minor
    return render_template("portal/invoices.html", client=client, invoices=found, due=due)


@bp.get("/invoices/<int:invoice_id>")
def invoice(invoice_id: int) -> str:
    """One invoice, with the checkout."""
    return _page(_own(invoice_id))


@bp.post("/invoices/<int:invoice_id>/pay")
def pay(invoice_id: int) -> Response | tuple[str, int]:
    """Take a pretend card payment."""
    found = _own(invoice_id)
    form = CheckoutForm(found, found.due_minor)
    if form.validate_on_submit():
        try:
            billing.record_payment(found, form.amount.minor, method="card", request_key=form.request_key.data)
            if found.status == Status.PAID:
                signals.invoice_paid.send(this_app(), invoice=found)
            db.session.commit()
        except BillingError as error:
            db.session.rollback()
            form.refuse(error)
        else:
            flash("Thank you, your payment has arrived.", "success")
            return _back(found)
    return _page(found, form=form), 422


@bp.post("/invoices/<int:invoice_id>/code")
def enter_code(invoice_id: int) -> Response | tuple[str, int]:
    """Take a referral code at the checkout."""
    found = _own(invoice_id)
    form = CodeForm()
    return _back(found) if checkout.enter_code(found, form) else (_page(found, code_form=form), 422)


@bp.post("/invoices/<int:invoice_id>/credit")
def use_credit(invoice_id: int) -> Response | tuple[str, int]:
    """Put credit on the invoice, or take it off."""
    found = _own(invoice_id)
    form = CreditForm(found)
    return _back(found) if checkout.use_credit(found, form) else (_page(found, credit_form=form), 422)


@bp.post("/invoices/<int:invoice_id>/voucher")
def use_voucher(invoice_id: int) -> Response | tuple[str, int]:
    """Use a free service on the invoice."""
    found = _own(invoice_id)
    form = BaseForm()
    return _back(found) if checkout.use_voucher(found, form) else (_page(found, voucher_form=form), 422)


def _page(
    found: Invoice,
    form: CheckoutForm | None = None,
    code_form: CodeForm | None = None,
    credit_form: CreditForm | None = None,
    voucher_form: BaseForm | None = None,
) -> str:
    """The page of an invoice, with fresh forms in place of those that are not given."""
    return render_template(
        "portal/invoice.html",
        invoice=found,
        form=form or CheckoutForm(found, found.due_minor, formdata=None),
        code_form=code_form or CodeForm(formdata=None),
        credit_form=credit_form or CreditForm(found, formdata=None),
        voucher_form=voucher_form or BaseForm(formdata=None),
        free_services=checkout.free_services(found),
        may_enter_code=checkout.may_enter_code(found),
        credit=checkout.credit(found),
    )


def _back(found: Invoice) -> Response:
    """To the page of the invoice."""
    return redirect(url_for("portal.invoice", invoice_id=found.id))


def _own(invoice_id: int) -> Invoice:
    """An invoice of this client, or 404."""
    found = db.session.get(Invoice, invoice_id) if invoice_id < 2**31 else None
    if found is None or found.client_id != current_user.id or found.status == Status.DRAFT:
        abort(404)
    return found
