"""What the stand-in knows: accounts, transfers, reversals, bank payouts, and the events that tell of them."""

from __future__ import annotations

import itertools
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from . import contract

API_VERSION = "2026-05-27.dahlia"
#: What the platform can send in each currency at first, in minor units.
FUNDS = 100_000_000
_ASKED = ["external_account", "individual.first_name", "individual.last_name", "tos_acceptance.date"]


class Refusal(Exception):
    """An answer with an error, as Stripe words it."""

    def __init__(
        self, status: int, code: str, message: str, kind: str = "invalid_request_error", param: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.kind, self.param = status, code, message, kind, param

    def body(self) -> dict[str, Any]:
        """The body of the answer."""
        error = {"code": self.code, "message": self.message, "type": self.kind}
        return {"error": error | ({"param": self.param} if self.param else {})}


@dataclass
class Account:
    """A connected account; `style` is `v1` or `v2`, which see the same."""

    id: str
    style: str
    email: str
    name: str
    country: str
    created: int
    metadata: dict[str, str]
    owner: str = ""
    state: str = "onboarding"  # onboarding, ready, restricted
    needs: list[str] = field(default_factory=lambda: list(_ASKED))
    gone: str = ""  # closed, deauthorised
    submitted: bool = False
    balance: dict[str, int] = field(default_factory=dict)


@dataclass
class Books:
    """All that is kept, and can be written to a file."""

    accounts: dict[str, Account] = field(default_factory=dict)
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    reversals: dict[str, dict[str, Any]] = field(default_factory=dict)
    payouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    customer_entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    funds: dict[str, int] = field(default_factory=dict)
    last: int = 0

    def save(self, path: Path) -> None:
        """Write it to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".new").write_bytes(pickle.dumps(self))
        path.with_suffix(".new").replace(path)

    @staticmethod
    def load(path: Path | None) -> Books:
        """What a file has; nothing without one."""
        if path is None or not path.exists():
            return Books()
        found = pickle.loads(path.read_bytes())
        return found if isinstance(found, Books) else Books()

    def id(self, prefix: str) -> str:
        """The next id."""
        self.last += 1
        return f"{prefix}_standin{self.last:06d}"

    def account(self, account_id: str) -> Account:
        """An account that the platform may use; Refusal for any other."""
        found = self.accounts.get(account_id)
        if found is None or found.gone:
            text = f"The provided key does not have access to account '{account_id}' (or that account does not exist)."
            raise Refusal(403, "account_invalid", text)
        return found

    def event(self, kind: str, data: dict[str, Any], at: datetime, *, account: str | None = None) -> None:
        """Something happened; it is told to whoever has an endpoint for it."""
        made = json.loads(contract.fixture("event"))
        made |= {"id": self.id("evt"), "type": kind, "created": int(at.timestamp()), "livemode": False}
        made |= {"api_version": API_VERSION, "data": {"object": data}, "pending_webhooks": 1}
        self.events.append(made | ({"account": account} if account else {}))

    def thin(self, kind: str, account_id: str, at: datetime) -> None:
        """Something happened to an account of v2: only what and to whom is told."""
        self.events.append(
            {
                "id": self.id("evt"), "object": "v2.core.event", "type": kind, "livemode": False,
                "created": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "related_object": {
                    "id": account_id, "type": "v2.core.account", "url": f"/v2/core/accounts/{account_id}",
                },
            }
        )  # fmt: skip


def account_v1(found: Account) -> dict[str, Any]:
    """The account as v1 shows it."""
    made: dict[str, Any] = json.loads(contract.fixture("account"))
    made |= {"id": found.id, "email": found.email, "country": found.country, "created": found.created}
    made |= {"metadata": found.metadata, "type": "express", "details_submitted": found.submitted}
    ready = found.state == "ready"
    made |= {"payouts_enabled": ready, "capabilities": {"transfers": "active" if ready else "inactive"}}
    needs = [] if ready else found.needs
    made["requirements"] |= {"currently_due": needs, "eventually_due": needs, "past_due": []}
    made["requirements"]["disabled_reason"] = None if ready else "requirements.past_due"
    made["controller"] = {
        "type": "application", "is_controller": True, "requirement_collection": "stripe",
        "fees": {"payer": "application"}, "losses": {"payments": "application"},
        "stripe_dashboard": {"type": "express"},
    }  # fmt: skip
    return made


def account_v2(found: Account, now: datetime) -> dict[str, Any]:
    """The account as v2 shows it."""
    status = {"ready": "active", "onboarding": "pending"}.get(found.state, "restricted")
    details = [] if status == "active" else [{"code": "requirements_past_due", "resolution": "provide_info"}]
    capability = {"status": status, "status_details": details}
    entries = [] if status == "active" else [_entry(need) for need in found.needs]
    return {
        "id": found.id, "object": "v2.core.account", "applied_configurations": ["recipient"], "livemode": False,
        "created": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "closed": bool(found.gone), "contact_email": found.email,
        "display_name": found.name, "dashboard": "express", "metadata": found.metadata,
        "identity": {"country": found.country},
        "configuration": {
            "recipient": {
                "applied": True,
                "capabilities": {"stripe_balance": {"stripe_transfers": capability, "payouts": capability}},
            }
        },
        "defaults": {
            "responsibilities": {
                "fees_collector": "application", "losses_collector": "application", "requirements_collector": "stripe",
            }
        },
        "requirements": {"entries": entries},
    }  # fmt: skip


def _entry(need: str) -> dict[str, Any]:
    return {
        "awaiting_action_from": "user", "description": need, "errors": [], "impact": {},
        "minimum_deadline": {"status": "currently_due"}, "requested_reasons": [{"code": "routine_onboarding"}],
    }  # fmt: skip


def newest_first(rows: list[dict[str, Any]], asked: dict[str, Any], url: str) -> dict[str, Any]:
    """A list of v1, a page of it."""
    created = asked.get("created") or {}
    bounds: dict[str, Callable[[int, int], bool]] = {
        "gte": lambda a, b: a >= b, "gt": lambda a, b: a > b, "lte": lambda a, b: a <= b, "lt": lambda a, b: a < b,
    }  # fmt: skip
    found = list(reversed(rows))
    if isinstance(created, dict):
        for name, bound in created.items():
            found = [row for row in found if bounds[name](row["created"], int(bound))]
    if after := asked.get("starting_after"):
        found = list(itertools.dropwhile(lambda row: row["id"] != after, found))[1:]
    limit = int(asked.get("limit") or 10)
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": url}
