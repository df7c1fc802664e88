"""The client's pages as JSON, for hosts with their own front end: the same rules, and the same guards.

`/api` is the summary; the other addresses are in api_routes.py, and are described at `/api/openapi.json`. Who is not
logged in gets 401; what is refused is told as problem details (api_problem.py), also where the address is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from ..adapters.state import get_state
from ..host import token_of_address
from . import api_check, api_problem
from .api_call import Call, Visit, not_found
from .api_describe import describe
from .api_problem import Problem
from .api_routes import ROUTES, Route
from .api_schemas import BODIES
from .portal_forms import private

Do = Callable[..., dict[str, Any]]
#: Every method is let in, so that a wrong one is told by us as well.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")


def add_to(blueprint: Blueprint) -> None:
    """Add the addresses to the client's blueprint."""
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    for path, routes in by_path.items():
        doing = {method: _doing(route) for method, route in routes.items()}
        _add(blueprint, path, next(iter(routes.values())).name, doing)
    _add(blueprint, "/openapi.json", "description", {"GET": describe})
    _add(blueprint, "/<path:rest>", "unknown", dict.fromkeys(_METHODS, _unknown))
    blueprint.after_request(_last)


def _add(blueprint: Blueprint, path: str, name: str, doing: Mapping[str, Do]) -> None:
    known = {*doing, "OPTIONS", *(["HEAD"] if "GET" in doing else [])}
    allow = {"Allow": ", ".join(method for method in _METHODS if method in known)}

    def view(**values: str) -> Response:
        do = doing.get("GET" if request.method == "HEAD" else request.method)
        try:
            if do is not None:
                return Response(json.dumps(do(**values)), mimetype=api_check.JSON)
            if request.method == "OPTIONS":
                return Response(status=204, headers=allow)
            raise Problem(405, "method_not_allowed", f"This address takes {allow['Allow']}.")
        except Problem as problem:
            response = api_problem.answer(problem)
            if problem.status == 405:
                response.headers.update(allow)
            return response

    view.__name__ = f"api_{name}"
    rule = "/api" + path.replace("{", "<").replace("}", ">")
    blueprint.add_url_rule(
        rule, view.__name__, view, methods=_METHODS, strict_slashes=False, provide_automatic_options=False
    )


def _doing(route: Route) -> Do:
    """What is done at this route: who asks, the token, and what was sent are looked at, then the view is called."""

    def do(**values: str) -> dict[str, Any]:
        state = get_state()
        client = None if route.visitors else state.host.current_client()
        if client is None and not route.visitors and token_of_address() is not None:
            raise not_found()
        if client is None and not route.visitors:
            login = state.host.login_url(state.host.current_org())
            raise Problem(401, "not_logged_in", "Log in first.", login=login)
        given = _of_path(route, values) | api_check.query(route.query, route.needs)
        if route.method == "POST":
            api_check.limit()
            api_check.token()
            given |= api_check.body(BODIES[route.body])
        return route.view(Visit(state, given) if client is None else Call(state, given, client))

    return do


def _of_path(route: Route, values: Mapping[str, str]) -> dict[str, Any]:
    """The parts of the path; what can be none is not there."""
    schema = {"type": "object", "properties": route.values}
    given = api_check.from_texts(schema, MultiDict(values))
    if api_check.faults(schema, given):
        raise not_found()
    return given


def _unknown(rest: str) -> dict[str, Any]:
    raise not_found()


def _last(response: Response) -> Response:
    """Every answer is the client's alone, and every refusal is told as a problem, whoever refused."""
    if not (request.endpoint or "").startswith("referrals.api_"):
        return response
    private(response)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return api_problem.retold(response)
