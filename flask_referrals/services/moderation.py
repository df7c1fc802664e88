"""What staff do about a leaked code or a referrer, and its line on the log: what was earned stays (C4, A3, G1)."""

from __future__ import annotations

from sqlalchemy import Table, delete, select, update

from ..models import BlockRow, CodeRow
from .codes import current_code
from .sql import insert_once
from .unit import Unit

_BLOCK: Table = BlockRow.__table__  # type: ignore[assignment]
_CODE: Table = CodeRow.__table__  # type: ignore[assignment]


def disable_code(unit: Unit, org: str, client_id: str, code_id: int | None = None) -> None:
    """Switch the client's present code off, or an older one; it is refused with `code_inactive` from now on.

    Without effect where the client has no such code, or it is off already.
    """
    own = select(_CODE.c.text).where(_CODE.c.org == org, _CODE.c.client_id == client_id)
    wanted = current_code(unit, org, client_id).id if code_id is None else code_id
    turned = update(_CODE).where(_CODE.c.org == org, _CODE.c.client_id == client_id, _CODE.c.id == wanted)
    if unit.connection.execute(turned.where(_CODE.c.active).values(active=False)).rowcount == 1:
        text = unit.connection.execute(own.where(_CODE.c.id == wanted)).scalar_one()
        unit.record("code_disabled", org, client_id, announces=False, code=text)


def block(unit: Unit, org: str, client_id: str) -> None:
    """Refuse all codes of this referrer with `referrer_blocked`; again without effect."""
    row = {"org": org, "client_id": client_id, "blocked_at": unit.now, "blocked_by": unit.actor}
    if unit.connection.execute(insert_once(unit.dialect, _BLOCK), row).first() is not None:
        unit.record("referrer_blocked", org, client_id, announces=False)


def unblock(unit: Unit, org: str, client_id: str) -> None:
    """Accept the referrer's codes again."""
    there = delete(_BLOCK).where(_BLOCK.c.org == org, _BLOCK.c.client_id == client_id)
    if unit.connection.execute(there).rowcount:
        unit.record("referrer_unblocked", org, client_id, announces=False)
