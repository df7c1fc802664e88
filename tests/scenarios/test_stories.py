"""Every story of a folder comes true, on every database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .player import load, play
from .world import World

FOLDER = Path(os.environ.get("REFERRALS_SCENARIOS") or Path(__file__).parent / "stories")
STORIES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("*.yml")])
if not STORIES:
    raise pytest.UsageError(f"there are no stories in {FOLDER}")


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_story(story: Path, world: World) -> None:
    """Each of its steps can be taken, and each of its expectations is met."""
    play(load(story), world)
