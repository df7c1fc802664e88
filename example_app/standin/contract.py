"""Stripe's own description of its API, as data, and whether an exchange keeps to it.

`data/jsonschema-slice.json` is a part of Stripe's public description (2026-05-27.dahlia; MIT, see the licence beside
it), turned into JSON Schema. Needs `jsonschema`, which the tests have; without it nothing is checked.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

DATA = Path(__file__).parent / "data"
Broken = list[tuple[str, str]]


@cache
def _slice() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "jsonschema-slice.json").read_text())
    return found


@cache
def fixture(resource: str) -> str:
    """One complete object of Stripe's, as JSON."""
    return json.dumps(json.loads((DATA / "fixtures-slice.json").read_text())["resources"][resource])


@cache
def _routes() -> list[tuple[str, re.Pattern[str], str]]:
    found = []
    for key in _slice()["operations"]:
        method, template = key.split(" ")
        pattern = re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", template) + "$")
        found.append((template.count("{"), method, pattern, key))
    return [(method, pattern, key) for _, method, pattern, key in sorted(found, key=lambda route: route[0])]


def operation(method: str, path: str) -> dict[str, Any] | None:
    """What the description says of this call; None for one that it has not."""
    for known, pattern, key in _routes():
        if known == method and pattern.match(path):
            found: dict[str, Any] = _slice()["operations"][key]
            return found
    return None


_validators: dict[int, Any] = {}


def _broken(schema: dict[str, Any], data: Any) -> Broken:
    """What breaks the schema, a part of the description; its validator is made once."""
    checked = _validators.get(id(schema))
    if checked is None:
        from jsonschema import Draft202012Validator

        checked = _validators[id(schema)] = Draft202012Validator({**schema, "$defs": _slice()["$defs"]})
    return [(error.json_path, error.message[:140]) for error in checked.iter_errors(data)]


def decoded(text: str) -> dict[str, Any]:
    """A form body as Stripe reads it: `a[b]=c`, lists as `a[0]=b`."""
    root: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        keys = re.findall(r"[^\[\]]+", key)
        into = root
        for name in keys[:-1]:
            into = into.setdefault(name, {})
        into[keys[-1]] = value
    found: dict[str, Any] = _lists(root)
    return found


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(one) for key, one in value.items()}


def typed(value: Any, schema: dict[str, Any]) -> Any:
    """Texts of a form as the types that the schema asks for, where they are such."""
    if "$ref" in schema:
        schema = _slice()["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        tries = (typed(value, one) for one in schema["anyOf"])
        return next((found for found in tries if not _broken(schema, found)), value)
    if isinstance(value, dict):
        other = schema.get("additionalProperties")
        known = schema.get("properties", {})
        rest = other if isinstance(other, dict) else {}
        return {key: typed(one, known.get(key) or rest) for key, one in value.items()}
    if isinstance(value, list):
        return [typed(one, schema.get("items", {})) for one in value]
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def read_request(method: str, path: str, query: str, body: str, content_type: str) -> tuple[dict[str, Any], Broken]:
    """What was asked, with the types of the description, and what of it breaks that."""
    known = operation(method, path)
    assert known is not None
    asked = typed(decoded(query), known["query"])
    broken = _broken(known["query"], asked)
    if "body" in known:
        if body and not content_type.startswith(known["contentType"]):
            broken.append(("content-type", content_type))
        as_json = known["contentType"] == "application/json"
        data = (json.loads(body) if body else {}) if as_json else typed(decoded(body), known["body"])
        broken += _broken(known["body"], data)
        asked |= data
    return asked, broken


def broken_answer(method: str, path: str, status: int, data: Any) -> Broken:
    """What of an answer breaks the description."""
    known = operation(method, path)
    if known is None:
        return []
    return _broken(known["responses"].get(str(status)) or known["responses"]["default"], data)
