"""The stand-in itself, asked by the genuine library and by plain HTTP: it refuses and remembers as Stripe does."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import stripe

from example_app.standin import Standin
from example_app.standin.contract import decoded
from flask_referrals.testing import FrozenClock


@pytest.fixture
def client(standin: Standin) -> stripe.StripeClient:
    """The genuine client."""
    return stripe.StripeClient(standin.key, base_addresses={"api": standin.url}, max_network_retries=0)


def ask(client: stripe.StripeClient, method: str, path: str, **params: Any) -> Any:
    """One call, its answer as plain data."""
    return client.raw_request(method, path, **params)


def ready(standin: Standin) -> str:
    """An account that takes transfers."""
    account_id: str = standin.desk.make_v2({"contact_email": "x@y.example"})["id"]
    standin.onboard(account_id)
    return account_id


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/transfers", {"amount": 100, "destination": "acct_x"}),
        ("/v1/transfers", {"amount": "many", "currency": "usd", "destination": "acct_x"}),
        ("/v1/transfers", {"amount": 1.5, "currency": "usd", "destination": "acct_x"}),
        ("/v1/transfers", {"amount": 100, "currency": "usd", "destination": "acct_x", "colour": "red"}),
        ("/v1/transfers", {"amount": 100, "currency": "usd", "destination": "acct_x", "source_type": "gold"}),
        ("/v1/transfers", {"currency": "usd", "destination": "acct_x"}),
        ("/v1/transfers", {"amount": 0, "currency": "usd", "destination": "acct_x"}),
        ("/v1/account_links", {"account": "acct_x", "type": "account_onboarding", "colour": "red"}),
        ("/v2/core/accounts", {"contact_email": "x@y.example", "colour": "red"}),
    ],
)
def test_a_broken_request_is_refused(client: stripe.StripeClient, path: str, params: dict[str, Any]) -> None:
    """What Stripe's description does not have, it does not take."""
    with pytest.raises(stripe.InvalidRequestError) as found:
        ask(client, "post", path, **params)
    assert found.value.http_status == 400


def test_a_key_that_is_wrong(standin: Standin) -> None:
    """401."""
    other = stripe.StripeClient("sk_test_other", base_addresses={"api": standin.url}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError):
        ask(other, "get", "/v1/balance")


def test_what_is_not_there(client: stripe.StripeClient) -> None:
    """404 for an id, and for an address."""
    with pytest.raises(stripe.InvalidRequestError) as found:
        ask(client, "get", "/v1/transfers/tr_none")
    assert (found.value.http_status, found.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError):
        ask(client, "get", "/v1/nonsense")


def test_a_replay_says_so(standin: Standin, client: stripe.StripeClient, clock: FrozenClock) -> None:
    """The answer of the first time, with its request's id; for a day."""
    params = {"amount": 100, "currency": "usd", "destination": ready(standin), "idempotency_key": "k1"}
    first = ask(client, "post", "/v1/transfers", **params)
    again = ask(client, "post", "/v1/transfers", **params)
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    with pytest.raises(stripe.IdempotencyError):
        ask(client, "post", "/v1/transfers", **params | {"amount": 200})
    clock.advance(hours=25)
    assert ask(client, "post", "/v1/transfers", **params).data["id"] != first.data["id"]


def test_a_stored_refusal_is_answered_again(standin: Standin, client: stripe.StripeClient) -> None:
    """400 and 500 are kept under the key; 429 is not."""
    params = {"amount": 100, "currency": "usd", "destination": ready(standin)}
    standin.fail("server_error")
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            ask(client, "post", "/v1/transfers", **params, idempotency_key="k1")
    standin.fail("rate_limit")
    with pytest.raises(stripe.RateLimitError):
        ask(client, "post", "/v1/transfers", **params, idempotency_key="k2")
    assert ask(client, "post", "/v1/transfers", **params, idempotency_key="k2").data["amount"] == 100


def test_lists_go_on_where_they_ended(standin: Standin, client: stripe.StripeClient) -> None:
    """Newest first, in pages."""
    account_id = ready(standin)
    for minor in range(1, 6):
        ask(client, "post", "/v1/transfers", amount=minor, currency="usd", destination=account_id)
    first = ask(client, "get", "/v1/transfers", limit=3).data
    assert ([one["amount"] for one in first["data"]], first["has_more"]) == ([5, 4, 3], True)
    rest = ask(client, "get", "/v1/transfers", limit=3, starting_after=first["data"][-1]["id"]).data
    assert ([one["amount"] for one in rest["data"]], rest["has_more"]) == ([2, 1], False)


def test_a_link_is_for_once_and_for_minutes(standin: Standin, clock: FrozenClock) -> None:
    """Used or old, it leads to where a new one is made."""
    account_id: str = standin.desk.make_v2({"contact_email": "x@y.example"})["id"]
    again, back = f"{standin.url}/again", f"{standin.url}/back"
    asked = {"account": account_id, "refresh_url": again, "return_url": back}
    with urllib.request.urlopen(standin.desk.link_v1(asked)["url"]) as page:
        assert "Nothing here is real" in page.read().decode()
    used, old = list(standin.books.links)[-1], standin.desk.link_v1(asked)["url"]
    clock.advance(minutes=6)
    for url in (f"{standin.url}/onboarding/{used}", old):
        with pytest.raises(HTTPError) as found:
            urllib.request.urlopen(url)
        assert found.value.url == again
        found.value.close()


def test_the_librarys_own_check_takes_its_signatures(standin: Standin) -> None:
    """`construct_event` reads what the stand-in signs; a thin event is none."""
    ready(standin)
    for _, event in standin.untold(("a", "b", "c")):
        body, header = standin.signed(event, "whsec_x")
        if event["object"] == "event":
            assert stripe.Webhook.construct_event(body, header, "whsec_x").id == event["id"]
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, header, "whsec_y")


def test_it_survives_a_restart(tmp_path: Path, clock: FrozenClock) -> None:
    """What is in its file is there again."""
    first = Standin(now=clock, store=tmp_path / "standin")
    first.serve()
    account_id = ready(first)
    client = stripe.StripeClient(first.key, base_addresses={"api": first.url}, max_network_retries=0)
    ask(client, "post", "/v1/transfers", amount=700, currency="usd", destination=account_id)
    first.stop()
    second = Standin(now=clock, store=tmp_path / "standin")
    assert second.reached(account_id) == 700


def test_an_answer_that_breaks_the_description_is_seen(clock: FrozenClock) -> None:
    """So that the stand-in cannot become something that Stripe is not."""
    found = Standin(now=clock)
    found.serve()
    account_id = ready(found)
    client = stripe.StripeClient(found.key, base_addresses={"api": found.url}, max_network_retries=0)
    made = ask(client, "post", "/v1/transfers", amount=700, currency="usd", destination=account_id).data
    found.books.transfers[made["id"]]["amount"] = "seven"
    ask(client, "get", f"/v1/transfers/{made['id']}")
    found.stop()
    assert len(found.violations) == 1
    assert "$.amount" in found.violations[0]


def test_how_forms_are_read() -> None:
    """As Stripe's: nested names, lists by number, empty texts kept."""
    text = "a[b]=c&expand[0]=x&expand[1]=y&d=&created[gte]=5"
    assert decoded(text) == {"a": {"b": "c"}, "expand": ["x", "y"], "d": "", "created": {"gte": "5"}}
    assert json.dumps(decoded("")) == "{}"
