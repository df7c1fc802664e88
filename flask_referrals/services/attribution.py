"""Attribution: how a new client is bound to the referrer it came by, once and for good (A1 to A9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, and_, bindparam, literal, select

from ..domain import codes
from ..domain.attribution import Attempt, Identity, refusal
from ..domain.contact import canonical_email, canonical_phone
from ..domain.terms import Point
from ..host import Client
from ..models import BlockRow, CodeRow, ProgramRow, ReferralRow
from .ledger import open_books
from .outcomes import Outcome, Referral, Tried
from .sql import made
from .unit import Unit

_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_BLOCK: Table = BlockRow.__table__  # type: ignore[assignment]
_PROGRAM: Table = ProgramRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One way by which a new client came: a `code` typed, or a `link` followed, with the text of the code, and when."""

    via: str
    text: str
    at: datetime
    point: Point


_OLD = ("id", "referrer_id", "referee_id", "state", "via", "attributed_at")
_one = select(literal(1).label("one")).subquery("one")
#: All that decides about a code, in one statement: the code, its owner's block, the program, the referee's referral.
_FACTS = select(
    _CODE.c.id.label("code_id"),
    _CODE.c.client_id.label("referrer_id"),
    _CODE.c.active,
    _BLOCK.c.client_id.label("blocked"),
    _PROGRAM.c.enabled,
    _PROGRAM.c.revision,
    *(_REFERRAL.c[name].label(f"old_{name}") for name in _OLD),
).select_from(
    _one.outerjoin(
        _CODE, and_(_CODE.c.org == bindparam("org"), _CODE.c.key == bindparam("key"), _CODE.c.id >= _one.c.one)
    )
    .outerjoin(_BLOCK, and_(_BLOCK.c.org == _CODE.c.org, _BLOCK.c.client_id == _CODE.c.client_id))
    .outerjoin(_PROGRAM, and_(_PROGRAM.c.org == bindparam("org"), _PROGRAM.c.revision >= _one.c.one))
    .outerjoin(
        _REFERRAL,
        and_(
            _REFERRAL.c.org == bindparam("org"),
            _REFERRAL.c.referee_id == bindparam("referee_id"),
            _REFERRAL.c.live == _one.c.one,
        ),
    )
)
#: The referee's referral, read past an older snapshot of the host's transaction.
_LIVE = (
    select(*(_REFERRAL.c[name].label(f"old_{name}") for name in _OLD))
    .where(_REFERRAL.c.org == bindparam("org"), _REFERRAL.c.referee_id == bindparam("referee_id"))
    .where(_REFERRAL.c.live == 1)
    .with_for_update()
)


def attribute(unit: Unit, referee: Client, touches: Iterable[Touch]) -> Outcome:
    """Try each way in its order; the first valid one binds the referee, each refused one is logged (A1, A6).

    The same code once more answers with the referral that is there (A2). Without any way the outcome is ok and empty.
    """
    tried: list[Tried] = []
    for touch in touches:
        found = _try(unit, referee, touch)
        if isinstance(found, Referral):
            tried.append(Tried(via=touch.via, text=touch.text, reason=None))
            return Outcome(ok=True, referral=found, tried=tuple(tried))
        tried.append(Tried(via=touch.via, text=touch.text, reason=found))
        unit.record(
            "attribution_refused",
            referee.org,
            referee.id,
            announces=False,
            reason=found,
            via=touch.via,
            code=touch.text,
        )
    return Outcome(ok=not tried, reason=tried[0].reason if tried else None, tried=tuple(tried))


def _try(unit: Unit, referee: Client, touch: Touch) -> Referral | str:
    """The referral that the touch leads to, or the reason why it is refused."""
    key = codes.canonical(touch.text)
    binds = {"org": referee.org, "key": key[: codes.MAX_LENGTH + 1], "referee_id": referee.id}
    facts = unit.connection.execute(_FACTS, binds).one()
    if facts.old_id is not None and facts.code_id is not None and facts.old_referrer_id == facts.referrer_id:
        return _old_referral(referee.org, facts)
    if facts.code_id is None:
        return refusal(Attempt(key=key, code_found=False)) or "code_not_found"
    record = unit.host.find_client(referee.org, facts.referrer_id)
    if record is None:
        return "code_inactive"  # the host has deleted the referrer since
    referrer = unit.host.client(record)
    program = unit.programs.known(unit.connection, referee.org, bool(facts.enabled), facts.revision or 0)
    version = program.at(unit.now)
    reason = refusal(
        Attempt(
            key=key,
            code_found=True,
            code_active=facts.active,
            program_on=program.enabled and version is not None,
            same_person=_identity(unit, referee).is_same_person(_identity(unit, referrer)),
            already_referred=facts.old_id is not None,
            existing_client=facts.old_id is None and unit.host.has_paid_invoice(referee),
            accepted_here=version is not None and touch.point in version.terms.accept_codes_at,
            referrer_blocked=facts.blocked is not None,
        )
    )
    if reason is not None or version is None:
        return reason or "program_off"
    made_now = _bind(unit, referee, referrer, touch, code_id=facts.code_id, terms_id=version.id)
    return made_now or _made_beside_us(unit, referee, referrer)


def _bind(
    unit: Unit, referee: Client, referrer: Client, touch: Touch, *, code_id: int, terms_id: int
) -> Referral | None:
    """Make the referral under the terms in force; None where somebody else was quicker, which the database decides."""
    row: dict[str, Any] = {
        "org": referee.org,
        "referee_id": referee.id,
        "referrer_id": referrer.id,
        "referee_name": referee.name[:200],
        "referrer_name": referrer.name[:200],
        "live": 1,
        "state": "pending",
        "epoch": 0,
        "via": touch.via,
        "code_id": code_id,
        "touched_at": touch.at,
        "attributed_at": unit.now,
        "terms_id": terms_id,
        "discount_minor": 0,
    }
    referral_id = made(unit.connection, _REFERRAL, row)
    if referral_id is None:
        return None
    open_books(unit, referee.org, (), referred={referrer.id: 1})
    unit.record(
        "attributed",
        referee.org,
        referrer.id,
        other_id=referee.id,
        both=True,
        referral_id=referral_id,
        terms_id=terms_id,
        via=touch.via,
        code=touch.text,
    )
    return Referral(
        id=referral_id,
        org=referee.org,
        referrer_id=referrer.id,
        referee_id=referee.id,
        state="pending",
        via=touch.via,
        attributed_at=unit.now,
    )


def _made_beside_us(unit: Unit, referee: Client, referrer: Client) -> Referral | str:
    """The referral that another process made meanwhile, if it is by the same referrer (A2); else the refusal."""
    row = unit.connection.execute(_LIVE, {"org": referee.org, "referee_id": referee.id}).one()
    return _old_referral(referee.org, row) if row.old_referrer_id == referrer.id else "already_referred"


def _old_referral(org: str, facts: Row[Any]) -> Referral:
    return Referral(
        id=facts.old_id,
        org=org,
        referrer_id=facts.old_referrer_id,
        referee_id=facts.old_referee_id,
        state=facts.old_state,
        via=facts.old_via,
        attributed_at=facts.old_attributed_at,
    )


def _identity(unit: Unit, client: Client) -> Identity:
    region = unit.settings.phone_region
    return Identity(client.id, canonical_email(client.email), canonical_phone(client.phone, region))
