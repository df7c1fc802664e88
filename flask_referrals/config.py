"""Settings: the choices of a deployment, read from `REFERRALS_*` at `init_app` and checked there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from .errors import ConfigurationError

TransactionMode = Literal["joined", "after_commit"]
Delivery = Literal["at_once", "worker"]
Invitations = Literal["own", "sent"]
Pages = Literal["portal", "admin", "links"]
#: The kinds of our pages: the client's, the staff's, and where links lead.
PAGES: tuple[Pages, ...] = ("portal", "admin", "links")
#: The part of a prefix that stands for the org.
ORG_PART = "<org>"
#: The part of the portal's prefix that stands for a client's secret, in place of a login.
TOKEN_PART = "<token>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each field is read from `REFERRALS_` and its name in upper case; the comments say what it does."""

    #: `joined`: we flush and the host commits. `after_commit`: the host's hooks fire after its commit; we commit ours.
    transaction: TransactionMode = "joined"
    #: Raise what goes wrong in our own work instead of logging it and leaving the host's work alone.
    strict: bool = False
    #: Whether signals go out right after the host's commit, or wait for `flask referrals work`.
    delivery: Delivery = "at_once"
    #: Where the client's pages are; with `<org>` in it, each org's are at an address of their own, with `<token>` each
    #: client's, which is then its login.
    portal_prefix: str = "/portal/referrals"
    #: Where the staff's pages are; `<org>` as above.
    admin_prefix: str = "/admin/referrals"
    #: Where referral links land.
    link_prefix: str = "/r"
    #: Where Stripe sends its events.
    stripe_prefix: str = "/referrals/stripe"
    #: The host's template that our pages extend; without one, a plain page of our own.
    base_template: str = "referrals/base.html"
    #: The base template for the staff's pages, where it is another one.
    admin_base_template: str | None = None
    #: The block of the base template that our pages fill.
    base_block: str = "content"
    #: The block of the base template that holds the page's title; empty for none.
    title_block: str = "title"
    #: The same two for the staff's pages, where these are other blocks.
    admin_base_block: str | None = None
    admin_title_block: str | None = None
    #: The blueprint whose hooks and context processors go for the client's, or the staff's, pages of ours as well.
    portal_blueprint: str | None = None
    admin_blueprint: str | None = None
    #: Which of our pages this app serves; the links to all others begin with `site_url`.
    pages: tuple[Pages, ...] = PAGES
    #: How long a referral link is remembered, in days (C5).
    link_days: int = 90
    #: The name of the link's cookie.
    link_cookie: str = "referrals_link"
    #: The country that a telephone number without one is read as (ISO 3166).
    phone_region: str = "US"

    #: Who sends a client's invitations: its `own` mail app, or we, so that they are `sent` by the mailer.
    invitations: Invitations = "own"
    #: So many addresses may one client invite in 24 hours.
    invitations_per_day: int = 50
    #: The site's address, such as `https://bills.example.com`, for links in emails, which no request asks for, and to
    #: pages that another app serves.
    site_url: str | None = None
    #: The language of emails to clients of whom the host names none.
    locale: str = "en_US"
    #: Whether the client's pages are there as JSON too, for hosts with their own front end.
    api: bool = True

    @property
    def link_life(self) -> timedelta:
        """How long a referral link is remembered."""
        return timedelta(days=self.link_days)

    def frame(self, *, admin: bool) -> tuple[str, str, str]:
        """The base template of the client's or the staff's pages, its block for them, and the one for their title."""
        base, block, title = self.base_template, self.base_block, self.title_block
        if admin:
            base, block = self.admin_base_template or base, self.admin_base_block or block
            title = title if self.admin_title_block is None else self.admin_title_block
        return base, block, title


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "transaction": ("joined", "after_commit"),
    "delivery": ("at_once", "worker"),
    "invitations": ("own", "sent"),
}

_VARIABLE = re.compile(r"<[^>]*>?|>")
_PARTS_IN = {"portal_prefix": (ORG_PART, TOKEN_PART), "admin_prefix": (ORG_PART,)}
_NUMBERS = {"link_days": "of days ", "invitations_per_day": ""}


