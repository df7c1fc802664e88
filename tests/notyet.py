"""Mark a test whose feature is still to be written: it is skipped, and the run's summary names it."""

from typing import NoReturn

import pytest

PREFIX = "not yet: "


def not_yet(reason: str) -> NoReturn:
    """Skip the running test; the summary lists it under the reason, for example "verb stripe_fails"."""
    pytest.skip(PREFIX + reason)
