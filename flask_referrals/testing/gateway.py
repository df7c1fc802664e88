"""A payout gateway in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from ..host import Client
from ..money import Money
from ..services.ports import AccountStatus, Busy, InDoubt, Order, Recall, Refused, SeenTransfer

_NEW = AccountStatus(state="onboarding", needs=("external_account",))


@dataclass(slots=True)
class _Account:
    """An account of the gateway in memory."""

    org: str
    client_id: str
    status: AccountStatus
    balance: dict[str, int] = field(default_factory=dict)


class FakeGateway:
    """A gateway in memory, as strict as Stripe: keys are remembered for a day, transfers need funds and an account.

    `fail` says what goes wrong with the next calls; `transfers_made` and `reached` are its books. `now` is its clock.
    """

    onboards = True
    sends = True

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or (lambda: datetime.now(UTC))
        self._lock = RLock()
        self._accounts: dict[str, _Account] = {}
        self._account_keys: dict[str, str] = {}
        self._keys: dict[str, tuple[Any, str, datetime]] = {}
        self._transfers: dict[str, SeenTransfer] = {}
        self._marks: dict[str, str] = {}
        self._faults: list[str] = []
        #: What the platform can send, by currency, in minor units; without an entry there is enough.
        self.funds: dict[str, int] = {}

    # -- what tests say to it ----------------------------------------------------------------------------------------

    def fail(self, *how: str) -> None:
        """What happens to the next calls of `send` and `recall`, one each: `rate_limit`, `server_error`,
        `timeout_but_done`, `timeout_not_done`, `account_closed`, `low_balance`."""
        self._faults += how

    def onboard(self, account_id: str) -> None:
        """The client has said all that is needed."""
        self._accounts[account_id].status = AccountStatus(state="ready")

    def restrict(self, account_id: str, *needs: str) -> None:
        """Something is missing."""
        self._accounts[account_id].status = AccountStatus(state="restricted", needs=needs or ("external_account",))

    def close(self, account_id: str) -> None:
        """The account is gone."""
        self._accounts[account_id].status = AccountStatus(state="closed")

    def take_balance(self, account_id: str) -> None:
        """What is on the account goes to the bank, so that nothing can be taken back."""
        self._accounts[account_id].balance.clear()

    def forget_keys(self) -> None:
        """As Stripe does after a day."""
        self._keys.clear()

    def reached(self, account_id: str) -> int:
        """What reached that account, less what came back, in minor units."""
        mine = [one for one in self._transfers.values() if one.destination == account_id]
        return sum(one.amount.minor - one.reversed.minor for one in mine)

    def transfers_made(self) -> list[SeenTransfer]:
        """Every transfer, oldest first."""
        return list(self._transfers.values())

    # -- the gateway -------------------------------------------------------------------------------------------------

    def create_account(self, client: Client, key: str) -> str:
        """An account, once for each key."""
        with self._lock:
            if key not in self._account_keys:
                self._account_keys[key] = f"acct_{len(self._accounts) + 1}"
                self._accounts[self._account_keys[key]] = _Account(client.org, client.id, _NEW)
            return self._account_keys[key]

    def account(self, org: str, account_id: str) -> AccountStatus:
        """How it stands."""
        return self._accounts[account_id].status

    def onboarding_url(self, org: str, account_id: str, *, back: str, again: str) -> str:
        """No page is behind it."""
        return f"https://gateway.example/{account_id}?back={back}"

    def dashboard_url(self, org: str, account_id: str) -> str | None:
        """No page is behind it."""
        return f"https://gateway.example/{account_id}"

    def exact(self, amount: Money) -> bool:
        """Any amount is."""
        return True

    def send(self, order: Order) -> str:
        """A transfer, once for each key."""
        asked = (order.destination, order.amount, order.group)
        return self._once(order.key, asked, lambda: self._transfer(order), order.destination)

    def _transfer(self, order: Order) -> str:
        if self._accounts[order.destination].status.state != "ready":
            raise Refused("insufficient_capabilities_for_transfer", "account")
        currency, minor = order.amount.currency, order.amount.minor
        if self.funds.get(currency, minor) < minor:
            raise Refused("balance_insufficient", "funds")
        if currency in self.funds:
            self.funds[currency] -= minor
        found = f"tr_{len(self._transfers) + 1}"
        none = Money.zero(currency)
        self._transfers[found] = SeenTransfer(
            id=found, group=order.group, destination=order.destination, amount=order.amount, reversed=none,
            made_at=self._now(),
        )  # fmt: skip
        balance = self._accounts[order.destination].balance
        balance[currency] = balance.get(currency, 0) + minor
        return found

    def find(self, order: Order) -> str | None:
        """The transfer of that group."""
        return next((one.id for one in self._transfers.values() if one.group == order.group), None)

    def recall(self, recall: Recall) -> str:
        """A reversal, once for each key."""
        return self._once(recall.key, (recall.transfer_id, recall.amount), lambda: self._reverse(recall), "")

    def _reverse(self, recall: Recall) -> str:
        seen = self._transfers[recall.transfer_id]
        if recall.amount.minor > seen.amount.minor - seen.reversed.minor:
            raise Refused("amount_too_large", "other")
        balance = self._accounts[seen.destination].balance
        if balance.get(recall.amount.currency, 0) < recall.amount.minor:
            raise Refused("balance_insufficient", "funds")
        balance[recall.amount.currency] -= recall.amount.minor
        self._transfers[seen.id] = replace(seen, reversed=seen.reversed + recall.amount)
        self._marks[recall.mark] = f"trr_{len(self._marks) + 1}"
        return self._marks[recall.mark]

    def find_recall(self, recall: Recall) -> str | None:
        """The reversal with that mark."""
        return self._marks.get(recall.mark)

    def transfers(self, org: str, installation: str, since: datetime) -> Iterator[SeenTransfer]:
        """Those of this installation's since then."""
        for one in self.transfers_made():
            if one.group.startswith(f"{installation}:") and one.made_at >= since:
                yield one

    def _once(self, key: str, asked: Any, act: Callable[[], str], account_id: str) -> str:
        """Do it, or answer as the first time; what is queued to go wrong does so."""
        with self._lock:
            fault = self._faults.pop(0) if self._faults else ""
            if fault == "rate_limit":
                raise Busy("rate_limit")
            if fault == "timeout_not_done":
                raise InDoubt("timeout")
            if fault == "account_closed" and account_id:
                self.close(account_id)
                raise Refused("account_invalid", "closed")
            known = self._keys.get(key)
            if known is not None and self._now() - known[2] < timedelta(hours=24):
                if known[0] != asked:
                    raise InDoubt("idempotency_error")
                return self._answer(known[1])
            answer = {"server_error": "!in_doubt", "low_balance": "!balance_insufficient"}.get(fault, "")
            if not answer:
                try:
                    answer = act()
                except Refused as error:
                    answer = f"!{error.code}"
            self._keys[key] = (asked, answer, self._now())
            if fault == "timeout_but_done":
                raise InDoubt("timeout")
            return self._answer(answer)

    @staticmethod
    def _answer(answer: str) -> str:
        if answer == "!in_doubt":
            raise InDoubt("server_error")
        if answer == "!balance_insufficient":
            raise Refused("balance_insufficient", "funds")
        if answer.startswith("!"):
            raise Refused(answer[1:], "account" if "capabilities" in answer else "other")
        return answer
