"""Whether a code would be accepted, asked before there is a client: by a form, a landing page, an invitation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, and_, bindparam, literal, select

from ..domain import codes
from ..domain.attribution import Attempt, refusal
from ..domain.terms import Point, Version
from ..models import BlockRow, CodeRow, ProgramRow
from .codes import Code
from .programs import Programs

_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
_BLOCK: Table = BlockRow.__table__  # type: ignore[assignment]
_PROGRAM: Table = ProgramRow.__table__  # type: ignore[assignment]
#: Nothing longer is looked at as a code, however it is typed.
MAX_TYPED = 100


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a text as a code: the code, why it would be refused, and the terms in force."""

    code: Code | None
    reason: str | None
    version: Version | None


_one = select(literal(1).label("one")).subquery("one")
_FACTS = select(
    *(_CODE.c[name] for name in ("id", "client_id", "text", "active", "visits")),
    _BLOCK.c.client_id.label("blocked"),
    _PROGRAM.c.enabled,
    _PROGRAM.c.revision,
).select_from(
    _one.outerjoin(
        _CODE, and_(_CODE.c.org == bindparam("org"), _CODE.c.key == bindparam("key"), _CODE.c.id >= _one.c.one)
    )
    .outerjoin(_BLOCK, and_(_BLOCK.c.org == _CODE.c.org, _BLOCK.c.client_id == _CODE.c.client_id))
    .outerjoin(_PROGRAM, and_(_PROGRAM.c.org == bindparam("org"), _PROGRAM.c.revision >= _one.c.one))
)


def check(connection: Connection, programs: Programs, org: str, text: str, point: Point, now: datetime) -> Checked:
    """The text as a code of this org, entered at `point`, in one statement; one of another org is not found (A5)."""
    key = codes.canonical(text.strip())
    if len(text) > MAX_TYPED or len(key) > codes.MAX_LENGTH or not key.isprintable() or not org.isprintable():
        return Checked(None, "code_not_found", None)
    row = connection.execute(_FACTS, {"org": org, "key": key}).one()
    program = programs.known(connection, org, bool(row.enabled), row.revision or 0)
    version = program.at(now)
    if row.id is None:
        return Checked(None, refusal(Attempt(key=key, code_found=False)), version)
    code = Code(row.id, org, row.client_id, row.text, row.active, row.visits)
    attempt = Attempt(
        key=key,
        code_found=True,
        code_active=row.active,
        program_on=program.enabled and version is not None,
        accepted_here=version is not None and point in version.terms.accept_codes_at,
        referrer_blocked=row.blocked is not None,
    )
    return Checked(code, refusal(attempt), version)
