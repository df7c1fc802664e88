"""Attribution: how a new client is bound to the referrer it came by, once and for good (A1 to A9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, and_, bindparam, literal, select

from ..domain import codes
from ..domain.attribution import Attempt, Identity, refusal
from ..domain.contact import canonical_email, canonical_phone, email_key
from ..domain.terms import Point, Version
from ..host import Client
from ..models import BlockRow, CodeRow, ProgramRow, ReferralRow
from . import flags, rewards
from .ledger import open_books
from .outcomes import Outcome, Referral, Tried
from .programs import Program
from .sql import made
from .ties import ReferralTie
from .unit import Unit

_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_BLOCK: Table = BlockRow.__table__  # type: ignore[assignment]
_PROGRAM: Table = ProgramRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One way by which a new client came: a `code` typed, a `link` followed, an `invitation`; its code, and when.

    `point` is where the code was entered; None, where none was: that is accepted everywhere.
    """

    via: str
    text: str
    at: datetime
    point: Point | None


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
    flags.EARLIER.label("earlier_at"),
    flags.EXCHANGED.label("exchanged"),
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


def attribute(unit: Unit, referee: Client, touches: Iterable[Touch], *, new: bool = False) -> Outcome:
    """Try each way in its order; the first valid one binds the referee, each refused one is logged (A1, A6).

    A `new` client cannot have paid before. The same code once more answers with the referral that is there (A2).
    Without any way the outcome is ok and empty.
    """
    tried: list[Tried] = []
    for touch in touches:
        found = _try(unit, referee, touch, new)
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


def _try(unit: Unit, referee: Client, touch: Touch, new: bool) -> Referral | str:
    """The referral that the touch leads to, or the reason why it is refused."""
    key = codes.canonical(touch.text)
    binds = {
        "org": referee.org,
        "key": key[: codes.MAX_LENGTH + 1],
        "referee_id": referee.id,
        "email_key": email_key(referee.org, referee.email) or "",
    }
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
            same_person=same_person(unit, referee, referrer),
            already_referred=facts.old_id is not None,
            existing_client=facts.old_id is None and not new and unit.host.has_paid_invoice(referee),
            accepted_here=touch.point is None or (version is not None and touch.point in version.terms.accept_codes_at),
            referrer_blocked=facts.blocked is not None,
        )
    )
    if reason is not None or version is None:
        return reason or "program_off"
    found_flags = flags.of(unit, referee, referrer, facts.exchanged is not None, facts.earlier_at)
    made_now = _bind(unit, referee, referrer, touch, version, program, facts.code_id, found_flags)
    return made_now or _made_beside_us(unit, referee, referrer)


def _bind(
    unit: Unit,
    referee: Client,
    referrer: Client,
    touch: Touch,
    version: Version,
    program: Program,
    code_id: int | None,
    found_flags: tuple[str, ...] = (),
    **more: Any,
) -> Referral | None:
    """Make the referral under the terms in force; None where somebody else was quicker, which the database decides.

    `more` is kept on the referral (a discount that is used already) or, as `note`, on the log.
    """
    note = more.pop("note", None)
    days = version.terms.qualify_within_days
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
        "terms_id": version.id,
        "discount_minor": 0,
        "expires_at": None if days is None else unit.now + timedelta(days=days),
        "email_key": email_key(referee.org, referee.email),
        "flags": " ".join(found_flags),
    }
    referral_id = made(unit.connection, _REFERRAL, row | more)
    if referral_id is None:
        return None
    at_once = version.terms.qualifies_on == "registration"
    if not at_once:
        open_books(unit, referee.org, (), referred={referrer.id: 1})
    facts: dict[str, Any] = {"referral_id": referral_id, "terms_id": version.id}
    unit.record(
        "attributed",
        referee.org,
        referrer.id,
        other_id=referee.id,
        both=True,
        via=touch.via,
        code=touch.text or None,
        note=note,
        **facts,
    )
    if found_flags:
        unit.record(
            "flagged",
            referee.org,
            referrer.id,
            other_id=referee.id,
            announces=False,
            reasons=list(found_flags),
            **facts,
        )
    if at_once:
        _qualify(unit, row, referral_id, version, program)
    return Referral(
        id=referral_id,
        org=referee.org,
        referrer_id=referrer.id,
        referee_id=referee.id,
        state="qualified" if at_once else "pending",
        via=touch.via,
        attributed_at=unit.now,
    )


def _qualify(unit: Unit, row: dict[str, Any], referral_id: int, version: Version, program: Program) -> None:
    """The terms say that a registration qualifies: the reward is made at once (R1)."""
    made_now: dict[str, Any] = row | {"id": referral_id}
    values: list[Any] = [made_now.get(field.name) for field in fields(ReferralTie)]
    tie = ReferralTie(*values)
    if rewards.claim(unit, tie, None):
        owners = rewards.owners_of_plan(tie, version.terms, program, None)
        books = open_books(unit, tie.org, owners, referred={tie.referrer_id: 1}, qualified={tie.referrer_id: 1})
        rewards.make(unit, books, tie, version, program, invoice_id=None, basis=None, paid=None)
        books.write()


def bind_by_staff(
    unit: Unit, referee: Client, referrer: Client, version: Version, note: str, used: dict[str, Any]
) -> Referral | None:
    """Bind by hand what staff have found out (A8); `used` is the discount that was had already. None if too late."""
    touch = Touch(via="staff", text="", at=unit.now, point="registration")
    program = unit.programs.get(unit.connection, referee.org)
    return _bind(unit, referee, referrer, touch, version, program, None, note=note, **used)


def same_person(unit: Unit, one: Client, other: Client) -> bool:
    """Whether two clients are one person by id, email address or telephone number (A4)."""
    return _identity(unit, one).is_same_person(_identity(unit, other))


def _made_beside_us(unit: Unit, referee: Client, referrer: Client) -> Referral | str:
    """The referral that another process made meanwhile, if it is by the same referrer (A2); else the refusal."""
    row = unit.connection.execute(_LIVE, {"org": referee.org, "referee_id": referee.id}).one()
    return _old_referral(referee.org, row) if row.old_referrer_id == referrer.id else "already_referred"


def _old_referral(org: str, facts: Any) -> Referral:
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
