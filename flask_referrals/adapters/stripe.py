"""Cash through Stripe Connect: accounts, transfers, reversals, webhooks (P1; docs/howto/stripe.md).

Needs no network at import and keeps no key outside its object. Answers are read as plain data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import stripe

from ..host import Client
from ..money import Money, digits
from ..services.mirror import Entry
from ..services.ports import AccountStatus, Busy, GatewayError, InDoubt, Order, Recall, Refused, SeenTransfer

#: The version of Stripe's API that every call asks for.
API_VERSION = "2026-05-27.dahlia"
#: What Stripe has to tell us, by the endpoint that it comes to.
EVENTS: Mapping[str, tuple[str, ...]] = {
    "own account": ("transfer.created", "transfer.reversed"),
    "connected accounts": (
        "account.updated", "account.application.deauthorized", "payout.paid", "payout.failed",
    ),
    "own account, where invoices are Stripe's": (
        "invoice.paid", "charge.refunded", "refund.failed", "charge.dispute.closed",
    ),
}  # fmt: skip
#: Currencies that Stripe counts in whole units (docs.stripe.com/currencies), and those with three decimals.
_WHOLE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
#: In hundredths with Stripe, but only whole units are moved.
_HUNDREDS = frozenset(["HUF", "ISK", "TWD", "UGX"])
Accounts = Literal["v2", "v1"]
#: What of an account of v2 is asked for, as Stripe reads it, since releases of the library write lists differently.
_INCLUDE = "include[0]=configuration.recipient&include[1]=requirements"


class SignatureError(Exception):
    """A webhook's body is not what Stripe signed, or not any more."""


def stripe_amount(amount: Money) -> int | None:
    """The amount as Stripe counts it; None for one that Stripe would round."""
    exponent = 0 if amount.currency in _WHOLE else 3 if amount.currency in _THREE else 2
    found = amount.minor * 10**exponent
    scale = 10 ** digits(amount.currency)
    if found % scale:
        return None
    found //= scale
    step = 100 if amount.currency in _HUNDREDS else 10 if exponent == 3 else 1
    return None if found % step else found


