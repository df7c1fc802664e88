"""The stand-in's HTTP server: keys, faults on order, the contract, and what tests and the demo tell it to do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from . import contract, hooks, pages
from .books import API_VERSION, Account, Books, Refusal
from .routes import ROUTES, Desk

#: Answers of these codes are not kept under a key: Stripe had not begun (docs.stripe.com/error-low-level).
_NOT_KEPT = frozenset({401, 403, 404, 409, 429})
_KEY_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Call:
    """One exchange."""

    method: str
    path: str
    status: int
    key: str | None
    account: str | None


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next calls that match; the first `after` of them pass."""

    how: str
    method: str
    path: str
    times: int
    after: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a key stands for."""

    asked: tuple[str, str, str]
    status: int
    body: bytes
    at: datetime
    request_id: str


class _Cut(Exception):
    """The connection ends without an answer."""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing is printed."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """The connection ends."""
        self.close_connection = True


def utc_now() -> datetime:
    """The time by the computer's clock."""
    return datetime.now(UTC)


class Standin:
    """A stand-in for Stripe. `store` keeps its books over a restart; `now` is its clock.

    `violations` lists answers of its own that break Stripe's description: it must stay empty. `calls` has all
    exchanges.
    """

    def __init__(
        self, *, now: Callable[[], datetime] = utc_now, store: Path | None = None, key: str = "sk_test_standin"
    ) -> None:
        self.now, self.key, self._store = now, key, store
        self.books = Books.load(store)
        self.url = ""
        self.violations: list[str] = []
        self.calls: list[Call] = []
        self.deliver_by_itself = False
        self._lock = threading.RLock()
        self._faults: list[Fault] = []
        self._keys: dict[tuple[str, str], Kept] = {}
        self._running: set[tuple[str, str]] = set()
        self._server: BaseWSGIServer | None = None
        self._count = 0
        self._told = 0
        self._checks = _has_jsonschema()
        self.desk = Desk(self.books, lambda: self.now(), lambda: self.url)

    def begin(self, now: Callable[[], datetime]) -> None:
        """Empty books, and another clock."""
        with self._lock:
            self.now, self.books, self._told = now, Books(), 0
            self.desk.books = self.books
            self._keys.clear()
            self._faults.clear()
            self.calls.clear()

    # -- the server --------------------------------------------------------------------------------------------------

    def serve(self, port: int = 0) -> str:
        """Begin to serve on this computer alone; the address."""
        self._server = make_server("127.0.0.1", port, self.wsgi, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self.url

    def stop(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def wsgi(self, environ: Any, start_response: Any) -> Any:
        """The WSGI app."""
        request = Request(environ)
        if not request.path.startswith(("/v1/", "/v2/")):
            with self._lock:
                return pages.answer(self, request)(environ, start_response)
        try:
            response = self._exchange(request)
        except _Cut:
            raise ConnectionResetError("the connection is cut, as ordered") from None
        return response(environ, start_response)

    def _exchange(self, request: Request) -> Response:
        """One call: fault, key, contract, the books, contract again."""
        method, path = request.method, request.path
        fault = self._fault(method, path)
        if fault == "cut":
            self._note(request, 0)
            raise _Cut
        if fault == "slow":
            time.sleep(1)
        if fault == "rate_limit":
            return self._refused(request, Refusal(429, "rate_limit", "Too many requests.", "invalid_request_error"))
        if fault == "lock_timeout":
            refusal = Refusal(429, "lock_timeout", "This object cannot be accessed right now.")
            return self._refused(request, refusal, {"Stripe-Should-Retry": "true"})
        if fault == "html":
            self._note(request, 503)
            return Response("<html>Service Unavailable</html>", 503, mimetype="text/html")
        if fault == "in_flight":
            text = "There is currently another in-progress request using this Stripe key."
            return self._refused(request, Refusal(409, "idempotency_key_in_use", text, "idempotency_error"))
        if request.authorization is None or request.authorization.token != self.key:
            return self._refused(request, Refusal(401, "api_key_invalid", "Invalid API Key provided."))
        response = self._by_key(request, fault)
        if fault == "cut_done":
            raise _Cut
        return response

    def _by_key(self, request: Request, fault: str) -> Response:
        """Answer as the first time, where the key is known; else do it."""
        key = request.headers.get("Idempotency-Key")
        asked = (request.method, request.path, request.get_data(as_text=True))
        if not key or request.method == "GET":
            return self._done(request, fault)[0]
        where = (request.headers.get("Stripe-Account", ""), key)
        with self._lock:
            kept = self._keys.get(where)
            if kept is not None and self.now() - kept.at < _KEY_LIFE:
                if kept.asked != asked:
                    text = "Keys for idempotent requests can only be used with the same parameters."
                    return self._refused(request, Refusal(400, "idempotency_error", text, "idempotency_error"))
                self._note(request, kept.status)
                headers = {"Idempotent-Replayed": "true", "Original-Request": kept.request_id, "Idempotency-Key": key}
                return Response(kept.body, kept.status, headers, mimetype="application/json")
            if where in self._running:
                text = "There is currently another in-progress request using this key."
                return self._refused(request, Refusal(409, "idempotency_key_in_use", text, "idempotency_error"))
            self._running.add(where)
        try:
            response, begun = self._done(request, fault)
            if begun and response.status_code not in _NOT_KEPT:
                request_id = response.headers["Request-Id"]
                self._keys[where] = Kept(asked, response.status_code, response.get_data(), self.now(), request_id)
        finally:
            self._running.discard(where)
        response.headers["Idempotency-Key"] = key
        return response

    def _done(self, request: Request, fault: str) -> tuple[Response, bool]:
        """Do it, and whether it had begun, so that its answer is kept."""
        method, path = request.method, request.path
        route = next(((match, handler) for known, pattern, handler in ROUTES
                      if known == method and (match := pattern.match(path))), None)  # fmt: skip
        if route is None or (self._checks and contract.operation(method, path) is None):
            text = f"Unrecognized request URL ({method}: {path})."
            return self._refused(request, Refusal(404, "url_invalid", text)), False
        query, body = request.query_string.decode(), request.get_data(as_text=True)
        try:
            asked, broken = contract.read_request(method, path, query, body, request.content_type or "")
        except ImportError:
            asked, broken = _unchecked(request, query, body), []
        except ValueError:
            return self._refused(request, Refusal(400, "parameter_invalid", "The body cannot be read.")), False
        if broken:
            where, what = broken[0]
            code = "parameter_missing" if "required" in what else "parameter_unknown"
            return self._refused(request, Refusal(400, code, what, param=where.removeprefix("$."))), False
        if account := request.headers.get("Stripe-Account"):
            asked["_account"] = account
        if fault == "server_error":
            return self._error(request), True
        with self._lock:
            try:
                if fault == "low_balance":
                    raise Refusal(400, "balance_insufficient", "You have insufficient available funds.")
                if fault == "account_closed" and asked.get("destination") in self.books.accounts:
                    self.books.accounts[asked["destination"]].gone = "closed"
                found = route[1](self.desk, asked, *route[0].groups())
            except Refusal as refusal:
                return self._refused(request, refusal), True
            finally:
                self._changed()
        if fault == "server_error_done":
            return self._error(request), True
        return self._answer(request, 200, found), True

    def _fault(self, method: str, path: str) -> str:
        with self._lock:
            for fault in self._faults:
                if fault.method == method and path.startswith(fault.path) and not path.endswith("/reversals"):
                    if fault.after:
                        fault.after -= 1
                        return ""
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault.how
                if fault.method == method and path.endswith("/reversals") and fault.path == "/reversals":
                    self._faults.remove(fault)
                    return fault.how
        return ""

    def _error(self, request: Request) -> Response:
        refusal = Refusal(500, "api_error", "An unknown error occurred", "api_error")
        return self._refused(request, refusal, {"Stripe-Should-Retry": "false"})

    def _refused(self, request: Request, refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
        response = self._answer(request, refusal.status, refusal.body())
        response.headers.extend(headers or {})
        return response

    def _answer(self, request: Request, status: int, data: dict[str, Any]) -> Response:
        self._note(request, status)
        data = json.loads(json.dumps(data))
        if self._checks:
            for where, what in contract.broken_answer(request.method, request.path, status, data):
                self.violations.append(f"{request.method} {request.path} {status}: {where} {what}")
        self._count += 1
        headers = {"Request-Id": f"req_standin{self._count}"}
        headers["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
        return Response(json.dumps(data), status, headers, mimetype="application/json")

    def _note(self, request: Request, status: int) -> None:
        headers = request.headers
        call = Call(request.method, request.path, status, headers.get("Idempotency-Key"), headers.get("Stripe-Account"))
        self.calls.append(call)

    def _changed(self) -> None:
        if self._store is not None:
            self.books.save(self._store)
        if self.deliver_by_itself:
            threading.Thread(target=self.deliver, daemon=True).start()

    # -- what it is told to do ---------------------------------------------------------------------------------------

    def fail(
        self, *how: str, method: str = "POST", path: str = "/v1/transfers", times: int = 1, after: int = 0
    ) -> None:
        """What goes wrong with the next calls that match, one after the other: `rate_limit`, `lock_timeout`,
        `server_error` (before doing), `server_error_done` (after), `cut`, `cut_done`, `slow`, `html`, `in_flight`,
        `account_closed`, `low_balance`. Reversals are `path="/reversals"`."""
        with self._lock:
            self._faults += [Fault(one, method, path, times, after) for one in how]

    def forget_keys(self) -> None:
        """As Stripe does after a day."""
        with self._lock:
            self._keys.clear()

    def set_balance(self, currency: str, minor: int) -> None:
        """What the platform can send."""
        with self._lock:
            self.books.funds[currency.lower()] = minor

    def take_balance(self, account_id: str) -> None:
        """What is on a connected account leaves, so that nothing of it can be reversed."""
        with self._lock:
            self.books.accounts[account_id].balance.clear()

    def reached(self, account_id: str) -> int:
        """What reached that account, net of reversals, in minor units."""
        rows = [row for row in self.books.transfers.values() if row["destination"] == account_id]
        return sum(row["amount"] - row["amount_reversed"] for row in rows)

    def transfers(self) -> list[dict[str, Any]]:
        """Every transfer, oldest first."""
        return list(self.books.transfers.values())

    def onboard(self, account_id: str) -> None:
        """The person says all that is asked for."""
        self._turn(account_id, "ready", submitted=True)

    def restrict(self, account_id: str, *needs: str) -> None:
        """Something is missing (again)."""
        with self._lock:
            self.books.accounts[account_id].needs = list(needs or ("external_account",))
        self._turn(account_id, "restricted", submitted=True)

    def _turn(self, account_id: str, state: str, *, submitted: bool) -> None:
        with self._lock:
            found = self.books.accounts[account_id]
            found.state, found.submitted = state, submitted
            self._tell(found)
            self._changed()

    def _tell(self, found: Account) -> None:
        from .books import account_v1

        self.books.event("account.updated", account_v1(found), self.now(), account=found.id)
        if found.style == "v2":
            kind = "v2.core.account[configuration.recipient].capability_status_updated"
            self.books.thin(kind, found.id, self.now())

    def close(self, account_id: str) -> None:
        """The account is closed."""
        with self._lock:
            self.books.accounts[account_id].gone = "closed"
            self.books.thin("v2.core.account.closed", account_id, self.now())
            self._changed()

    def deauthorise(self, account_id: str) -> None:
        """The person cuts the platform off."""
        with self._lock:
            self.books.accounts[account_id].gone = "deauthorised"
            application = {"id": "ca_standin", "object": "application", "name": "Stand-in"}
            self.books.event("account.application.deauthorized", application, self.now(), account=account_id)
            self._changed()

    def land(self, account_id: str, currency: str = "usd") -> str:
        """A bank payout of the whole connected balance arrives; its id."""
        return self._bank_payout(account_id, currency, "paid")

    def bounce(self, account_id: str, currency: str = "usd") -> str:
        """The bank sends it back: the last one that had arrived, or else one of the whole balance; its id."""
        return self._bank_payout(account_id, currency, "failed")

    def _bank_payout(self, account_id: str, currency: str, status: str) -> str:
        with self._lock:
            account = self.books.accounts[account_id]
            landed = [row for row in self.books.payouts.values() if row["account"] == account_id]
            again = next((row["data"] for row in reversed(landed) if row["data"]["status"] == "paid"), None)
            if status == "failed" and again is not None and not account.balance.get(currency):
                made = again
            else:
                made = json.loads(contract.fixture("payout"))
                made |= {"id": self.books.id("po"), "amount": account.balance.pop(currency, 0), "currency": currency}
                made |= {"created": int(self.now().timestamp()), "automatic": True}
                self.books.payouts[made["id"]] = {"account": account_id, "data": made}
                self.books.event("payout.created", dict(made) | {"status": "pending"}, self.now(), account=account_id)
            made["status"] = status
            if status == "failed":
                made |= {"failure_code": "account_closed", "failure_message": "The bank account has been closed."}
                account.balance[currency] = account.balance.get(currency, 0) + made["amount"]
            self.books.event(f"payout.{status}", dict(made), self.now(), account=account_id)
            self._changed()
            return str(made["id"])

    def bill(self, minor: int, currency: str = "usd") -> str:
        """An invoice of Stripe's is paid; its id."""
        with self._lock:
            invoice: dict[str, Any] = json.loads(contract.fixture("invoice"))
            intent, charge = self.books.id("pi"), self.books.id("ch")
            invoice |= {"id": self.books.id("in"), "amount_paid": minor, "currency": currency, "status": "paid"}
            payment: dict[str, Any] = json.loads(contract.fixture("invoice_payment"))
            payment |= {"id": self.books.id("inpay"), "invoice": invoice["id"], "status": "paid", "amount_paid": minor}
            payment["payment"] = {"type": "payment_intent", "payment_intent": intent}
            self.books.invoices[invoice["id"]] = {
                "invoice": invoice, "intent": intent, "charge": charge, "payment": payment, "refunded": 0,
                "minor": minor,
            }  # fmt: skip
            self.books.event("invoice.paid", invoice, self.now())
            self._changed()
            return str(invoice["id"])

    def refund(self, invoice_id: str, minor: int) -> None:
        """A part of an invoice's payment goes back; the event says how much has in all."""
        with self._lock:
            row = self.books.invoices[invoice_id]
            row["refunded"] += minor
            charge: dict[str, Any] = json.loads(contract.fixture("charge"))
            charge |= {"id": row["charge"], "amount": row["minor"], "amount_refunded": row["refunded"]}
            charge |= {"payment_intent": row["intent"], "refunded": row["refunded"] == row["minor"]}
            self.books.event("charge.refunded", charge, self.now())
            self._changed()

    def lose_dispute(self, invoice_id: str) -> None:
        """The bank takes an invoice's payment back."""
        with self._lock:
            row = self.books.invoices[invoice_id]
            dispute: dict[str, Any] = json.loads(contract.fixture("dispute"))
            dispute |= {"id": self.books.id("dp"), "charge": row["charge"], "payment_intent": row["intent"]}
            dispute |= {"status": "lost", "amount": row["minor"]}
            self.books.event("charge.dispute.closed", dispute, self.now())
            self._changed()

    def fail_refund(self, invoice_id: str) -> None:
        """A refund of an invoice's payment does not go through after all."""
        with self._lock:
            row = self.books.invoices[invoice_id]
            refund: dict[str, Any] = json.loads(contract.fixture("refund"))
            refund |= {"id": self.books.id("re"), "charge": row["charge"], "payment_intent": row["intent"]}
            refund |= {"status": "failed", "amount": row["minor"]}
            self.books.event("refund.failed", refund, self.now())
            self._changed()

    # -- webhooks ----------------------------------------------------------------------------------------------------

    def add_endpoint(
        self, url: str, secret: str, *, connect: bool = False, thin: bool = False, events: tuple[str, ...] = ("*",)
    ) -> None:
        """Have events sent there: of the own account, of connected ones, or thin ones of v2."""
        with self._lock:
            made = json.loads(contract.fixture("webhook_endpoint"))
            made |= {"id": self.books.id("we"), "url": url, "enabled_events": list(events), "api_version": API_VERSION}
            made |= {"application": "ca_standin" if connect else None, "secret": secret, "created": 0}
            made |= {"connect": connect, "thin": thin, "seen": len(self.books.events), "status": "enabled"}
            self.books.endpoints[made["id"]] = made

    def untold(self, secrets: tuple[str, str, str]) -> list[tuple[str, dict[str, Any]]]:
        """What has happened since the last time, each with the secret of its endpoint: own, connected, thin."""
        with self._lock:
            found, self._told = self.books.events[self._told :], len(self.books.events)
        kind = [2 if one["object"] != "event" else 1 if one.get("account") else 0 for one in found]
        return [(secrets[number], event) for number, event in zip(kind, found, strict=True)]

    @staticmethod
    def signed(event: dict[str, Any], secret: str) -> tuple[str, str]:
        """An event's body and the header that signs it."""
        body = json.dumps(event)
        return body, hooks.signed(body, secret, int(time.time()))

    def deliver(
        self, *, times: int = 1, backwards: bool = False, age: timedelta | None = None, only: str | None = None
    ) -> list[int]:
        """Send what has not been sent yet, signed as Stripe does; the status codes that came back."""
        with self._lock:
            waiting = hooks.waiting(self.books, only)
        if backwards:
            waiting.reverse()
        return [hooks.send(url, secret, event, age) for url, secret, event in waiting for _ in range(times)]


def _has_jsonschema() -> bool:
    try:
        import jsonschema  # noqa: F401
    except ImportError:
        return False
    return True


def _unchecked(request: Request, query: str, body: str) -> dict[str, Any]:
    """What was asked, where nothing is there to check it by: numbers are taken for such."""
    asked = contract.decoded(query)
    if (request.content_type or "").startswith("application/json"):
        return asked | (json.loads(body) if body else {})
    asked |= contract.decoded(body)
    for name in ("amount", "limit"):
        if str(asked.get(name, "")).lstrip("-").isdigit():
            asked[name] = int(asked[name])
    return asked
