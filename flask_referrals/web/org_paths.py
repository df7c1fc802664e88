"""Addresses with the org, `/shops/<org>/referrals`, or a client's secret, `/p/<token>/referrals`.

Both are read before our views, and put into our links.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, current_app, request

from ..adapters.addresses import OF_ORGS, with_place
from ..adapters.state import State
from ..host import ADDRESSED, TOKEN, org_of_address


def register(app: Flask) -> None:
    """See to org and token in the addresses of the client's and the staff's pages, where their prefixes have them."""
    app.url_value_preprocessor(_take)
    app.url_defaults(_put)


def _take(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Keep them for `Host.current_org` and `Host.current_client`; our views know nothing of them."""
    if endpoint is not None and endpoint.startswith(OF_ORGS) and values:
        for name, key in (("org", ADDRESSED), ("token", TOKEN)):
            if name in values:
                request.environ[key] = values.pop(name)


def _put(endpoint: str, values: dict[str, Any]) -> None:
    """A link without a word about them leads to a page of the same org and the same client."""
    values |= with_place(current_app.url_map, endpoint, dict(values))


def refuse_unknown(state: State) -> None:
    """404 for a page of an org that there is not."""
    org = org_of_address()
    if org is not None and org not in state.host.orgs():
        abort(404)
