"""The functions that a host's suite writes: each does what a view of the app does."""

from __future__ import annotations

import inspect
from typing import Any

from flask import Flask
from flask.testing import FlaskClient


class HostFunctions:
    """Each function may commit by itself, as a view does, or leave that to us.

    It runs in an app context of its own. The client or the invoice that it gets is the record that `Host.find_client`
    or `Host.find_invoice` gives. Those that make something give back its id, or the record that you would hand to us.
    """

    #: The org whose clients are made; by default the first of `Host.orgs()`.
    org: str | None = None
    #: The app of the test at hand.
    app: Flask

    # -- needed ------------------------------------------------------------------------------------------------------

    def make_app(self) -> Flask:
        """Make the app with your tables in an empty database; called for each test, and may give the same app again."""
        raise NotImplementedError

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        """Register a client who typed this referral code, or none."""
        raise NotImplementedError

    def new_invoice(self, client: Any) -> Any:
        """Make an invoice of any amount that is sent and not paid yet."""
        raise NotImplementedError

    def pay(self, invoice: Any) -> None:
        """Pay all that is due on the invoice."""
        raise NotImplementedError

    # -- optional: without one its tests are skipped -------------------------------------------------------------------

    def undo_payment(self, invoice: Any) -> None:
        """Take all of a payment back, by a refund, a deletion, or however your app does it."""

    def refund_part(self, invoice: Any) -> None:
        """Give a part of the money of a paid invoice back, not all of it."""

    def void(self, invoice: Any) -> None:
        """Cancel an invoice that is not paid."""

    def delete(self, invoice: Any) -> None:
        """Delete an invoice that is not paid."""

    def new_draft(self, client: Any) -> Any:
        """Make a draft, an estimate, or whatever is in your invoice table and is no invoice yet."""

    def change_amount(self, invoice: Any) -> None:
        """Make an unpaid invoice dearer."""

    def log_in(self, browser: FlaskClient, client: Any) -> None:
        """Log this client in, in a test client of your app."""

    def log_in_staff(self, browser: FlaskClient) -> None:
        """Log somebody in who may see the staff's pages."""


def is_written(functions: HostFunctions, name: str) -> bool:
    """Whether the host's suite has written this one."""
    return getattr(type(functions), name) is not getattr(HostFunctions, name)


def told(functions: HostFunctions, name: str) -> str:
    """Which line to write for it, and what it is to do."""
    arguments = ", ".join(inspect.signature(getattr(HostFunctions, name)).parameters)
    purpose = (inspect.getdoc(getattr(HostFunctions, name)) or "").splitlines()[0]
    return f"write `def {name}({arguments})` in {type(functions).__name__}: {purpose[0].lower()}{purpose[1:]}"
