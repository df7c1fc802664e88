"""Invoicing for freelancers."""
import os
import secrets

from flask import Flask, abort, render_template, request, session
from jinja2 import StrictUndefined
from markupsafe import Markup
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from . import totals
from .models import Base
from .owner_pages import make_owner_pages
from .portal import make_portal


def create_app(config=None):
    app = Flask(__name__)
    app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "dev-only-change-me")
    app.config["DATABASE_URL"] = os.environ.get("DATABASE_URL") or "sqlite:///freelance.db"
    app.config["CSRF_OFF"] = False
    app.config.update(config or {})

    engine = create_engine(app.config["DATABASE_URL"])
    Base.metadata.create_all(engine)
    Session = sessionmaker(engine, expire_on_commit=False)

    setup_templates(app)

    @app.before_request
    def check_token():
        if app.config["CSRF_OFF"] or request.method != "POST":
            return
        wanted = session.get("_token")
        if not wanted or request.form.get("_token") != wanted:
            abort(400, "The form has expired. Please go back, reload the page and try again.")

    @app.errorhandler(400)
    @app.errorhandler(404)
    def error_page(error):
        return render_template("error.html", error=error), error.code

    app.register_blueprint(make_owner_pages(Session))
    app.register_blueprint(make_portal(Session))
    return app


def setup_templates(app):
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.globals["csrf_field"] = csrf_field
    app.jinja_env.globals["totals"] = totals
    app.jinja_env.filters["money"] = money
    app.jinja_env.filters["number"] = number


def csrf_field():
    """The hidden input that every POST form needs, see check_token."""
    if "_token" not in session:
        session["_token"] = secrets.token_hex(16)
    return Markup('<input type="hidden" name="_token" value="%s">') % session["_token"]


def money(amount, currency):
    # + 0.0 turns a -0.0 into 0.0
    return "{:,.2f} {}".format(round(amount, 2) + 0.0, currency)


def number(value):
    """A float without needless zeros: 1.0 is 1, 2.50 is 2.5."""
    return ("%.4f" % value).rstrip("0").rstrip(".")
