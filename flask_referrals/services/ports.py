"""What the outside does for us, as protocols: the host may bring its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from ..host import Client
from ..money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One email to one person: plain text, the same as HTML, and headers besides (`Message-ID`, `List-Unsubscribe`).

    The `Message-ID` of one mail stays the same however often it is tried, so that a second copy can be told.
    """

    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Mailer(Protocol):
    """Sends emails; `flask_referrals.adapters.mail.MailmanMailer` does it by Flask-Mailman."""

    def send(self, mail: Mail) -> None:
        """Hand it over, or raise: then it is tried again, with growing pauses."""


# -- cash ------------------------------------------------------------------------------------------------------------

AccountState = Literal["onboarding", "ready", "restricted", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """How a client's account with the gateway stands. `needs` is what it still wants, in the gateway's own words."""

    state: AccountState
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One payout to be sent. `key` makes it unrepeatable, `group` finds it again (P2, P3)."""

    org: str
    payout_id: int
    key: str
    group: str
    destination: str
    amount: Money
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """A part of a payout that is to come back; `mark` finds it among the transfer's reversals."""

    org: str
    key: str
    mark: str
    transfer_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTransfer:
    """A transfer as the gateway has it, of those that carry our group; `reversed` is what of it came back."""

    id: str
    group: str
    destination: str
    amount: Money
    reversed: Money
    made_at: datetime


class GatewayError(Exception):
    """The gateway did not do as asked. `code` is its own word for why, `message` a sentence without secrets."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code


class Refused(GatewayError):
    """Certainly not done. `kind`: no `funds` there yet; the `account` takes none; `amount` or anything `other`."""

    def __init__(self, code: str, kind: Literal["funds", "account", "closed", "other"], message: str = "") -> None:
        super().__init__(code, message)
        self.kind = kind


class Busy(GatewayError):
    """Certainly not done and not remembered either: ask again later, by the same key."""


class InDoubt(GatewayError):
    """Nobody can say whether it was done (a timeout, a lost answer): look it up before anything else (P3)."""


class Gateway(Protocol):
    """Pays cash. Every method may raise `GatewayError`; none is called inside a transaction of the database.

    `flask_referrals.adapters.stripe.StripeGateway` does it by Stripe Connect, `adapters.manual.ManualGateway` by a bank
    run of staff's, and `flask_referrals.testing.FakeGateway` in memory.
    """

    #: Whether clients link an account of their own; where not, payouts are made at once, and staff do the rest.
    onboards: bool
    #: Whether it sends by itself; where not, staff mark payouts as paid.
    sends: bool

    def create_account(self, client: Client, key: str) -> str:
        """Make the client's account, once for each `key`; its id."""

    def account(self, org: str, account_id: str) -> AccountStatus:
        """How the account stands now."""

    def onboarding_url(self, org: str, account_id: str, *, back: str, again: str) -> str:
        """A page of the gateway's, for once, where the client says what is needed; it leads `back`, or `again` here."""

    def dashboard_url(self, org: str, account_id: str) -> str | None:
        """The client's own page with the gateway; None where it has none."""

    def exact(self, amount: Money) -> bool:
        """Whether the gateway moves exactly this amount, rounding nothing."""

    def send(self, order: Order) -> str:
        """Send it, once for each key; the transfer's id."""

    def find(self, order: Order) -> str | None:
        """The id of a transfer with the order's group; None if there is none."""

    def recall(self, recall: Recall) -> str:
        """Take that much back, once for each key; the reversal's id."""

    def find_recall(self, recall: Recall) -> str | None:
        """The id of a reversal with the mark; None if there is none."""

    def transfers(self, org: str, installation: str, since: datetime) -> Iterator[SeenTransfer]:
        """Every transfer of this installation's since then, for `reconcile`."""
