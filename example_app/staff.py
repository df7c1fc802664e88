"""The pages of staff: the clients and the invoices of their own business."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from flask_referrals import signals

from . import billing
from .auth import current_staff
from .billing import BillingError
from .display import told
from .extensions import db, this_app
from .forms import ClientForm, InvoiceForm
from .models import Client, Invoice, Status
from .referrals import referrals

bp = Blueprint("staff", __name__, url_prefix="/staff")

Owned = TypeVar("Owned", Client, Invoice)


@bp.before_request
@login_required  # type: ignore[untyped-decorator]  # Flask-Login has no types
def staff_only() -> None:
    """Let nobody but staff in."""
    current_staff()


@bp.get("/")
def invoices() -> str:
    """The invoices of the business, of one status if one is chosen."""
    status = request.args.get("status", "")
    query = select(Invoice).filter_by(business_id=current_staff().business_id)
    if status in set(Status):
        query = query.filter_by(status=status)
    query = query.options(selectinload(Invoice.client)).order_by(Invoice.id.desc())
    return render_template("staff/invoices.html", page=_page(query), status=status, statuses=list(Status))


@bp.get("/clients")
def clients() -> str:
    """The clients of the business, found by name, email or phone."""
    search = request.args.get("q", "").replace("\0", "").strip()[:100]
    query = select(Client).filter_by(business_id=current_staff().business_id)
    if search:
        columns = (Client.name, Client.email, Client.phone)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    return render_template("staff/clients.html", page=_page(query.order_by(Client.name)), search=search)


@bp.get("/clients/<int:client_id>")
def client(client_id: int) -> str:
    """One client, with their invoices."""
    return render_template("staff/client.html", client=own(Client, client_id))


@bp.route("/clients/new", methods=["GET", "POST"])
def new_client() -> Response | tuple[str, int]:
    """Add a client."""
    form = ClientForm()
    if form.validate_on_submit():
        try:
            done = billing.register_client(
                current_staff().business,
                name=form.name.data,
                email=form.email.data,
                phone=form.phone.data,
                request_key=form.request_key.data,
            )
            outcome = referrals.client_registered(done.item, code=form.referral_code.data, link=False)
            db.session.commit()
        except BillingError as error:
            db.session.rollback()
            form.refuse(error)
        else:
            flash(*told(f"{done.item.name} is now a client.", outcome))
            return redirect(url_for("staff.client", client_id=done.item.id))
    return render_template("staff/new_client.html", form=form), 422 if form.is_submitted() else 200


@bp.route("/invoices/new", methods=["GET", "POST"])
def new_invoice() -> Response | tuple[str, int]:
    """Write an invoice."""
    business = current_staff().business
    query = select(Client).filter_by(business_id=business.id).order_by(Client.name)
    form = InvoiceForm(
        db.session.scalars(query).all(),
        data={
            "client": request.args.get("client", type=int),
            "number": billing.next_number(business),
            "currency": business.currency,
        },
    )
    if form.validate_on_submit():
        try:
            done = billing.create_invoice(
                own(Client, form.client.data),
                number=form.number.data,
                currency=form.currency.data,
                lines=form.items(),
                draft=form.draft.data,
                request_key=form.request_key.data,
            )
            signals.invoice_created.send(this_app(), invoice=done.item)
            db.session.commit()
        except BillingError as error:
            db.session.rollback()
            form.refuse(error)
        else:
            flash(f"Invoice {done.item.number} is saved.", "success")
            return redirect(url_for("staff_invoice.show", invoice_id=done.item.id))
    status = 422 if form.is_submitted() else 200
    return render_template("staff/invoice_form.html", form=form, invoice=None), status


def own(model: type[Owned], row_id: int) -> Owned:
    """A client or an invoice of the staff member's own business, or 404."""
    found = db.session.get(model, row_id) if row_id < 2**31 else None
    if found is None or found.business_id != current_staff().business_id:
        abort(404)
    return found


def _page(query: Select[Any]) -> Pagination:
    """The page of the results that was asked for."""
    page = min(max(request.args.get("page", 1, type=int), 1), 100_000)
    return db.paginate(query, page=page, per_page=25, error_out=False)