def from_stripe(amount: int, currency: str) -> Money:
    """An amount that Stripe says, as ours."""
    code = currency.upper()
    exponent = 0 if code in _WHOLE else 3 if code in _THREE else 2
    return Money(amount * 10 ** digits(code) // 10**exponent, code)


class StripeGateway:
    """`Referrals(gateway=StripeGateway(key, webhook_secrets=[...]))`.

    `key` is the platform's secret key, or a function that gives it for an org. `accounts` is `v2`, as new platforms
    have it, or `v1` for those that Stripe has not moved. `country` is where clients are, by a function of the client
    if that differs; `fees` and `losses` say who bears them, `application` or `stripe`, as the platform's profile at
    Stripe has it. `mirror` gives the Stripe customer of an org's client, whose balance then repeats the client's
    credit. `webhook_secrets` are those of all endpoints, and old ones while they are rolled. `api` is another address
    than Stripe's, for tests.
    """

    onboards = True
    sends = True

    def __init__(
        self,
        key: str | Callable[[str], str],
        *,
        webhook_secrets: Sequence[str] = (),
        accounts: Accounts = "v2",
        country: str | Callable[[Client], str] = "US",
        fees: Literal["application", "stripe"] = "application",
        losses: Literal["application", "stripe"] = "application",
        mirror: Callable[[str, str], str | None] | None = None,
        api: str | None = None,
        timeout: tuple[float, float] = (5, 30),
        retries: int = 2,
    ) -> None:
        self._key: Callable[[str], str] = key if callable(key) else lambda org: key
        self.webhook_secrets = tuple(webhook_secrets)
        self._accounts = accounts
        self._country: Callable[[Client], str] = country if callable(country) else lambda client: country
        self._fees, self._losses = fees, losses
        self.mirrors = mirror
        self._api, self._timeout, self._retries = api, timeout, retries
        self._clients: dict[tuple[str, int], stripe.StripeClient] = {}

    def __repr__(self) -> str:
        return f"StripeGateway(accounts={self._accounts!r})"

    # -- calls -------------------------------------------------------------------------------------------------------

    def live(self, org: str) -> bool:
        """Whether the org's key is for real money."""
        return "_live_" in self._key(org)

    def _client(self, org: str, retries: int) -> stripe.StripeClient:
        key = self._key(org)
        if (key, retries) not in self._clients:
            more: dict[str, Any] = {} if self._api is None else {"base_addresses": {"api": self._api}}
            self._clients[key, retries] = stripe.StripeClient(
                key,
                stripe_version=API_VERSION,
                max_network_retries=retries,
                http_client=stripe.RequestsClient(timeout=self._timeout),
                **more,
            )
        return self._clients[key, retries]

    def call(self, org: str, method: str, path: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        """One call as plain data. `once` for what moves money: it is repeated by our own protocol alone, since after
        the library's own repetition a refusal would say nothing about the first try.

        GatewayError, and no other, where it does not go well (STRIPE's errors: docs/algorithms/payouts.md).
        """
        try:
            response = self._client(org, 0 if once else self._retries).raw_request(method, path, **params)
        except stripe.StripeError as error:
            raise _answer_of(error) from None
        found = response.data if isinstance(response.data, dict) else json.loads(response.body)
        return dict(found)

    def pages(self, org: str, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Everything in a list of v1, newest first."""
        while True:
            found = self.call(org, "get", path, limit=100, **params)
            yield from found["data"]
            if not found["has_more"] or not found["data"]:
                return
            params["starting_after"] = found["data"][-1]["id"]

    # -- accounts ----------------------------------------------------------------------------------------------------

    def create_account(self, client: Client, key: str) -> str:
        """Make the client's account, with what pays out and nothing else asked for: the fewest questions."""
        if not client.email:
            raise Refused("email_missing", "other", "An email address is needed first: add it to your details.")
        country = self._country(client)
        metadata = {"referrals_account": key, "referrals_client": f"{client.org}:{client.id}"}
        if self._accounts == "v2":
            body: dict[str, Any] = {
                "contact_email": client.email,
                "display_name": client.name,
                "dashboard": "express",
                "identity": {"country": country},
                "configuration": {
                    "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}
                },
                "defaults": {"responsibilities": {"fees_collector": self._fees, "losses_collector": self._losses}},
                "metadata": metadata,
            }
            found = self.call(client.org, "post", "/v2/core/accounts", idempotency_key=key, **body)
        else:
            body = {
                "email": client.email,
                "country": country,
                "controller": {
                    "fees": {"payer": "application" if self._fees == "application" else "account"},
                    "losses": {"payments": self._losses},
                    "stripe_dashboard": {"type": "express"},
                    "requirement_collection": "stripe",
                },
                "capabilities": {"transfers": {"requested": True}},
                "metadata": metadata,
            }
            found = self.call(client.org, "post", "/v1/accounts", idempotency_key=key, **body)
        return str(found["id"])

    def account(self, org: str, account_id: str) -> AccountStatus:
        """How the account stands now; one that Stripe does not let us see any more is closed."""
        try:
            if self._accounts == "v2":
                return _status_v2(self.call(org, "get", f"/v2/core/accounts/{account_id}?{_INCLUDE}"))
            return _status_v1(self.call(org, "get", f"/v1/accounts/{account_id}"))
        except Refused as refused:
            if refused.kind == "closed" or refused.code in ("resource_missing", "not_found"):
                return AccountStatus(state="closed")
            raise

    def onboarding_url(self, org: str, account_id: str, *, back: str, again: str) -> str:
        """A link that Stripe makes for once and a few minutes."""
        if self._accounts == "v2":
            onboarding = {"configurations": ["recipient"], "refresh_url": again, "return_url": back}
            use_case = {"type": "account_onboarding", "account_onboarding": onboarding}
            found = self.call(org, "post", "/v2/core/account_links", account=account_id, use_case=use_case)
        else:
            urls: dict[str, Any] = {"refresh_url": again, "return_url": back}
            found = self.call(org, "post", "/v1/account_links", account=account_id, type="account_onboarding", **urls)
        return str(found["url"])

    def dashboard_url(self, org: str, account_id: str) -> str | None:
        """The client's own Express page."""
        return str(self.call(org, "post", f"/v1/accounts/{account_id}/login_links")["url"])

    # -- transfers ---------------------------------------------------------------------------------------------------

    def exact(self, amount: Money) -> bool:
        """Whether Stripe moves exactly this amount."""
        return stripe_amount(amount) is not None

    def send(self, order: Order) -> str:
        """A transfer from the platform's balance to the client's account."""
        found = self.call(
            order.org,
            "post",
            "/v1/transfers",
            once=True,
            idempotency_key=order.key,
            amount=stripe_amount(order.amount),
            currency=order.amount.currency.lower(),
            destination=order.destination,
            transfer_group=order.group,
            metadata=dict(order.metadata),
        )
        return str(found["id"])

    def find(self, order: Order) -> str | None:
        """By its group, in the list, which knows what was just written; the search does not."""
        found = self.call(order.org, "get", "/v1/transfers", transfer_group=order.group, limit=2)["data"]
        return str(found[-1]["id"]) if found else None

    def recall(self, recall: Recall) -> str:
        """A reversal of a part of a transfer, or all of it."""
        found = self.call(
            recall.org,
            "post",
            f"/v1/transfers/{recall.transfer_id}/reversals",
            once=True,
            idempotency_key=recall.key,
            amount=stripe_amount(recall.amount),
            metadata={"referrals_reversal": recall.mark},
        )
        return str(found["id"])

    def find_recall(self, recall: Recall) -> str | None:
        """By its mark, among the transfer's reversals."""
        for one in self.pages(recall.org, f"/v1/transfers/{recall.transfer_id}/reversals"):
            if one["metadata"].get("referrals_reversal") == recall.mark:
                return str(one["id"])
        return None

    def transfers(self, org: str, installation: str, since: datetime) -> Iterator[SeenTransfer]:
        """Those of this installation's since then."""
        for one in self.pages(org, "/v1/transfers", created={"gte": int(since.timestamp())}):
            group = one["transfer_group"] or ""
            if group.startswith(f"{installation}:"):
                yield SeenTransfer(
                    id=one["id"],
                    group=group,
                    destination=one["destination"],
                    amount=from_stripe(one["amount"], one["currency"]),
                    reversed=from_stripe(one["amount_reversed"], one["currency"]),
                    made_at=datetime.fromtimestamp(one["created"], UTC),
                )

    def repeat(self, entry: Entry) -> bool:
        """Repeat an entry of credit on the customer's balance; False where the client is no customer of Stripe's.

        Looked for first, by its key in the metadata, since Stripe's own memory of keys ends after a day.
        """
        customer = None if self.mirrors is None else self.mirrors(entry.org, entry.client_id)
        amount = stripe_amount(entry.amount)
        if customer is None or amount is None:
            return False
        path = f"/v1/customers/{customer}/balance_transactions"
        if not any(one["metadata"].get("referrals_entry") == entry.key for one in self.pages(entry.org, path)):
            self.call(
                entry.org, "post", path, idempotency_key=entry.key, amount=-amount,
                currency=entry.amount.currency.lower(), metadata={"referrals_entry": entry.key},
            )  # fmt: skip
        return True

    # -- webhooks ----------------------------------------------------------------------------------------------------

    def verified(self, body: bytes, header: str | None) -> dict[str, Any]:
        """The event in a webhook's raw body; SignatureError if no secret of ours has signed it lately."""
        try:
            text = body.decode()
            event = json.loads(text)
        except ValueError:
            raise SignatureError("the body is no JSON in UTF-8") from None
        for secret in self.webhook_secrets:
            try:
                stripe.WebhookSignature.verify_header(text, header or "", secret, 300)
            except stripe.SignatureVerificationError:
                continue
            if isinstance(event, dict) and isinstance(event.get("id"), str) and isinstance(event.get("type"), str):
                return event
            raise SignatureError("the body is no event")
        raise SignatureError("none of the webhook secrets has signed this, or it is too old")


def _answer_of(error: stripe.StripeError) -> GatewayError:
    """What an error of the library's means for what was asked; never its body, which may hold what nobody may log."""
    detail = getattr(error, "error", None)
    code = str(getattr(error, "code", None) or getattr(detail, "code", None) or type(error).__name__)
    text = str(getattr(error, "user_message", None) or code)[:300]
    if isinstance(error, stripe.RateLimitError):
        return Busy(code, text)
    if isinstance(error, stripe.AuthenticationError):
        return Busy("authentication", "Stripe does not accept the secret key")
    if isinstance(error, stripe.PermissionError):
        if code in ("account_invalid", "PermissionError"):
            return Refused("account_invalid", "closed", "Stripe does not let us use this account any more")
        return Busy(code, text)
    if isinstance(error, (stripe.APIConnectionError, stripe.APIError, stripe.IdempotencyError)) or (
        error.http_status is None or error.http_status >= 500 or error.http_status == 409
    ):
        return InDoubt(code, text)
    if code == "balance_insufficient" or type(error).__name__ == "InsufficientFundsError":
        return Refused(code, "funds", text)
    if code in ("insufficient_capabilities_for_transfer", "transfers_not_allowed"):
        return Refused(code, "account", text)
    if code in ("account_invalid", "account_closed"):
        return Refused(code, "closed", text)
    return Refused(code, "other", text)


def _status_v2(found: Mapping[str, Any]) -> AccountStatus:
    entries = (found.get("requirements") or {}).get("entries") or []
    needs = tuple(str(entry["description"]) for entry in entries)
    if found.get("closed"):
        return AccountStatus(state="closed")
    recipient = (found.get("configuration") or {}).get("recipient") or {}
    balance = (recipient.get("capabilities") or {}).get("stripe_balance") or {}
    status = (balance.get("stripe_transfers") or {}).get("status")
    if status == "active":
        return AccountStatus(state="ready", needs=needs)
    return AccountStatus(state="onboarding" if status == "pending" else "restricted", needs=needs)


def _status_v1(found: Mapping[str, Any]) -> AccountStatus:
    requirements = found.get("requirements") or {}
    needs = tuple(dict.fromkeys([*(requirements.get("past_due") or ()), *(requirements.get("currently_due") or ())]))
    if found.get("deleted") or str(requirements.get("disabled_reason") or "").startswith("rejected"):
        return AccountStatus(state="closed")
    if (found.get("capabilities") or {}).get("transfers") == "active":
        return AccountStatus(state="ready", needs=needs)
    return AccountStatus(state="restricted" if found.get("details_submitted") else "onboarding", needs=needs)
