"""What a view of the JSON API is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from ..adapters.state import State
from ..host import Client
from .api_problem import Problem
from .standing import Speech, speech_of


@dataclass(frozen=True)
class Visit:
    """A request of anybody's; `given` are the values of its address, query and body, checked by their schemas."""

    state: State
    given: dict[str, Any]


@dataclass(frozen=True)
class Call(Visit):
    """A request of a client who is logged in."""

    client: Client

    @cached_property
    def speech(self) -> Speech:
        """How the client is spoken to."""
        return speech_of(self.state, self.client)

    @property
    def connection(self) -> Connection:
        """The session's connection of this moment."""
        return self.state.session().connection()


def not_found() -> Problem:
    """Something that is not there, or is another client's (A5)."""
    return Problem(404, "not_found", "There is nothing here.")
