"""Our pages as though they were in a blueprint of the host's: its hooks come first, its variables are there (§3.11)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from flask import Blueprint, current_app, request


def join(ours: Blueprint, theirs: str | None) -> None:
    """Before each of our views, what runs before the views of that blueprint; its answer, if it has one, is ours.

    Not so in the JSON API, whose refusals are JSON.
    """
    if theirs is None:
        return
    name = theirs

    @ours.before_request
    def before() -> Any:
        for known in _with_parents(name):
            for hook in current_app.before_request_funcs.get(known, ()):
                answer = current_app.ensure_sync(hook)()
                if answer is not None and not (request.endpoint or "").startswith(f"{ours.name}.api_"):
                    return answer
        return None


def variables(theirs: str | None) -> dict[str, Any]:
    """What the blueprint's context processors give its templates."""
    found: dict[str, Any] = {}
    for known in _with_parents(theirs or ""):
        for processor in current_app.template_context_processors.get(known, ()):
            found |= current_app.ensure_sync(processor)()
    return found


def _with_parents(name: str) -> Iterator[str]:
    return accumulate(name.split("."), "{}.{}".format) if name else iter(())
