"""Where referral links land (C5)."""

from __future__ import annotations

from ..host import DEFAULT_ORG


def link_values(org: str, code: str) -> dict[str, str]:
    """The values of a link's address: the org only where there is more than the default one."""
    return {"code": code} if org == DEFAULT_ORG else {"org": org, "code": code}
