"""What each call does to the books; anything that Stripe would refuse is a Refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from . import contract
from .books import FUNDS, Account, Books, Refusal, account_v1, account_v2, newest_first

Asked = dict[str, Any]
LINK_LIFE = timedelta(minutes=5)


class Desk:
    """Serves one call after the other; `here` is the server's own address, for links."""

    def __init__(self, books: Books, now: Callable[[], datetime], here: Callable[[], str]) -> None:
        self.books, self.now, self.here = books, now, here

    @property
    def stamp(self) -> int:
        """Now, in seconds."""
        return int(self.now().timestamp())

    # -- accounts ----------------------------------------------------------------------------------------------------

    def make_v2(self, asked: Asked) -> Asked:
        """POST /v2/core/accounts"""
        return self._v2(self._make("v2", asked.get("contact_email") or "", asked, (asked.get("identity") or {})))

    def make_v1(self, asked: Asked) -> Asked:
        """POST /v1/accounts"""
        return account_v1(self._make("v1", asked.get("email") or "", asked, asked))

    def _make(self, style: str, email: str, asked: Asked, place: Asked) -> Account:
        found = Account(
            id=self.books.id("acct"), style=style, email=email, name=asked.get("display_name") or "",
            country=place.get("country") or "US", created=self.stamp, metadata=dict(asked.get("metadata") or {}),
            owner=(asked.get("metadata") or {}).get("referrals_client", ""),
        )  # fmt: skip
        self.books.accounts[found.id] = found
        return found

    def _v2(self, found: Account) -> Asked:
        return account_v2(found, self.now())

    def see_v2(self, asked: Asked, account_id: str) -> Asked:
        """GET /v2/core/accounts/{id}"""
        found = self.books.accounts.get(account_id)
        if found is None or found.gone == "deauthorised":
            raise Refusal(403, "account_invalid", "The key has no access to this account.")
        return self._v2(found)

    def see_v1(self, asked: Asked, account_id: str) -> Asked:
        """GET /v1/accounts/{account}"""
        return account_v1(self.books.account(account_id))

    def accounts(self, asked: Asked) -> Asked:
        """GET /v1/accounts"""
        rows = [account_v1(one) for one in self.books.accounts.values() if not one.gone]
        return newest_first(rows, asked, "/v1/accounts")

    def link_v2(self, asked: Asked) -> Asked:
        """POST /v2/core/account_links"""
        onboarding = asked["use_case"]["account_onboarding"]
        url = self._link(asked["account"], onboarding["refresh_url"], onboarding.get("return_url") or "/")
        ends = (self.now() + LINK_LIFE).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return {
            "object": "v2.core.account_link", "account": asked["account"], "livemode": False, "url": url,
            "created": self.now().strftime("%Y-%m-%dT%H:%M:%S.000Z"), "expires_at": ends, "use_case": asked["use_case"],
        }  # fmt: skip

    def link_v1(self, asked: Asked) -> Asked:
        """POST /v1/account_links"""
        url = self._link(asked["account"], asked["refresh_url"], asked["return_url"])
        ends = self.stamp + int(LINK_LIFE.total_seconds())
        return {"object": "account_link", "created": self.stamp, "expires_at": ends, "url": url}

    def _link(self, account_id: str, again: str, back: str) -> str:
        self.books.account(account_id)
        token = self.books.id("link")
        ends = self.now() + LINK_LIFE
        self.books.links[token] = {"account": account_id, "again": again, "back": back, "ends": ends, "used": False}
        return f"{self.here()}/onboarding/{token}"

    def login_link(self, asked: Asked, account_id: str) -> Asked:
        """POST /v1/accounts/{account}/login_links"""
        if not self.books.account(account_id).submitted:
            raise Refusal(400, "account_not_onboarded", "Cannot create a login link for an account not onboarded.")
        return {"object": "login_link", "created": self.stamp, "url": f"{self.here()}/dashboard/{account_id}"}

    # -- transfers ---------------------------------------------------------------------------------------------------

    def transfer(self, asked: Asked) -> Asked:
        """POST /v1/transfers"""
        minor = asked.get("amount")
        if minor is None:
            raise Refusal(400, "parameter_missing", "Missing required param: amount.", param="amount")
        if minor < 1:
            raise Refusal(
                400, "parameter_invalid_integer", "This value must be greater than or equal to 1.", param="amount"
            )
        found = self.books.account(asked["destination"])
        if found.state != "ready":
            text = "Your destination account needs to have the transfers capability enabled."
            raise Refusal(400, "insufficient_capabilities_for_transfer", text)
        currency = asked["currency"].lower()
        left = self.books.funds.setdefault(currency, FUNDS)
        if left < minor:
            raise Refusal(400, "balance_insufficient", "You have insufficient available funds in your Stripe account.")
        self.books.funds[currency] = left - minor
        found.balance[currency] = found.balance.get(currency, 0) + minor
        made: Asked = json.loads(contract.fixture("transfer"))
        made |= {
            "id": self.books.id("tr"), "amount": minor, "currency": currency, "destination": found.id,
            "created": self.stamp, "metadata": dict(asked.get("metadata") or {}), "amount_reversed": 0,
            "transfer_group": asked.get("transfer_group"), "description": asked.get("description"),
        }  # fmt: skip
        made["reversals"]["url"] = f"/v1/transfers/{made['id']}/reversals"
        self.books.transfers[made["id"]] = made
        self.books.event("transfer.created", dict(made), self.now())
        return made

    def see_transfer(self, asked: Asked, transfer_id: str) -> Asked:
        """GET /v1/transfers/{transfer}"""
        found = self.books.transfers.get(transfer_id)
        if found is None:
            raise Refusal(404, "resource_missing", f"No such transfer: '{transfer_id}'", param="id")
        return found

    def transfers(self, asked: Asked) -> Asked:
        """GET /v1/transfers"""
        rows = list(self.books.transfers.values())
        for name in ("transfer_group", "destination"):
            if name in asked:
                rows = [row for row in rows if row[name] == asked[name]]
        return newest_first(rows, asked, "/v1/transfers")

    def reverse(self, asked: Asked, transfer_id: str) -> Asked:
        """POST /v1/transfers/{id}/reversals"""
        found = self.see_transfer({}, transfer_id)
        left = found["amount"] - found["amount_reversed"]
        minor = asked.get("amount", left)
        if not left:
            raise Refusal(400, "transfer_already_reversed", f"Transfer {transfer_id} is already fully reversed.")
        if minor > left or minor < 1:
            text = f"Unable to reverse {minor}: {left} of the transfer is left."
            raise Refusal(400, "amount_too_large", text, param="amount")
        account = self.books.accounts[found["destination"]]
        currency = found["currency"]
        if account.balance.get(currency, 0) < minor or account.gone:
            raise Refusal(400, "balance_insufficient", "The account has insufficient funds to cover this reversal.")
        account.balance[currency] -= minor
        self.books.funds[currency] += minor
        found["amount_reversed"] += minor
        found["reversed"] = found["amount_reversed"] == found["amount"]
        made: Asked = json.loads(contract.fixture("transfer_reversal"))
        made |= {"id": self.books.id("trr"), "amount": minor, "currency": currency, "created": self.stamp}
        made |= {"transfer": transfer_id, "metadata": dict(asked.get("metadata") or {})}
        self.books.reversals[made["id"]] = made
        self.books.event("transfer.reversed", dict(found), self.now())
        return made

    def reversals(self, asked: Asked, transfer_id: str) -> Asked:
        """GET /v1/transfers/{id}/reversals"""
        self.see_transfer({}, transfer_id)
        rows = [row for row in self.books.reversals.values() if row["transfer"] == transfer_id]
        return newest_first(rows, asked, f"/v1/transfers/{transfer_id}/reversals")

    # -- balances, bank payouts, customers ---------------------------------------------------------------------------

    def balance(self, asked: Asked) -> Asked:
        """GET /v1/balance"""
        whose = self.books.account(asked["_account"]).balance if asked.get("_account") else self.books.funds
        rows = [
            {"amount": minor, "currency": currency, "source_types": {"card": minor}}
            for currency, minor in whose.items()
        ]
        rows = rows or [{"amount": FUNDS, "currency": "usd", "source_types": {"card": FUNDS}}]
        none = [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
        return {"object": "balance", "available": rows, "pending": none, "livemode": False}

    def payouts(self, asked: Asked) -> Asked:
        """GET /v1/payouts"""
        rows = [row["data"] for row in self.books.payouts.values() if row["account"] == asked.get("_account")]
        return newest_first(rows, asked, "/v1/payouts")

    def see_payout(self, asked: Asked, payout_id: str) -> Asked:
        """GET /v1/payouts/{payout}"""
        found = self.books.payouts.get(payout_id)
        if found is None or found["account"] != asked.get("_account"):
            raise Refusal(404, "resource_missing", f"No such payout: '{payout_id}'")
        seen: Asked = found["data"]
        return seen

    def customer(self, asked: Asked) -> Asked:
        """POST /v1/customers"""
        made: Asked = json.loads(contract.fixture("customer"))
        made |= {"id": self.books.id("cus"), "balance": 0, "created": self.stamp, "email": asked.get("email")}
        made["metadata"] = dict(asked.get("metadata") or {})
        self.books.customers[made["id"]] = made
        return made

    def see_customer(self, asked: Asked, customer_id: str) -> Asked:
        """GET /v1/customers/{customer}"""
        if customer_id not in self.books.customers:
            raise Refusal(404, "resource_missing", f"No such customer: '{customer_id}'")
        return self.books.customers[customer_id]

    def customer_entry(self, asked: Asked, customer_id: str) -> Asked:
        """POST /v1/customers/{customer}/balance_transactions"""
        found = self.see_customer({}, customer_id)
        found["balance"] += asked["amount"]
        made: Asked = json.loads(contract.fixture("customer_balance_transaction"))
        made |= {"id": self.books.id("cbtxn"), "amount": asked["amount"], "currency": asked["currency"]}
        made |= {"customer": customer_id, "ending_balance": found["balance"], "created": self.stamp}
        made["metadata"] = dict(asked.get("metadata") or {})
        self.books.customer_entries[made["id"]] = made
        return made

    def customer_entries(self, asked: Asked, customer_id: str) -> Asked:
        """GET /v1/customers/{customer}/balance_transactions"""
        rows = [row for row in self.books.customer_entries.values() if row["customer"] == customer_id]
        return newest_first(rows, asked, f"/v1/customers/{customer_id}/balance_transactions")

    # -- events, endpoints, invoices ---------------------------------------------------------------------------------

    def events(self, asked: Asked) -> Asked:
        """GET /v1/events"""
        rows = [row for row in self.books.events if row["object"] == "event"]
        rows = [row for row in rows if row.get("account") == asked.get("_account")]
        if types := asked.get("types"):
            rows = [row for row in rows if row["type"] in types]
        return newest_first(rows, asked, "/v1/events")

    def endpoints(self, asked: Asked) -> Asked:
        """GET /v1/webhook_endpoints"""
        rows = [{name: one for name, one in row.items() if name not in ("secret", "connect", "thin", "seen")}
                for row in self.books.endpoints.values() if not row["thin"]]  # fmt: skip
        return newest_first(rows, asked, "/v1/webhook_endpoints")

    def invoice_payments(self, asked: Asked) -> Asked:
        """GET /v1/invoice_payments"""
        intent = (asked.get("payment") or {}).get("payment_intent")
        rows = [row["payment"] for row in self.books.invoices.values() if row["intent"] == intent]
        return newest_first(rows, asked, "/v1/invoice_payments")


Handler = Callable[..., Asked]
_ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "/v2/core/accounts", Desk.make_v2),
    ("GET", "/v2/core/accounts/([^/]+)", Desk.see_v2),
    ("POST", "/v2/core/account_links", Desk.link_v2),
    ("POST", "/v1/accounts", Desk.make_v1),
    ("GET", "/v1/accounts", Desk.accounts),
    ("GET", "/v1/accounts/([^/]+)", Desk.see_v1),
    ("POST", "/v1/account_links", Desk.link_v1),
    ("POST", "/v1/accounts/([^/]+)/login_links", Desk.login_link),
    ("POST", "/v1/transfers", Desk.transfer),
    ("GET", "/v1/transfers", Desk.transfers),
    ("GET", "/v1/transfers/([^/]+)", Desk.see_transfer),
    ("POST", "/v1/transfers/([^/]+)/reversals", Desk.reverse),
    ("GET", "/v1/transfers/([^/]+)/reversals", Desk.reversals),
    ("GET", "/v1/balance", Desk.balance),
    ("GET", "/v1/payouts", Desk.payouts),
    ("GET", "/v1/payouts/([^/]+)", Desk.see_payout),
    ("POST", "/v1/customers", Desk.customer),
    ("GET", "/v1/customers/([^/]+)", Desk.see_customer),
    ("POST", "/v1/customers/([^/]+)/balance_transactions", Desk.customer_entry),
    ("GET", "/v1/customers/([^/]+)/balance_transactions", Desk.customer_entries),
    ("GET", "/v1/events", Desk.events),
    ("GET", "/v1/webhook_endpoints", Desk.endpoints),
    ("GET", "/v1/invoice_payments", Desk.invoice_payments),
]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = [
    (method, re.compile(f"^{pattern}$"), handler) for method, pattern, handler in _ROUTES
]
