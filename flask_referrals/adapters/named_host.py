"""A Host whose people and pages are told by names: of views, of a class, of what is in `flask.g` (§3.1, §3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flask import current_app, g, url_for

from ..errors import ConfigurationError
from ..host import DEFAULT_ORG, Client, Host, logged_in_user

_ACTOR = 200
#: What an endpoint may be named for.
_NAMES = ("registration", "login", "staff_login", "client", "invoice")


class NamedHost(Host):
    """A Host that finds your people and pages by names.

    `endpoints` names views of yours: `registration`, `login`, `staff_login`, and your staff's pages of a `client` and
    of an `invoice`, which take its id. A `registration` of None says that nobody registers by himself.
    `portal_client` is where your app keeps in `flask.g` who is on the portal, such as "contact.company"; without it,
    that is Flask-Login's user. `staff_model` is the class of those users of Flask-Login who are staff.
    """

    endpoints: ClassVar[Mapping[str, str | None]] = {}
    portal_client: ClassVar[str | None] = None
    staff_model: ClassVar[type[Any] | tuple[type[Any], ...]] = ()

    def __init__(self) -> None:
        if unknown := sorted(set(self.endpoints) - set(_NAMES)):
            text = f"{type(self).__name__}.endpoints may name {', '.join(_NAMES)}, not {', '.join(unknown)}"
            raise ConfigurationError(text)

    def current_client(self) -> Client | None:
        if self.portal_client is None:
            return super().current_client()
        record: Any = g
        for name in self.portal_client.split("."):
            record = getattr(record, name, None)
        return None if record is None else self.client(record)

    def is_staff(self) -> bool:
        return isinstance(logged_in_user(), self.staff_model)

    def actor(self) -> str:
        """The email, or else the id, of the staff member who is logged in."""
        user = logged_in_user() if self.is_staff() else None
        return super().actor() if user is None else str(getattr(user, "email", None) or user.get_id())[:_ACTOR]

    def registration_url(self, org: str) -> str | None:
        """By `endpoints`; None if it names None for it, since nobody registers by himself."""
        if self.endpoints.get("registration", "") is None:
            return None
        return self._url("registration") or super().registration_url(org)

    def login_url(self, org: str) -> str:
        return self._url("login") or super().login_url(org)

    def staff_login_url(self) -> str:
        """By `endpoints`; else Flask-Login's `login_view`, where that is the staff's."""
        others = super().login_url(DEFAULT_ORG) if self.staff_model else super().staff_login_url()
        return self._url("staff_login") or others

    def client_url(self, org: str, client_id: str) -> str | None:
        return self._url("client", client_id)

    def invoice_url(self, org: str, invoice_id: str) -> str | None:
        return self._url("invoice", invoice_id)

    def _url(self, name: str, *identity: str) -> str | None:
        """The address of the view, whose only argument, if there is any, is the id."""
        endpoint = self.endpoints.get(name)
        if endpoint is None:
            return None
        wanted = [rule.arguments for rule in current_app.url_map.iter_rules(endpoint)]
        arguments = next((names for names in wanted if len(names) == len(identity)), None)
        if arguments is None:
            text = f"{endpoint!r}, the {name} in {type(self).__name__}.endpoints, takes {sorted(wanted[0])}"
            raise ConfigurationError(f"{text}: write {name}_url yourself")
        values: dict[str, Any] = dict(zip(arguments, identity, strict=True))
        return url_for(endpoint, **values)
