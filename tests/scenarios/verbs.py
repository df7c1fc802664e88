"""Every verb of the language, and what it makes of its fields."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from . import cash, money, people, staffwork
from .deeds import Deed, Fields
from .player import StepFailed
from .terms import save_terms, switch
from .world import World

Verb = Callable[[World, str, Fields], Deed]


def set_terms(world: World, org: str, fields: Fields) -> Deed:
    """Staff save the settings form with what changes."""
    change = {name: value for name, value in fields.items() if name != "from"}
    return lambda: save_terms(world, org, change, fields.get("from"))


def switch_program(world: World, org: str, fields: Fields) -> Deed:
    """Staff switch the program on or off."""
    return lambda: switch(world, org, fields["program"])


def advance(world: World, org: str, fields: Fields) -> Deed:
    """Time passes, then the maintenance command runs once."""

    def deed() -> None:
        if "to" in fields:
            world.clock.move_to(fields["to"])
        else:
            world.clock.move_to(world.clock() + timedelta(days=fields.get("days", 0), hours=fields.get("hours", 0)))
        result = world.app.test_cli_runner().invoke(args=["referrals", "work"])
        if result.exit_code != 0:
            raise StepFailed(f"`flask referrals work` fails: {result.output}{result.exception!r}")

    return deed


VERBS: dict[str, Verb] = {
    "client": people.client,
    "register": people.register,
    "visit": people.visit,
    "invite": people.invite,
    "invoice": money.invoice,
    "change_invoice": money.change_invoice,
    "enter_code": money.enter_code,
    "pay": money.pay,
    "refund": money.refund,
    "dispute_lost": money.dispute_lost,
    "void": money.void,
    "use_credit": money.use_credit,
    "take_off_credit": money.take_off_credit,
    "use_voucher": money.use_voucher,
    "choose": cash.choose,
    "link_bank": cash.link_bank,
    "stripe_fails": cash.stripe_fails,
    "payout_lands": cash.payout_lands,
    "payout_bounces": cash.payout_bounces,
    "set_terms": set_terms,
    "switch": switch_program,
    "advance": advance,
    "approve": staffwork.approve,
    "refuse": staffwork.refuse,
    "reject": staffwork.reject,
    "attribute": staffwork.attribute,
    "vanity": people.vanity,
    "disable_code": staffwork.disable_code,
    "block": staffwork.block,
    "adjust": staffwork.adjust,
}
