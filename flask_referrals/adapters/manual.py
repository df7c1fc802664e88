"""Cash without any payment service: staff pay by a bank run of their own and mark what they have paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..host import Client
from ..money import Money
from ..services.ports import AccountStatus, Order, Recall, Refused, SeenTransfer


class ManualGateway:
    """`Referrals(gateway=ManualGateway())`: payouts wait on staff's list until they are marked as paid.

    Clients link nothing, so that no bank data is ever here; what was undone after it was paid stands as owed (P6).
    """

    onboards = False
    sends = False

    def create_account(self, client: Client, key: str) -> str:
        """There are none."""
        raise Refused("no_accounts", "other", "with payouts by hand, clients link no account")

    def account(self, org: str, account_id: str) -> AccountStatus:
        """There are none."""
        return AccountStatus(state="closed")

    def onboarding_url(self, org: str, account_id: str, *, back: str, again: str) -> str:
        """There is no such page."""
        raise Refused("no_accounts", "other", "with payouts by hand, clients link no account")

    def dashboard_url(self, org: str, account_id: str) -> str | None:
        """There is no such page."""
        return None

    def exact(self, amount: Money) -> bool:
        """Any amount is."""
        return True

    def send(self, order: Order) -> str:
        """Nothing is sent."""
        raise Refused("by_hand", "other", "staff pay by hand")

    def find(self, order: Order) -> str | None:
        """Nothing is sent."""
        return None

    def recall(self, recall: Recall) -> str:
        """Nothing can be taken back."""
        raise Refused("by_hand", "other", "staff pay by hand")

    def find_recall(self, recall: Recall) -> str | None:
        """Nothing can be taken back."""
        return None

    def transfers(self, org: str, installation: str, since: datetime) -> Iterator[SeenTransfer]:
        """Nothing is sent."""
        return iter(())
