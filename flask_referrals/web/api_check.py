"""What was sent, against the schemas that the description shows: the few words of JSON Schema that they use."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from .api_problem import TOKEN_MISSING, Problem
from .forms import csrf_token, is_genuine, must_check

Schema = Mapping[str, Any]
#: No body is larger.
MAX_BODY = 64 * 1024
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
_SHOWN = 50


def limit() -> None:
    """Problem for a body that is too large, or whose length is not said, before any of it is read."""
    if request.content_length is None and "Transfer-Encoding" in request.headers:
        raise Problem(411, "length_required", "Say in Content-Length how long the body is.")
    if (request.content_length or 0) > MAX_BODY:
        raise Problem(413, "too_large", f"A body has at most {MAX_BODY // 1024} KiB.")


def token() -> None:
    """Problem for a change that does not carry the token, by whichever scheme the host has (forms.py)."""
    if must_check() and not is_genuine():
        raise Problem(400, "csrf", TOKEN_MISSING)


def body(schema: Schema) -> dict[str, Any]:
    """The request's body, JSON or a form, as the schema wants it; Problem says what is wrong with it."""
    if request.mimetype == FORM:
        hidden = csrf_token().field
        sent = MultiDict((name, text) for name, text in request.form.items(True) if name != hidden)
        return checked(schema, from_texts(schema, sent))
    if not request.content_length:
        return checked(schema, {})
    if request.mimetype != JSON:
        raise Problem(415, "content_type", f"Send {JSON} or {FORM}.")
    return checked(schema, _parsed(request.get_data()))


def query(parameters: Mapping[str, Schema], needs: Sequence[str]) -> dict[str, Any]:
    """The query's values for these parameters; others are the host's."""
    schema = {"type": "object", "properties": parameters, "required": needs}
    known = MultiDict((name, text) for name, text in request.args.items(True) if name in parameters)
    return checked(schema, from_texts(schema, known))


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON's")


def _parsed(sent: bytes) -> Any:
    try:
        return json.loads(sent.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Problem(400, "malformed", "The body is no JSON in UTF-8.") from None


def from_texts(schema: Schema, sent: MultiDict[str, str]) -> dict[str, Any]:
    """A form's or a query's texts as what the schema says; what can't be one stays a text, and is told of later.

    A list is the field once for each member; once and empty, it is an empty list.
    """
    found: dict[str, Any] = {}
    for name, texts in sent.lists():
        wanted = schema["properties"].get(name, {}).get("type")
        if wanted == "array":
            found[name] = [] if texts == [""] else texts
        elif len(texts) > 1:
            found[name] = texts
        elif wanted == "integer" and re.fullmatch(r"-?[0-9]{1,20}", texts[0]):
            found[name] = int(texts[0])
        else:
            found[name] = texts[0]
    return found


def checked(schema: Schema, value: Any) -> dict[str, Any]:
    """The value, an object as the schema says; Problem names each field that is wrong."""
    if not isinstance(value, dict):
        raise Problem(422, "invalid", "The body is an object with named fields.")
    if found := faults(schema, value):
        name, sentence = next(iter(found.items()))
        raise Problem(422, "invalid", f"{name}: {sentence}", fields=found)
    return value


def faults(schema: Schema, value: Any, name: str = "") -> dict[str, str]:
    """What is wrong, a sentence for each field."""
    match schema["type"]:
        case "object":
            return _object_faults(schema, value)
        case "array" if isinstance(value, list):
            most, least = schema["maxItems"], schema.get("minItems", 0)
            if not least <= len(value) <= most:
                return {name: f"This takes {least} to {most}."}
            found: dict[str, str] = {}
            for number, one in enumerate(value):
                found |= faults(schema["items"], one, f"{name}[{number}]")
            return found
        case "string" if isinstance(value, str):
            return _text_faults(schema, value, name)
        case "integer" if not isinstance(value, bool) and (isinstance(value, int) or _is_whole(value)):
            inside = schema["minimum"] <= value <= schema["maximum"]
            return {} if inside else {name: f"This is from {schema['minimum']} to {schema['maximum']}."}
    return {name: f"This is {_KINDS[schema['type']]}."}


_KINDS = {"array": "a list", "string": "a text", "integer": "a whole number"}


def _is_whole(value: Any) -> bool:
    """To JSON, 1.0 is a whole number as well."""
    return isinstance(value, float) and value.is_integer()


def _object_faults(schema: Schema, value: dict[str, Any]) -> dict[str, str]:
    properties = schema["properties"]
    found = {_shown(name): "There is no such field." for name in value if name not in properties}
    found |= {name: "This is missing." for name in schema.get("required", ()) if name not in value}
    for name, one in properties.items():
        if name in value:
            found |= faults(one, value[name], name)
    return found


def _shown(name: str) -> str:
    """A name of somebody's own, so that it can be told in an answer."""
    return name[:_SHOWN].encode("utf-8", "replace").decode()


def _text_faults(schema: Schema, text: str, name: str) -> dict[str, str]:
    if "enum" in schema:
        return {} if text in schema["enum"] else {name: f"This is one of {', '.join(schema['enum'])}."}
    least, most = schema.get("minLength", 0), schema.get("maxLength", MAX_BODY)
    if not least <= len(text) <= most:
        return {name: f"This has {least} to {most} characters."}
    if not _pattern(schema.get("pattern", ".*")).fullmatch(text) or any("\ud800" <= one <= "\udfff" for one in text):
        return {name: f"This is {schema['description']}"}
    return {}


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)
