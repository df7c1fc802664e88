"""Verbs of cash: the client's choice and its account with Stripe, and what Stripe does."""

from __future__ import annotations

from collections.abc import Callable

from .deeds import Deed, Fields
from .people import refusal
from .player import StepFailed
from .world import World

CASH = "/portal/referrals/cash"
#: By these the stand-in signs: events of its own account, of connected ones, thin ones.
SECRETS = ("whsec_own", "whsec_connected", "whsec_thin")
#: What the stand-in calls a fault of the language.
FAULTS = {
    "rate_limit": "rate_limit",
    "server_error": "server_error",
    "timeout_but_done": "cut_done",
    "timeout_not_done": "cut",
    "account_closed": "account_closed",
    "low_balance": "low_balance",
}


def choose(world: World, org: str, fields: Fields) -> Deed:
    """A client says on its portal as what it wants its rewards."""
    browser = world.client(org, fields["client"])
    form = browser.get(CASH).form_with(f"{CASH}/choice", "kind").fill(kind=fields["kind"])
    return lambda: refusal(browser.send(form))


def link_bank(world: World, org: str, fields: Fields) -> Deed:
    """A client links a bank account: it is made, Stripe's page is gone through, and the way leads back."""
    browser = world.client(org, fields["client"])
    name = world.client_pk(org, fields["client"])

    def deed() -> None:
        page = browser.get(CASH)
        form = page.find_form(f"{CASH}/link")
        if form is not None:
            browser.send(form)
        standin = world.standin
        mine = [one for one in standin.books.accounts.values() if one.owner == f"{org}:{name}" and not one.gone]
        if not mine:
            raise StepFailed(f"no account was made: {browser.get(CASH).text}")
        standin.onboard(mine[-1].id)
        browser.get(f"{CASH}/back")
        hear(world)

    return deed


def stripe_fails(world: World, org: str, fields: Fields) -> Deed:
    """What goes wrong with the next transfers."""
    return lambda: world.standin.fail(*(FAULTS[one] for one in fields["next"]))


def _accounts(world: World, org: str, client: str) -> list[str]:
    owner = f"{org}:{world.client_pk(org, client)}"
    return [one.id for one in world.standin.books.accounts.values() if one.owner == owner]


def payout_lands(world: World, org: str, fields: Fields) -> Deed:
    """The bank has what was on the client's account."""
    return _bank(world, org, fields, world.standin.land)


def payout_bounces(world: World, org: str, fields: Fields) -> Deed:
    """The bank sends it back."""
    return _bank(world, org, fields, world.standin.bounce)


def _bank(world: World, org: str, fields: Fields, act: Callable[[str, str], str]) -> Deed:
    def deed() -> None:
        currency = world.terms[org].at()["currency"].lower()
        for account_id in _accounts(world, org, fields["client"])[-1:]:
            act(account_id, currency)
        hear(world)

    return deed


def hear(world: World) -> None:
    """The app hears all that Stripe has to tell, signed as Stripe signs."""
    for secret, event in world.standin.untold(SECRETS):
        body, header = world.standin.signed(event, secret)
        response = world.app.test_client().post(
            "/referrals/stripe/webhook", data=body, headers={"Stripe-Signature": header}
        )
        if response.status_code != 200:
            raise StepFailed(f"the webhook answers {response.status_code}: {response.get_data(as_text=True)}")


def reached(world: World, org: str, client: str) -> int:
    """What Stripe's books say reached the client, in Stripe's units."""
    return sum(world.standin.reached(account_id) for account_id in _accounts(world, org, client))
