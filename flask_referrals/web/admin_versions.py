"""Versions of the terms with their place in time: number, from when to when, in force or not (T3, T6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..domain.terms import Version
from ..services.programs import Program


@dataclass(frozen=True, slots=True)
class Dated:
    """A version and its time. `ends` is when the next takes over, if one does; replaced ones were never in force."""

    version: Version
    number: int
    ends: datetime | None
    is_in_force: bool
    is_scheduled: bool
    is_replaced: bool


def dated(program: Program, now: datetime) -> list[Dated]:
    """The program's versions, the one that begins last first; numbered in the order in which they were saved."""
    ordered = sorted(program.versions, key=lambda version: (version.effective_from, version.id))
    numbers = {version.id: number for number, version in enumerate(sorted(ordered, key=lambda v: v.id), 1)}
    current = program.at(now)
    found = []
    for index, version in enumerate(ordered):
        following = ordered[index + 1] if index + 1 < len(ordered) else None
        replaced = following is not None and following.effective_from == version.effective_from
        found.append(
            Dated(
                version=version,
                number=numbers[version.id],
                ends=None if following is None else following.effective_from,
                is_in_force=version is current,
                is_scheduled=version.effective_from > now and not replaced,
                is_replaced=replaced,
            )
        )
    return found[::-1]
