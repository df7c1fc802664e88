"""Addresses that name the org, such as `/shops/<org>/referrals`: read before our views, and put into our links."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, current_app, request

from ..adapters.addresses import OF_ORGS, with_org
from ..adapters.state import State
from ..host import ADDRESSED, org_of_address


def register(app: Flask) -> None:
    """See to the org in the addresses of the client's and the staff's pages, where their prefixes have one."""
    app.url_value_preprocessor(_take)
    app.url_defaults(_put)


def _take(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Keep the org for `Host.current_org`; our views know nothing of it."""
    if endpoint is not None and endpoint.startswith(OF_ORGS) and values and "org" in values:
        request.environ[ADDRESSED] = values.pop("org")


def _put(endpoint: str, values: dict[str, Any]) -> None:
    """A link without a word about the org leads to the same org's page."""
    values |= with_org(current_app.url_map, endpoint, dict(values))


def refuse_unknown(state: State) -> None:
    """404 for a page of an org that there is not."""
    org = org_of_address()
    if org is not None and org not in state.host.orgs():
        abort(404)
