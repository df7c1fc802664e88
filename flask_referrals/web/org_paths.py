"""Addresses that name the org, such as `/shops/<org>/referrals`: read before our views, and put into our links."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, current_app, request

from ..adapters.state import State, get_state
from ..host import ADDRESSED, org_of_address

_OURS = ("referrals.", "referrals_admin.")


def register(app: Flask) -> None:
    """See to the org in the addresses of the client's and the staff's pages, where their prefixes have one."""
    app.url_value_preprocessor(_take)
    app.url_defaults(_put)


def _take(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Keep the org for `Host.current_org`; our views know nothing of it."""
    if endpoint is not None and endpoint.startswith(_OURS) and values and "org" in values:
        request.environ[ADDRESSED] = values.pop("org")


def _put(endpoint: str, values: dict[str, Any]) -> None:
    """A link without a word about the org leads to the same org's page."""
    if endpoint.startswith(_OURS) and current_app.url_map.is_endpoint_expecting(endpoint, "org"):
        values.setdefault("org", org_of_address() or get_state().host.current_org())


def refuse_unknown(state: State) -> None:
    """404 for a page of an org that there is not."""
    org = org_of_address()
    if org is not None and org not in state.host.orgs():
        abort(404)
