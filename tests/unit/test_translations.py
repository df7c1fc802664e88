"""The catalogs of the emails: complete, compiled, and with the same gaps to fill as the English sentences."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from flask_referrals import words_news

LANGUAGES = sorted(path.name for path in words_news.TRANSLATIONS.iterdir() if path.is_dir())


def sentences() -> set[str]:
    """Every sentence of the source that goes through `say`."""
    found = extract_from_file("python", words_news.__file__, keywords={"say": None})
    return {message for _, message, _, _ in found if isinstance(message, str)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalog_is_complete_and_compiled(language: str) -> None:
    """Nothing missing, nothing left over, no gap lost, and the compiled file is that of the text."""
    folder = words_news.TRANSLATIONS / language / "LC_MESSAGES"
    catalog = read_po(BytesIO((folder / "referrals.po").read_bytes()))
    texts = {str(message.id): str(message.string) for message in catalog if message.id}
    assert texts.keys() == sentences()
    for english, text in texts.items():
        assert text, english
        gaps = set(re.findall(r"{\w+}", english))
        assert set(re.findall(r"{\w+}", text)) == gaps, english
    compiled = read_mo(BytesIO((folder / "referrals.mo").read_bytes()))
    assert {str(message.id): str(message.string) for message in compiled if message.id} == texts


def test_english_needs_no_catalog() -> None:
    """And an unknown language is English."""
    assert words_news.speaker("xx_XX")("You got a reward") == "You got a reward"
    assert words_news.speaker("de_AT")("You got a reward") == "Sie haben eine Prämie erhalten"