def _is_site(value: Any) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Settings from a Flask config; ConfigurationError names the key and what it may be."""
    known = {f"REFERRALS_{field.name.upper()}": field for field in fields(Settings)}
    for key in config:
        if key.startswith("REFERRALS_") and key not in known:
            raise ConfigurationError(f"{key} is not a setting; the settings are {', '.join(sorted(known))}", key=key)
    values: dict[str, Any] = {field.name: config[key] for key, field in known.items() if key in config}
    for name, value in values.items():
        _check(name, value)
    if "pages" in values:
        values["pages"] = tuple(page for page in PAGES if page in values["pages"])
    settings = Settings(**values)
    if settings.site_url is None and settings.pages != PAGES:
        left_out = " and ".join(repr(page) for page in PAGES if page not in settings.pages)
        raise ConfigurationError(
            f"REFERRALS_PAGES leaves out {left_out}, so links to these begin with REFERRALS_SITE_URL: set it to the "
            "address of the site that has them, such as 'https://bills.example.com'",
            key="REFERRALS_SITE_URL",
        )
    return settings


def _check(name: str, value: Any) -> None:
    key = f"REFERRALS_{name.upper()}"
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ConfigurationError(f"{key} is one of {', '.join(_CHOICES[name])}, not {value!r}", key=key)
    if name in ("strict", "api") and not isinstance(value, bool):
        raise ConfigurationError(f"{key} is True or False, not {value!r}", key=key)
    if name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ConfigurationError(f"{key} is a whole number {_NUMBERS[name]}above 0, not {value!r}", key=key)
    if name == "site_url" and value is not None and not _is_site(value):
        raise ConfigurationError(f"{key} is an address such as 'https://bills.example.com', not {value!r}", key=key)
    if name.endswith("_prefix") and not (isinstance(value, str) and value.startswith("/") and value != "/"):
        raise ConfigurationError(f"{key} is a path such as '/portal/referrals', not {value!r}", key=key)
    if name.endswith("_prefix"):
        _check_parts(name, value)
    if name in ("base_template", "link_cookie", "phone_region", "locale") and not (isinstance(value, str) and value):
        raise ConfigurationError(f"{key} is a name, not {value!r}", key=key)
    if name.endswith("_blueprint") and not (value is None or (isinstance(value, str) and value)):
        raise ConfigurationError(f"{key} is the name of a blueprint of yours, or None, not {value!r}", key=key)
    if name == "admin_base_template" and not (value is None or (isinstance(value, str) and value)):
        raise ConfigurationError(f"{key} is a name, or None for the one of the client's pages, not {value!r}", key=key)
    if name.endswith("_block"):
        _check_block(name, value)
    if name == "pages" and not (
        isinstance(value, (tuple, list, set, frozenset)) and all(page in PAGES for page in value)
    ):
        text = f"{key} is a tuple of any of {', '.join(map(repr, PAGES))}, such as ('portal', 'links'), not {value!r}"
        raise ConfigurationError(text, key=key)


def _check_block(name: str, value: Any) -> None:
    """A block's name is one of Python's; a title may have none, and the staff's pages those of the client's."""
    key = f"REFERRALS_{name.upper()}"
    nothing = {"title_block": (None, ""), "admin_base_block": (None,), "admin_title_block": (None, "")}.get(name, ())
    if value not in nothing and not (isinstance(value, str) and value.isidentifier()):
        raise ConfigurationError(f"{key} is the name of a block, such as 'content', not {value!r}", key=key)


def _check_parts(name: str, value: str) -> None:
    """Variable parts of a prefix: those that we have a value for, each once."""
    key, known, parts = f"REFERRALS_{name.upper()}", _PARTS_IN.get(name, ()), _VARIABLE.findall(value)
    if set(parts) - set(known) or len(set(parts)) < len(parts):
        allowed = f"{' and '.join(f'`{part}`' for part in known)}, once, and no other" if known else "no"
        raise ConfigurationError(f"{key} may have {allowed} variable part, not {value!r}", key=key)
