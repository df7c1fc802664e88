"""The drivers of the fixture hosts, by name."""

from __future__ import annotations

from ..driver import Driver
from .bazaar import Bazaar
from .bigbooks import Bigbooks
from .freelance import Freelance
from .tinybill import Tinybill

DRIVERS: dict[str, type[Driver]] = {one.name: one for one in (Bigbooks, Tinybill, Bazaar, Freelance)}
