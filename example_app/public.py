"""The pages for everybody."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import login_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from . import billing
from .billing import BillingError
from .display import told
from .extensions import db
from .forms import RegisterForm
from .models import Business
from .referrals import referrals
from .seed import demo_logins

bp = Blueprint("public", __name__)


@bp.get("/")
def index() -> str:
    """All businesses, and how to try them."""
    businesses = db.session.scalars(select(Business).order_by(Business.name)).all()
    logins = demo_logins() if current_app.config["DEMO_LOGINS"] else {}
    return render_template("index.html", businesses=businesses, logins=logins, next=request.args.get("next"))


@bp.get("/<slug>/")
def business(slug: str) -> str:
    """The home of one business."""
    return render_template("business.html", business=_business(slug))


@bp.route("/<slug>/register", methods=["GET", "POST"])
def register(slug: str) -> str | Response | tuple[str, int]:
    """Let somebody become a client."""
    business = _business(slug)
    form = RegisterForm()
    if form.validate_on_submit():
        try:
            done = billing.register_client(
                business,
                name=form.name.data,
                email=form.email.data,
                phone=form.phone.data,
                password=form.password.data,
                request_key=form.request_key.data,
            )
            outcome = referrals.client_registered(done.item, code=form.referral_code.data)
            db.session.commit()
        except BillingError as error:
            db.session.rollback()
            form.refuse(error)
        else:
            login_user(done.item)
            flash(*told(f"Welcome to {business.name}!", outcome))
            return redirect(url_for("portal.invoices"))
    status = 422 if form.is_submitted() else 200
    return render_template("register.html", form=form, business=business), status


def _business(slug: str) -> Business:
    """The business at that address, or 404."""
    business: Business = db.first_or_404(select(Business).filter_by(slug=slug))
    return business
