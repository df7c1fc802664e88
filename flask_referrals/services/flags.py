"""What makes a referral worth a closer look (L2): reasons, never a verdict."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from sqlalchemy import Table, bindparam, exists, select
from sqlalchemy.orm import aliased

from ..domain.contact import canonical_email
from ..host import Client
from ..models import CodeRow, InvitationRow, ReferralRow
from .unit import Unit

_CODE: Table = CodeRow.__table__  # type: ignore[assignment]

#: More registrations than that by one referrer within the time are many.
MANY, WITHIN = 5, timedelta(hours=1)
_LATER = aliased(ReferralRow)
#: When the referral was made that MANY others of the referrer's have followed; found by its place in an index.
EARLIER = (
    select(_LATER.attributed_at)
    .where(_LATER.org == _CODE.c.org, _LATER.referrer_id == _CODE.c.client_id)
    .order_by(_LATER.id.desc())
    .limit(1)
    .offset(MANY - 1)
    .correlate(_CODE)
    .scalar_subquery()
)
_THEIRS = aliased(InvitationRow)
_OURS = aliased(InvitationRow)
_BROUGHT = aliased(ReferralRow)
#: Another client has invited this referee, and has itself brought somebody whom this referrer had invited.
EXCHANGED = (
    select(_THEIRS.id)
    .where(_THEIRS.org == _CODE.c.org, _THEIRS.email_key == bindparam("email_key"))
    .where(_THEIRS.client_id != _CODE.c.client_id)
    .where(
        exists()
        .where(_BROUGHT.org == _CODE.c.org, _BROUGHT.referrer_id == _THEIRS.client_id)
        .where(_OURS.org == _CODE.c.org, _OURS.client_id == _CODE.c.client_id)
        .where(_OURS.email_key == _BROUGHT.email_key)
        .correlate(_CODE, _THEIRS)
    )
    .limit(1)
    .correlate(_CODE)
    .scalar_subquery()
)


def of(unit: Unit, referee: Client, referrer: Client, exchanged: bool, earlier_at: datetime | None) -> tuple[str, ...]:
    """The flags of a referral that is about to be made, as codes."""
    domain = (canonical_email(referee.email) or "").rpartition("@")[2]
    if earlier_at is not None and earlier_at.tzinfo is None:
        earlier_at = earlier_at.replace(tzinfo=unit.now.tzinfo)
    found = {
        "disposable_email": domain in disposable_domains(),
        "many_registrations": earlier_at is not None and earlier_at > unit.now - WITHIN,
        "exchanged_contacts": exchanged,
        "same_address": _same(referee.address, referrer.address),
        "same_device": _same(referee.device, referrer.device),
        "same_payment": _same(referee.payment, referrer.payment),
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _same(one: str | None, other: str | None) -> bool:
    def plain(text: str | None) -> str:
        return " ".join((text or "").casefold().split())

    return bool(plain(one)) and plain(one) == plain(other)


@cache
def disposable_domains() -> frozenset[str]:
    """Domains of addresses to throw away; the extra `fraud` brings the list, without it only the best known are."""
    if find_spec("disposable_email_domains"):
        return frozenset(import_module("disposable_email_domains").blocklist)
    return frozenset({"mailinator.com", "guerrillamail.com", "10minutemail.com", "yopmail.com", "trashmail.com"})
