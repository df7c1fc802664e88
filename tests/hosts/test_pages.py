"""The pages about the fixture hosts show what is run here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .plugging import HERE

PAGES = sorted((HERE.parents[1] / "docs" / "howto").glob("host-*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_shows_the_module(page: Path) -> None:
    """Its first block of Python is a plug, to the letter."""
    block = re.search(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert block is not None
    assert block.group(1) in [plug.read_text() for plug in (HERE / "plugs").glob("*.py")]


def test_every_plug_has_a_page() -> None:
    """And hosts.md leads to each."""
    table = (HERE.parents[1] / "docs" / "howto" / "hosts.md").read_text()
    assert len(PAGES) == len(list((HERE / "plugs").glob("*.py")))
    for page in PAGES:
        assert f"]({page.name})" in table, page.name
