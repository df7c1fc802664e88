"""The OpenAPI 3.1 description of the JSON API, made from the table of its routes (api_routes.py)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from flask import current_app, url_for

from .api_check import FORM, JSON
from .api_problem import PROBLEM
from .api_routes import ROUTES, Route
from .api_schemas import ANSWERS, BODIES, TEXT
from .forms import csrf_token

_INTRODUCTION = (
    "The client's pages of the referral program as JSON. The client is logged in by the app's own session. Every "
    "change is a POST that carries the token of the summary's `csrf`, in its header or as a field of a form."
)
#: What may always happen, and with a POST besides.
_ALWAYS = {
    "401": "Nobody is logged in.",
    "default": "Any other refusal, such as of the app's own, or a failure.",
}
_POSTED = {
    "400": "The token is missing (`csrf`), or the body can't be read (`malformed`).",
    "411": "The body's length is not said.",
    "413": "The body is too large.",
    "415": "The body is neither JSON nor a form.",
    "422": "The body is not as described; `fields` says where.",
}


def describe() -> dict[str, Any]:
    """The description, for this app and this host's scheme of tokens."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path or "/", {})[route.method.lower()] = _operation(route)
    paths["/openapi.json"] = {"get": _itself()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Referrals", "version": version("flask-referrals"), "description": _INTRODUCTION},
        "servers": [{"url": url_for("referrals.api_summary").rstrip("/")}],
        "paths": paths,
        "components": {
            "schemas": {**ANSWERS, **BODIES},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": current_app.config["SESSION_COOKIE_NAME"]},
                "csrf": {"type": "apiKey", "in": "header", "name": csrf_token().header},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    refusals = {code: text for code, text in _ALWAYS.items() if not (route.visitors and code == "401")}
    if route.values:
        refusals["404"] = "There is no such thing of this client's."
    if route.query:
        refusals["422"] = "A parameter is not as described; `fields` says which."
    if route.refused:
        refusals["409"] = f"Refused by the program's rules: {', '.join(f'`{code}`' for code in route.refused)}."
    if route.gateway:
        refusals["503"] = "The payment service does not answer (`gateway`)."
    if route.method == "POST":
        refusals |= _POSTED
    found: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{route.name}",
        "summary": route.summary,
        "security": _security(route),
        "responses": {"200": _answer(route.answers, JSON, "Done.")}
        | {code: _answer("Problem", PROBLEM, text) for code, text in refusals.items()},
    }
    if route.values or route.query:
        found["parameters"] = [_parameter(name, "path", one, needed=True) for name, one in route.values.items()]
        found["parameters"] += [
            _parameter(name, "query", one, needed=name in route.needs) for name, one in route.query.items()
        ]
    if route.method == "POST":
        schema = {"$ref": f"#/components/schemas/{route.body}"}
        needed = "required" in BODIES[route.body]
        found["requestBody"] = {"required": needed, "content": {JSON: {"schema": schema}, FORM: {"schema": schema}}}
    return found


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.visitors:
        return []
    return [{"session": [], "csrf": []}] if route.method == "POST" else [{"session": []}]


def _parameter(name: str, where: str, schema: Any, *, needed: bool) -> dict[str, Any]:
    return {"name": name, "in": where, "required": needed, "schema": schema}


def _answer(name: str, kind: str, text: str) -> dict[str, Any]:
    headers = {"Cache-Control": {"schema": TEXT, "description": "Kept by nobody but the client's own browser."}}
    content = {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"description": text, "headers": headers, "content": content}


def _itself() -> dict[str, Any]:
    return {
        "operationId": "get_description",
        "summary": "This description",
        "security": [],
        "responses": {
            "200": _answer("Description", JSON, "Done."),
            "default": _answer("Problem", PROBLEM, _ALWAYS["default"]),
        },
    }
