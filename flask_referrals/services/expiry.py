"""Referrals that have not qualified within their days (U3)."""

from __future__ import annotations

from sqlalchemy import Table, select, update

from ..models import ReferralRow
from .unit import Unit

_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]


def expire_one(unit: Unit, org: str, referral_id: int, referrer_id: str, referee_id: str, terms_id: int) -> bool:
    """Take the step from pending to expired, and log it on both records; False where it was taken beside us."""
    statement = (
        update(_REFERRAL)
        .where(_REFERRAL.c.id == referral_id, _REFERRAL.c.state == "pending", _REFERRAL.c.expires_at <= unit.now)
        .values(state="expired", expires_at=None)
    )
    if unit.connection.execute(statement).rowcount != 1:
        return False
    unit.record("expired", org, referrer_id, other_id=referee_id, both=True, referral_id=referral_id, terms_id=terms_id)
    return True


def expire_due(unit: Unit, limit: int) -> int:
    """Expire referrals whose days are over, the oldest first, at most `limit`; how many there were."""
    query = (
        select(_REFERRAL.c.org, _REFERRAL.c.id, _REFERRAL.c.referrer_id, _REFERRAL.c.referee_id, _REFERRAL.c.terms_id)
        .where(_REFERRAL.c.expires_at <= unit.now)
        .order_by(_REFERRAL.c.expires_at)
        .limit(limit)
    )
    return sum(expire_one(unit, *row) for row in unit.connection.execute(query).all())
