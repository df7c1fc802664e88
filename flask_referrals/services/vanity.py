"""A client's own choice of a code (C4): the old one keeps working, and neither is ever somebody else's."""

from __future__ import annotations

from sqlalchemy import Table, func, select, update

from ..domain import vanity
from ..domain.codes import canonical
from ..host import Client
from ..models import CodeRow
from .codes import current_code, find_by_text, find_current
from .outcomes import Outcome
from .sql import made
from .unit import ConflictError, Unit

_CODE: Table = CodeRow.__table__  # type: ignore[assignment]
#: One client keeps at most so many codes of its own choosing from the others.
MOST = 10


def choose(unit: Unit, client: Client, text: str) -> Outcome:
    """Make `text` the client's current code.

    Refused with `code_not_allowed`, `code_taken` (also by one that looks like it) or `too_many_codes`. The client's
    present code is ok without effect, an old one of its own becomes the present one again.
    """
    code = vanity.plain(text)
    if not vanity.is_allowed(code):
        return Outcome(ok=False, reason="code_not_allowed")
    if _looks_generated(unit, client, code):
        return Outcome(ok=False, reason="code_taken")
    old = find_current(unit.connection, client.org, client.id, locking=unit.again)
    old = old or current_code(unit, client.org, client.id)
    row = {
        "org": client.org, "client_id": client.id, "key": canonical(code), "text": code, "current": None,
        "active": True, "visits": 0, "made_at": unit.now, "look": vanity.look(code),
    }  # fmt: skip
    new_id = None
    if find_by_text(unit.connection, client.org, code) is None:
        if _count(unit, client) >= MOST:
            return Outcome(ok=False, reason="too_many_codes")
        new_id = made(unit.connection, _CODE, row)
    if new_id is None:
        found = find_by_text(unit.connection, client.org, code, locking=True)
        if found is None or found.client_id != client.id or not found.active:
            return Outcome(ok=False, reason="code_taken")
        new_id = found.id
    if new_id != old.id:
        given_up = update(_CODE).where(_CODE.c.id == old.id, _CODE.c.current == 1).values(current=None)
        if unit.connection.execute(given_up).rowcount != 1:
            raise ConflictError("the client chose another code meanwhile")
        unit.connection.execute(update(_CODE).where(_CODE.c.id == new_id).values(current=1))
        unit.record("code_created", client.org, client.id, announces=False, code=code)
    return Outcome(ok=True)


def _looks_generated(unit: Unit, client: Client, code: str) -> bool:
    """Whether it looks like a generated code of somebody else's, which has no look of its own in the table."""
    twins = vanity.generated_twins(code)
    others = select(_CODE.c.id).where(_CODE.c.org == client.org, _CODE.c.key.in_(twins))
    query = others.where(_CODE.c.client_id != client.id).limit(1)
    return bool(twins) and unit.connection.scalar(query) is not None


def _count(unit: Unit, client: Client) -> int:
    query = select(func.count()).where(
        _CODE.c.org == client.org, _CODE.c.client_id == client.id, _CODE.c.look.is_not(None)
    )
    return unit.connection.scalar(query) or 0
