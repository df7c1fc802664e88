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
FOLDERS = [Path(given)] if (given := os.environ.get("REFERRALS_SCENARIOS")) else [HERE / "stories", HERE / "more"]
STORIES = sorted(path for folder in FOLDERS for path in folder.glob("*.y*ml"))
if not STORIES:
    raise pytest.UsageError(f"there are no stories in {FOLDERS[0]}")


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_story(story: Path, world: World) -> None:
    """Each of its steps can be taken, and each of its expectations is met."""
    play(load(story), world)
