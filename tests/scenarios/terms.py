"""Terms and the switch, as staff set them on the settings page; which terms a change goes on top of (T3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.notyet import not_yet

from .player import StepFailed

if TYPE_CHECKING:
    from .world import World

SETTINGS = "/staff/referrals/settings"
SWITCH = "/staff/referrals/switch"
TIERS, MILESTONES = 8, 6
Typed = dict[str, str | list[str]]


class Book:
    """What an org has saved so far, and when each takes effect."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._saved: list[tuple[datetime, dict[str, Any]]] = []

    def at(self, time: datetime | None = None) -> dict[str, Any]:
        """The terms in force at a time, now by default: the newest; of two that begin at once, the one saved later."""
        time = time or self._clock()
        begun = [one for one in self._saved if one[0] <= time]
        return _last_of_newest(begun) if begun else {}

    def changed(self, change: dict[str, Any], start: datetime | None) -> dict[str, Any]:
        """The terms that come of a change: a key replaces the old value whole, `null` leaves nothing of it."""
        return {key: value for key, value in {**self.at(start), **change}.items() if value is not None}

    def add(self, terms: dict[str, Any], start: datetime | None) -> None:
        """Remember that these were saved."""
        self._saved.append((start or self._clock(), terms))


def _last_of_newest(begun: list[tuple[datetime, dict[str, Any]]]) -> dict[str, Any]:
    newest = max(start for start, _ in begun)
    return [terms for start, terms in begun if start == newest][-1]


def save_terms(world: World, org: str, change: dict[str, Any], start: datetime | None = None) -> None:
    """Staff save the settings form with these changes, from now or from `start` on."""
    book = world.terms[org]
    terms = book.changed(change, start)
    staff = world.staff(org)
    form = staff.get(SETTINGS).form(SETTINGS)
    form.put(_typed(terms))
    form.fill(effective_from="" if start is None else start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    form.fill(until="", action="save")
    page = staff.send(form)
    if page.status != 200:
        raise StepFailed(f"the settings form refuses {terms}: {page.text}")
    book.add(terms, start)


def switch(world: World, org: str, program: str) -> None:
    """Staff switch the program on or off."""
    staff = world.staff(org)
    page = staff.send(staff.get(SETTINGS).form(SWITCH).fill(program=program))
    if page.status != 200:
        raise StepFailed(f"the program cannot be switched {program}: {page.text}")


# -- what is typed for each of the terms ------------------------------------------------------------------------------


def _typed(terms: dict[str, Any]) -> Typed:
    """What the form's fields hold for these terms; a term that is absent leaves its fields empty."""
    typed = dict(_EMPTY)
    for name, value in terms.items():
        typed.update(_TERMS[name](value))
    return typed


_EMPTY: Typed = {
    "discount_kind": "none",
    "discount_percent": "",
    "discount_cap": "",
    "discount_amount": "",
    "discount_min_invoice": "",
    "referee_reward": "",
    "reward_kind": "none",
    "referrer_reward": "",
    "reward_percent": "",
    "reward_cap": "",
    "reward_as": "credit",
    "min_payout": "",
    "service_name": "",
    "service_value": "",
    **{f"tier_{name}_{row}": "" for row in range(TIERS) for name in ("from", "reward")},
    **{f"milestone_{name}_{row}": "" for row in range(MILESTONES) for name in ("at", "amount")},
    "qualifies_on": "first_paid_invoice",
    "min_paid": "",
    "hold_days": "",
    "qualify_within_days": "",
    "credit_expires_days": "",
    "approval": "none",
    **{f"limit_{name}": "" for name in ("per_month", "per_year", "total", "budget")},
    "auto_apply_credit": "",
    "accept_codes_at": ["link", "registration", "invoice"],
}


def _discount(value: dict[str, str]) -> Typed:
    if "amount" in value:
        if "cap" in value:
            not_yet("terms discount.cap on a flat amount")
        return {"discount_kind": "amount", "discount_amount": value["amount"]}
    if "percent" not in value:
        return {}
    typed = {"discount_percent": value["percent"], "discount_cap": value.get("cap", "")}
    return {"discount_kind": "percent", **typed}


def _referrer_reward(value: dict[str, Any]) -> Typed:
    cap = {"reward_cap": value.get("cap", "")}
    if value["kinds"] != ["service"]:
        cap["reward_as"] = ",".join(value["kinds"])
    if "service" in value:
        service = value["service"]
        return {"reward_kind": "service", "service_name": service["name"], "service_value": service.get("value", "")}
    if "percent" in value:
        return {"reward_kind": "percent", "reward_percent": value["percent"], **cap}
    return {"reward_kind": "amount", "referrer_reward": value["amount"], **cap}


def _tiers(value: list[dict[str, Any]]) -> Typed:
    typed: Typed = {}
    for row, tier in enumerate(value):
        typed |= {f"tier_from_{row}": str(tier["from"]), f"tier_reward_{row}": _reward_text(tier)}
    return typed


def _reward_text(tier: dict[str, Any]) -> str:
    if "percent" in tier:
        return f"{tier['percent']}%"
    if "service" in tier:
        service = tier["service"]
        return f"{service['name']} ({service['value']})" if "value" in service else str(service["name"])
    return str(tier["amount"])


def _milestones(value: list[dict[str, Any]]) -> Typed:
    typed: Typed = {}
    for row, one in enumerate(value):
        typed |= {f"milestone_at_{row}": str(one["at"]), f"milestone_amount_{row}": one["amount"]}
    return typed


def _number(name: str) -> Callable[[Any], Typed]:
    return lambda value: {name: str(value or "")}


_TERMS: dict[str, Callable[[Any], Typed]] = {
    "currency": lambda value: {"currency": value},
    "discount": _discount,
    "discount_min_invoice": lambda value: {"discount_min_invoice": value},
    "referee_reward": lambda value: {"referee_reward": value["amount"]},
    "referrer_reward": _referrer_reward,
    "min_paid": lambda value: {"min_paid": value},
    "accept_codes_at": lambda value: {"accept_codes_at": value},
    "tiers": _tiers,
    "milestones": _milestones,
    "qualifies_on": lambda value: {"qualifies_on": value},
    "hold_days": _number("hold_days"),
    "qualify_within_days": _number("qualify_within_days"),
    "credit_expires_days": _number("credit_expires_days"),
    "approval": lambda value: {"approval": value},
    "limits": lambda value: {f"limit_{name}": str(limit) for name, limit in value.items()},
    "auto_apply_credit": lambda value: {"auto_apply_credit": "y" if value else ""},
    "min_payout": lambda value: {"min_payout": value},
}
