"""Invitations by email: who invited which address, so that it is recognised at registration (A1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, and_, func, select

from ..domain.contact import canonical_email, email_key, is_email, masked_email
from ..host import Client
from ..models import CodeRow, InvitationRow, ReferralRow
from .attribution import Touch
from .checks import check
from .codes import current_code
from .outcomes import Outcome
from .preferences import is_suppressed
from .sql import made
from .unit import Unit

_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_INVITATION: Table = InvitationRow.__table__  # type: ignore[assignment]
_REFERRAL: Table = ReferralRow.__table__  # type: ignore[assignment]
#: A message is at most so long.
LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Invited:
    """An address that a client invited: masked, when, and whether somebody came of it."""

    id: int
    address: str
    made_at: datetime
    joined: bool


def invite(unit: Unit, client: Client, email: str, message: str | None = None) -> Outcome:
    """Keep that the client invites this address, with its present code; with a `message`, that we are to send it.

    Refused with `email_invalid`, `self_referral`, `already_invited`, `too_many_invitations`, or why its code would be
    refused; a message besides with `message_invalid` or `no_invitations`. Whether somebody with that address is a
    client already is told to nobody.
    """
    address = email.strip()
    key = email_key(client.org, address)
    if key is None or len(address) > 200 or not is_email(address):
        return Outcome(ok=False, reason="email_invalid")
    if canonical_email(address) == canonical_email(client.email):
        return Outcome(ok=False, reason="self_referral")
    if message is not None:
        if not 0 < len(message.strip()) <= LONGEST_MESSAGE or "\0" in message:
            return Outcome(ok=False, reason="message_invalid")
        if is_suppressed(unit.connection, client.org, key):
            return Outcome(ok=False, reason="no_invitations")
    program = unit.programs.get(unit.connection, client.org)
    if not program.enabled or program.at(unit.now) is None:
        return Outcome(ok=False, reason="program_off")  # and no code is made meanwhile (C1)
    code = current_code(unit, client.org, client.id)
    checked = check(unit.connection, unit.programs, client.org, code.text, "link", unit.now)
    if checked.reason not in (None, "not_accepted_here"):
        return Outcome(ok=False, reason=checked.reason)
    lately = select(func.count()).where(
        _INVITATION.c.org == client.org,
        _INVITATION.c.client_id == client.id,
        _INVITATION.c.made_at > unit.now - timedelta(days=1),
    )
    row = {
        "org": client.org, "client_id": client.id, "code_id": code.id, "email": address, "email_key": key,
        "made_at": unit.now, "message": message, "mail_at": None if message is None else unit.now,
    }  # fmt: skip
    there = select(_INVITATION.c.id).where(
        _INVITATION.c.org == client.org, _INVITATION.c.client_id == client.id, _INVITATION.c.email_key == key
    )
    if (
        unit.connection.scalar(there) is None
        and (unit.connection.scalar(lately) or 0) >= unit.settings.invitations_per_day
    ):
        return Outcome(ok=False, reason="too_many_invitations")
    invitation_id = made(unit.connection, _INVITATION, row)
    if invitation_id is None:
        return Outcome(ok=False, reason="already_invited")
    unit.record("invited", client.org, client.id, announces=False, invitation_id=invitation_id)
    return Outcome(ok=True)


def touches(unit: Unit, referee: Client) -> Iterator[Touch]:
    """The invitations that were sent to this client's address, the oldest first; asked only when it comes to them."""
    key = email_key(referee.org, referee.email)
    if key is None:
        return
    query = (
        select(_CODE.c.text, _INVITATION.c.made_at)
        .join(_CODE, _CODE.c.id == _INVITATION.c.code_id)
        .where(_INVITATION.c.org == referee.org, _INVITATION.c.email_key == key)
        .order_by(_INVITATION.c.id)
    )
    for row in unit.connection.execute(query).all():
        yield Touch(via="invitation", text=row.text, at=row.made_at, point=None)


def of_client(connection: Connection, org: str, client_id: str, *, limit: int = 20) -> list[Invited]:
    """The client's latest invitations, newest first."""
    query = (
        select(*(_INVITATION.c[name] for name in ("id", "email", "made_at")), _REFERRAL.c.id.label("referral_id"))
        .select_from(
            _INVITATION.outerjoin(
                _REFERRAL,
                and_(
                    _REFERRAL.c.org == _INVITATION.c.org,
                    _REFERRAL.c.email_key == _INVITATION.c.email_key,
                    _REFERRAL.c.referrer_id == _INVITATION.c.client_id,
                    _REFERRAL.c.live == 1,
                ),
            )
        )
        .where(_INVITATION.c.org == org, _INVITATION.c.client_id == client_id)
        .order_by(_INVITATION.c.id.desc())
        .limit(limit)
    )
    return [
        Invited(row.id, masked_email(row.email or ""), row.made_at, row.referral_id is not None)
        for row in connection.execute(query)
    ]
