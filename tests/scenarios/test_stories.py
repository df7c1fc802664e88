"""Every story comes true, on every database: those of stories/, which are given, and ours in more/.

REFERRALS_SCENARIOS=DIR plays those of another folder instead.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .player import load, play
from .world import World

HERE = Path(__file__).parent


def find_stories(folder: str | None) -> list[Path]:
    """The stories of the folder, or of our own; an error where there are none."""
    folders = [Path(folder)] if folder else [HERE / "stories", HERE / "more"]
    found = sorted(path for one in folders for path in one.glob("*.y*ml"))
    if not found:
        raise pytest.UsageError(f"there are no stories in {folders[0]}")
    return found


STORIES = find_stories(os.environ.get("REFERRALS_SCENARIOS"))


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_story(story: Path, world: World) -> None:
    """Each of its steps can be taken, and each of its expectations is met."""
    play(load(story), world)
