"""The pages of a client: their own invoices, and paying them."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user, login_required
from sqlalchemy import select
from werkzeug.wrappers import Response

from . import billing
from .auth import current_client
from .billing import BillingError
from .extensions import db
from .forms import CheckoutForm
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
    found = _own(invoice_id)
    form = CheckoutForm(found, found.due_minor, formdata=None)
    return render_template("portal/invoice.html", invoice=found, form=form)


@bp.post("/invoices/<int:invoice_id>/pay")
def pay(invoice_id: int) -> Response | tuple[str, int]:
    """Take a pretend card payment."""
    found = _own(invoice_id)
    form = CheckoutForm(found, found.due_minor)
    if form.validate_on_submit():
        try:
            billing.record_payment(found, form.amount.minor, method="card", request_key=form.request_key.data)
            db.session.commit()
        except BillingError as error:
            db.session.rollback()
            form.refuse(error)
        else:
            flash("Thank you, your payment has arrived.", "success")
            return redirect(url_for("portal.invoice", invoice_id=found.id))
    return render_template("portal/invoice.html", invoice=found, form=form), 422


def _own(invoice_id: int) -> Invoice:
    """An invoice of this client, or 404."""
    found = db.session.get(Invoice, invoice_id) if invoice_id < 2**31 else None
    if found is None or found.client_id != current_user.id or found.status == Status.DRAFT:
        abort(404)
    return found
