"""What a verb makes of its fields: a deed, which is done once, and once more, word for word, by `repeat`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: The fields of a step, read.
Fields = dict[str, Any]
#: Does it; answers with the reason for which it was refused, or None if it was not.
Deed = Callable[[], str | None]
