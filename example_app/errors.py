"""The pages for what went wrong, in the layout of all others."""

from __future__ import annotations

from flask import Flask, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from .extensions import db

PAGES = {
    400: ("We could not read that", "Something about this request was not right. Please go back and try again."),
    403: ("This page is not for you", "You are logged in, but this page belongs to somebody else."),
    404: ("There is nothing here", "The page may have moved, or the link may be incomplete."),
    405: ("That does not work here", "Please go back and use the buttons on the page."),
    413: ("That was too much", "What you sent is larger than we accept."),
    500: ("Something went wrong on our side", "Nothing was saved. Please try again in a moment."),
}
STALE_FORM = (
    "This form has expired",
    "Nothing was saved. Please go back, reload the page and send the form again.",
)


def register(app: Flask) -> None:
    """Show our own page for each of these errors."""
    for code in PAGES:
        app.register_error_handler(code, show)
    app.register_error_handler(CSRFError, show)


def show(error: HTTPException) -> tuple[str, int]:
    """The page for one error, with its status."""
    code = error.code or 500
    if code == 500:
        db.session.rollback()
    title, text = STALE_FORM if isinstance(error, CSRFError) else PAGES[code]
    return render_template("error.html", code=code, title=title, text=text), code
