"""Addresses of our pages, also of those that another app of the same site serves, and where no request says (§3.10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, has_request_context, url_for
from werkzeug.routing import Map

from ..errors import ConfigurationError
from ..host import token_of_address
from .state import get_state

KEY = "referrals_addresses"
#: Pages whose prefix may name the org or hold a client's token; of others these are no part, or always one.
OF_ORGS = ("referrals.", "referrals_admin.")
#: The blueprints that may serve our static files, in their order.
_SERVERS = ("referrals", "referrals_admin", "referrals_link")


@dataclass(eq=False)
class Addresses:
    """Where the pages are, for one app; `rules` makes the rules of all pages, whichever of them the app serves."""

    app: Flask
    site_url: str | None
    rules: Callable[[], Map]

    def of(self, endpoint: str, *, external: bool = False, **values: Any) -> str:
        """The address of a page: by the request that this is, else on the site that the settings name."""
        if endpoint == "referrals.static":
            endpoint = f"{self._server}.static"
        if self.site_url is None or not endpoint.startswith("referrals") or self._is_here(endpoint):
            values = with_place(self.app.url_map, endpoint, values)
            return url_for(endpoint, _external=external or not has_request_context(), **values)
        values = with_place(self._everywhere, endpoint, values)
        parts = urlsplit(self.site_url)
        site = self._everywhere.bind(parts.netloc, f"{parts.path.rstrip('/')}/", url_scheme=parts.scheme)
        return site.build(endpoint, values, force_external=True)

    def _is_here(self, endpoint: str) -> bool:
        return has_request_context() and endpoint in self.app.view_functions

    @cached_property
    def _everywhere(self) -> Map:
        return self.rules()

    @property
    def _server(self) -> str:
        return next((name for name in _SERVERS if f"{name}.static" in self.app.view_functions), _SERVERS[0])


def with_place(rules: Map, endpoint: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values, with the org and the client's token where the address of this page has them.

    These are as given; else the token of the request or of the `client`, and the client's org or that of the request.
    """
    if not endpoint.startswith(OF_ORGS):
        return values
    client, org, token = (values.pop(name, None) for name in ("client", "org", "token"))
    try:
        names = {name for name in ("org", "token") if rules.is_endpoint_expecting(endpoint, name)}
    except KeyError:
        return values  # which `url_for` will tell of
    host = get_state().host
    if "org" in names:
        values["org"] = org or (client and client.org) or host.current_org()
    if "token" in names:
        values["token"] = token or (host.token_of(client) if client else token_of_address())
        if not values["token"]:
            raise ConfigurationError("REFERRALS_PORTAL_PREFIX has <token>, and Host.token_of has none for this client")
    return values


def address(endpoint: str, *, external: bool = False, **values: Any) -> str:
    """The address of a page of ours in the current app; absolute where it is `external`, or there is no request."""
    found: Addresses = current_app.extensions[KEY]
    return found.of(endpoint, external=external, **values)
