"""The JSON API for visitors who are not logged in: what ReferralCodeField would say of a code (A3, A5, A6, G2)."""

from __future__ import annotations

from ..words import code_error_text
from .api_call import Visit
from .api_values import Json
from .fields import look_at


def check(visit: Visit) -> Json:
    """Whether a registration form would take the text as it is; nothing of whose it is, and a refusal stops nobody."""
    state = visit.state
    text = str(visit.given["code"]).strip()
    found = look_at(state, state.host.current_org(), text, "registration") if text else None
    reason = None if found is None else found.reason
    return {"ok": reason is None, "code": reason, "detail": "" if reason is None else code_error_text(reason)}
