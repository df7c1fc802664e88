"""README.md says what is so: its module is the tutorial's, which is run, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_it_opens_with_the_two_commands() -> None:
    """The first thing a newcomer can do."""
    opening = README.split("```")[1].split()
    assert opening[:2] == ["make", "demo"]
    assert "make test" in README.split("```")[1]


def test_its_module_is_the_one_that_the_tutorial_runs() -> None:
    """What cannot rot there cannot rot here."""
    block = re.search(r"```python\n# shop/referrals.py\n.*?```", README, re.DOTALL)
    assert block is not None
    assert block.group(0) in (ROOT / "docs" / "tutorial.md").read_text()


def test_its_links_and_pictures_are_there() -> None:
    """No picture of yesterday, no page that is gone."""
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_commands_exist() -> None:
    """Every `make` target and every `flask referrals` command that it names."""
    from flask_referrals.cli import group

    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (demo|test|lint|bench)", README)):
        assert f"\n{target}:" in makefile
    for command in set(re.findall(r"flask referrals (\w+)", README)):
        assert command in group.commands
