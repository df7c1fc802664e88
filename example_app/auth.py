"""Logging in and out, and who is there."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_user, logout_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from .extensions import db
from .forms import LoginForm
from .models import Business, Client, Staff

bp = Blueprint("auth", __name__)


def load_user(user_id: str) -> Staff | Client | None:
    """The person whose id is in the session."""
    kind, _, number = user_id.partition(":")
    if kind == "staff":
        return db.session.get(Staff, int(number))
    return db.session.get(Client, int(number))


def current_staff() -> Staff:
    """The staff member who is logged in; 403 for anybody else."""
    user = current_user._get_current_object()
    if not isinstance(user, Staff):
        abort(403)
    return user


def current_client() -> Client:
    """The client who is logged in; 403 for anybody else."""
    user = current_user._get_current_object()
    if not isinstance(user, Client):
        abort(403)
    return user


def ask_to_log_in() -> Response:
    """Send somebody who is not logged in to where they can log in."""
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    if request.path.startswith("/staff/"):
        return redirect(url_for("auth.staff_login", next=target))
    flash("Please choose your business, and log in.")
    return redirect(url_for("public.index", next=target))


def next_page(default: str) -> str:
    """Where to go after logging in: a page of ours, whatever the address says."""
    target = request.args.get("next", "")
    ours = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if ours and target.isprintable() else default


@bp.route("/staff/login", methods=["GET", "POST"])
def staff_login() -> str | Response | tuple[str, int]:
    """The login of all staff."""
    form = LoginForm()
    if form.validate_on_submit():
        email = form.email.data.strip().lower()
        staff = db.session.scalar(select(Staff).filter_by(email=email))
        if staff and staff.check_password(form.password.data):
            login_user(staff)
            return redirect(next_page(url_for("staff.invoices")))
        form.form_errors.append("The email address or the password is not right.")
    status = 422 if form.is_submitted() else 200
    return render_template("login.html", form=form, business=None), status


@bp.route("/<slug>/login", methods=["GET", "POST"])
def client_login(slug: str) -> str | Response | tuple[str, int]:
    """The login of the clients of one business."""
    business = db.first_or_404(select(Business).filter_by(slug=slug))
    form = LoginForm()
    if form.validate_on_submit():
        email = form.email.data.strip().lower()
        client = db.session.scalar(select(Client).filter_by(business_id=business.id, email=email))
        if client and client.check_password(form.password.data):
            login_user(client)
            return redirect(next_page(url_for("portal.invoices")))
        form.form_errors.append("The email address or the password is not right.")
    status = 422 if form.is_submitted() else 200
    return render_template("login.html", form=form, business=business), status


@bp.post("/logout")
def logout() -> Response:
    """Forget who was there."""
    logout_user()
    flash("You are logged out.")
    return redirect(url_for("public.index"))
