"""Verbs of staff: what they decide about rewards, referrals, clients and credit, on their pages."""

from __future__ import annotations

from .deeds import Deed, Fields
from .pages import Form, Page
from .people import refusal
from .player import StepFailed
from .world import World

PREFIX = "/staff/referrals"


def approve(world: World, org: str, fields: Fields) -> Deed:
    """Staff approve what waits for them of the referee's newest referral."""
    return _decide(world, org, fields, "approve")


def refuse(world: World, org: str, fields: Fields) -> Deed:
    """Staff refuse it."""
    return _decide(world, org, fields, "refuse")


def _decide(world: World, org: str, fields: Fields, action: str) -> Deed:
    path = _referral(world, org, fields["referee"])
    address = f"{path}/decide"
    form = _open(world, org, path).form_with(address, "reward", "reason", "action")
    form.fill(reason=fields["reason"], action=action)
    return _send(world, org, form)


def reject(world: World, org: str, fields: Fields) -> Deed:
    """Staff reject the referee's newest referral."""
    path = _referral(world, org, fields["referee"])
    form = _open(world, org, path).form_with(f"{path}/reject", "reason")
    return _send(world, org, form.fill(reason=fields["reason"]))


def attribute(world: World, org: str, fields: Fields) -> Deed:
    """Staff enter by hand who recommended a client."""
    form = _open(world, org, f"{PREFIX}/attribute").form()
    ids = {side: str(world.client_pk(org, fields[side])) for side in ("referee", "referrer")}
    return _send(world, org, form.fill(note=fields["note"], **ids))


def adjust(world: World, org: str, fields: Fields) -> Deed:
    """Staff adjust a client's credit; the form is opened once, so that `repeat` is a double click."""
    form = _client(world, org, fields).form(f"{PREFIX}/adjust/{_pk(world, org, fields)}")
    return _send(world, org, form.fill(amount=fields["amount"], note=fields["note"]))


def block(world: World, org: str, fields: Fields) -> Deed:
    """Staff block a referrer."""
    form = _client(world, org, fields).form(f"{PREFIX}/block/{_pk(world, org, fields)}")
    return _send(world, org, form.fill(block="on"))


def disable_code(world: World, org: str, fields: Fields) -> Deed:
    """Staff switch the client's present code off; a client that has none yet gets it by being asked for it."""
    with world.asking() as api:
        code = api.code(world.value(org, fields["client"]))
    address = f"{PREFIX}/code-off/{_pk(world, org, fields)}"
    form = _client(world, org, fields).form_with(address, "code")
    return _send(world, org, form.fill(code=str(code.id)))


def _referral(world: World, org: str, referee: str) -> str:
    """The page of the referee's newest referral."""
    with world.asking() as api:
        found = api.referral_of(world.value(org, referee))
    if found is None:
        raise StepFailed(f"{referee} has no referral to decide on")
    return f"{PREFIX}/referrals/{found.id}"


def _pk(world: World, org: str, fields: Fields) -> int:
    return world.client_pk(org, fields["client"])


def _client(world: World, org: str, fields: Fields) -> Page:
    return _open(world, org, f"{PREFIX}/clients/{_pk(world, org, fields)}")


def _open(world: World, org: str, path: str) -> Page:
    return world.staff(org).get(path)


def _send(world: World, org: str, form: Form) -> Deed:
    return lambda: refusal(world.staff(org).send(form))
