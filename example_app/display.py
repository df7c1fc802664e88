"""Template filters: how amounts, rates and dates read."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask

from . import money
from .models import Business


def day(moment: datetime, business: Business) -> str:
    """The date where the business is, such as 7 Mar 2026."""
    local = moment.astimezone(ZoneInfo(business.timezone))
    return f"{local.day} {local:%b %Y}"


def register_filters(app: Flask) -> None:
    """Make the filters known to the templates."""
    app.jinja_env.filters.update(money=money.show, percent=money.percent, day=day)
