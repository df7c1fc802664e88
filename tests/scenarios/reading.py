"""Readers of values: each turns what YAML gave into what a step needs, or says where and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

Reader = Callable[[Any, str], Any]


class StoryError(Exception):
    """A story is not written in the language; the message names the file, the step and the field."""


def text(value: Any, where: str) -> str:
    """Words, an id or a code; a whole number is taken as it is written."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise StoryError(f"{where}: expected text, not {value!r}")


def amount(value: Any, where: str) -> str:
    """An amount or a percentage, which stays the text that it is."""
    if not isinstance(value, str):
        raise StoryError(f"{where}: an amount is a string in quotes, not {value!r}")
    try:
        finite = Decimal(value).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise StoryError(f"{where}: {value!r} is not an amount")
    return value


def whole(value: Any, where: str) -> int:
    """A whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise StoryError(f"{where}: expected a whole number, not {value!r}")


def number(value: Any, where: str) -> float:
    """A number of days or hours."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise StoryError(f"{where}: expected a number, not {value!r}")


def boolean(value: Any, where: str) -> bool:
    """`true` or `false`."""
    if isinstance(value, bool):
        return value
    raise StoryError(f"{where}: expected true or false, not {value!r}")


def moment(value: Any, where: str) -> datetime:
    """A time in UTC, in quotes or without."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    raise StoryError(f"{where}: expected a time such as 2026-05-31T09:00:00Z, not {value!r}")


def choice(*options: str) -> Reader:
    """One of these words."""

    def read(value: Any, where: str) -> str:
        if value in options:
            return str(value)
        raise StoryError(f"{where}: expected one of {', '.join(options)}, not {value!r}")

    return read


def optional(reader: Reader) -> Reader:
    """What the reader takes, or `null`."""
    return lambda value, where: None if value is None else reader(value, where)


def each(reader: Reader) -> Reader:
    """A list."""

    def read(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise StoryError(f"{where}: expected a list, not {value!r}")
        return [reader(item, f"{where} {position}") for position, item in enumerate(value, 1)]

    return read


def by_id(reader: Reader) -> Reader:
    """A mapping from ids."""

    def read(value: Any, where: str) -> dict[str, Any]:
        return {text(key, where): reader(item, f"{where}: {key}") for key, item in _mapping(value, where).items()}

    return read


def record(
    *,
    needs: Mapping[str, Reader] | None = None,
    may: Mapping[str, Reader] | None = None,
    one_of: tuple[str, ...] = (),
    at_most_one_of: tuple[str, ...] = (),
) -> Reader:
    """A mapping with these fields and no others; of `one_of` exactly one."""
    known = {**(needs or {}), **(may or {})}

    def read(value: Any, where: str) -> dict[str, Any]:
        given = _mapping(value, where)
        for name in given:
            if name not in known:
                raise StoryError(f"{where}: unknown field {name!r}; there are {', '.join(known)}")
        for name in needs or ():
            if name not in given:
                raise StoryError(f"{where}: the field {name!r} is missing")
        if sum(name in given for name in one_of or at_most_one_of) > 1:
            raise StoryError(f"{where}: only one of {', '.join(one_of or at_most_one_of)} can be given")
        if one_of and not set(one_of) & set(given):
            raise StoryError(f"{where}: one of {', '.join(one_of)} is missing")
        return {name: known[name](item, f"{where}: {name}") for name, item in given.items()}

    return read


def load_yaml(source: str, where: str) -> Any:
    """The YAML of a file; a key that is there twice is an error."""
    try:
        return yaml.load(source, _StrictLoader)
    except yaml.YAMLError as error:
        raise StoryError(f"{where}: {error}") from error


def _mapping(value: Any, where: str) -> dict[Any, Any]:
    if isinstance(value, dict):
        return value
    raise StoryError(f"{where}: expected fields, not {value!r}")


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key!r} is there twice,{node.start_mark}")
        return super().construct_mapping(node, deep)
