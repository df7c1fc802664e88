"""How things read: amounts, rates, dates, and what came of a referral code."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import Markup, escape

from flask_referrals import Outcome

from . import money
from .models import Business


def day(moment: datetime, business: Business) -> str:
    """The date where the business is, such as 7 Mar 2026."""
    local = moment.astimezone(ZoneInfo(business.timezone))
    return f"{local.day} {local:%b %Y}"


def told(sentence: str, outcome: Outcome) -> tuple[str, str]:
    """What to flash after somebody became a client: the sentence, and what came of the referral code and link."""
    refused = [way for way in outcome.tried if way.reason]
    if outcome.ok:
        more = f" You came by a link, which counts. Your code was not used: {refused[0].message}" if refused else ""
        return sentence + more, "success"
    more = Markup(' <span data-reason="{}">The referral {} was not used: {}</span>')
    return escape(sentence) + more.format(outcome.reason, refused[0].via, outcome.message), "warning"


def register_filters(app: Flask) -> None:
    """Make the filters known to the templates."""
    app.jinja_env.filters.update(money=money.show, percent=money.percent, day=day)
