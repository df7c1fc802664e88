"""The player: reads a story strictly, then takes its steps one by one in a world that is fresh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .language import HEAD, STEPS
from .reading import StoryError, load_yaml

if TYPE_CHECKING:
    from .world import World

#: The org that a step means when it names none.
DEFAULT_ORG = "acme"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its place for messages, its verb and the fields that the verb knows."""

    where: str
    verb: str
    org: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """A story as it was read."""

    title: str
    clock: datetime
    orgs: tuple[str, ...]
    terms: dict[str, Any]
    steps: tuple[Step, ...]


class StepFailed(AssertionError):
    """A step could not be taken, or what it expects is not so."""


def load(path: Path) -> Story:
    """The story of a file; StoryError for anything that the language does not have."""
    return read(path.read_text(encoding="utf-8"), path.name)


def read(source: str, name: str) -> Story:
    """The story of a text; `name` is what messages call it."""
    head = HEAD(load_yaml(source, name), name)
    orgs = tuple(head.get("orgs", [DEFAULT_ORG]))
    steps = tuple(_step(given, f"{name}, step {count}", orgs) for count, given in enumerate(head["steps"], 1))
    return Story(head["title"], head["clock"], orgs, head["terms"], steps)


def play(story: Story, world: World) -> None:
    """Take every step; StepFailed, with the place, at the first that goes wrong or expects what is not so."""
    from .expect import unmet
    from .verbs import VERBS

    world.open(story)
    repeat, last = None, None
    for step in story.steps:
        try:
            if step.verb == "expect":
                wrong = unmet(world, step, last)
                if wrong:
                    raise StepFailed("; ".join(wrong))
                continue
            if step.verb != "repeat":
                repeat = VERBS[step.verb](world, step.org, step.fields)
            if repeat is None:
                raise StepFailed("there is nothing to repeat yet")
            last = repeat()
        except Exception as error:
            if isinstance(error, StepFailed):
                raise StepFailed(f"{step.where} ({step.verb}): {error}") from error
            error.add_note(f"at {step.where} ({step.verb})")
            raise


def _step(given: Any, where: str, orgs: tuple[str, ...]) -> Step:
    if given == "repeat":
        given = {"repeat": None}
    if not isinstance(given, dict) or len(given) != 1:
        raise StoryError(f"{where}: a step is one verb with its fields, not {given!r}")
    ((verb, fields),) = given.items()
    if verb not in STEPS:
        raise StoryError(f"{where}: unknown verb {verb!r}; there are {', '.join(STEPS)}")
    found = STEPS[verb](fields, f"{where} ({verb})") or {}
    org = found.pop("org", DEFAULT_ORG)
    if verb != "repeat" and org not in orgs:
        raise StoryError(f"{where} ({verb}): there is no org {org!r}; there are {', '.join(orgs)}")
    return Step(where, verb, org, found)
