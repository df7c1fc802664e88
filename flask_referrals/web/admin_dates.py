"""Dates and times as a person types them, in the org's time zone (T4)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from .admin_amounts import Mistake

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = re.compile(rf"{_DAY}([T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?)?")
#: Anything further off is a typing error.
_YEARS = 10


def read_start(text: str, zone: tzinfo, now: datetime) -> datetime | None:
    """The moment that was typed, in UTC; None for an empty text or this very minute, which both mean now."""
    typed = text.strip()
    if not typed:
        return None
    if not _MOMENT.fullmatch(typed):
        raise Mistake("Write the date and the time such as 2026-05-31 09:00, or leave the field empty for now.")
    try:
        local = datetime.fromisoformat(typed)
    except ValueError:
        raise Mistake("There is no such date or time. Check the day, the month and the hour.") from None
    _check_year(local.date(), now)
    start = local.replace(tzinfo=zone).astimezone(UTC)
    if start.astimezone(zone).replace(tzinfo=None) != local:
        raise Mistake("On that day the clocks skip this hour. Choose a time an hour earlier or later.")
    if start >= now:
        return start
    if start.replace(second=0, microsecond=0) == now.replace(second=0, microsecond=0):
        return None
    raise Mistake("This moment has passed. Leave the field empty for now, or choose a later one.")


def read_end(text: str, zone: tzinfo, now: datetime, start: datetime | None) -> datetime | None:
    """The moment right after the last day that was typed, which still counts (T4), in UTC; None for an empty text."""
    typed = text.strip()
    if not typed:
        return None
    if not re.fullmatch(_DAY, typed):
        raise Mistake("Write the last day such as 2026-05-31, or leave the field empty for no end.")
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise Mistake("There is no such day. Check the day and the month.") from None
    _check_year(day, now)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    if end <= now:
        raise Mistake("This day has passed. Choose today or a later day, or leave the field empty for no end.")
    if start is not None and end <= start:
        raise Mistake("The last day is before the start. Choose the day of the start or a later one.")
    return end


def _check_year(day: date, now: datetime) -> None:
    if day.year > now.year + _YEARS:
        raise Mistake(f"That is more than {_YEARS} years away. Check the year.")
    if day.year < now.year - 1:
        raise Mistake("This day has passed. Check the year.")
