"""The contract with the host app: the values it answers with, and what we ask it (docs/architecture.md §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from flask import current_app, has_app_context, has_request_context, request
from sqlalchemy.orm import Session

from .errors import ConfigurationError
from .money import Money

#: The org of a host with one business, which needs no word about orgs.
DEFAULT_ORG = "default"
#: Ids are kept as text of at most that many characters.
MAX_ID = 100
#: Where a request keeps the org that its address names.
ADDRESSED = "flask_referrals.org"
#: Where it keeps the client's secret that its address has in place of a login.
TOKEN = "flask_referrals.token"


def _check_ids(**ids: str) -> None:
    for name, value in ids.items():
        if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
            raise ConfigurationError(
                f"{name} is text of 1 to {MAX_ID} characters, not {value!r}; write str(...) in your Host",
                **{name: value},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A customer of an org as the host knows it. `id` is the host's own, as text.

    `address` (postal), `device` and `payment` (fingerprints) are compared with a referrer's, where the host has them,
    and flag a referral for a closer look (L2); they are not kept. `locale`, such as `de_DE`, is the language of the
    emails to this client; None for that of the settings.
    """

    id: str
    name: str
    email: str | None = None
    phone: str | None = None
    org: str = DEFAULT_ORG
    address: str | None = None
    device: str | None = None
    payment: str | None = None
    locale: str | None = None

    def __post_init__(self) -> None:
        _check_ids(id=self.id, org=self.org)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice as it stands now; every amount is in the invoice's one currency.

    `subtotal` is before tax and before our discount; `total` is what the client is asked for, tax included, after the
    discount; `due` is what is left to pay after money and credit. `paid` is the money that stays: received less given
    back. `credit` is the account credit that the invoice counts as paid with (None: what we hold on it); what it does
    not count once it is paid, since staff took it off by hand, goes back to the client.
    `settled` says that nothing was left to pay, and that this was not undone since: a full refund, a lost dispute or
    a deleted payment makes it False again, a partial refund does not. `void` says that the invoice is cancelled.
    """

    id: str
    client_id: str
    subtotal: Money
    total: Money
    due: Money
    paid: Money
    credit: Money | None = None
    settled: bool = False
    void: bool = False
    number: str = ""
    org: str = DEFAULT_ORG

    def __post_init__(self) -> None:
        _check_ids(id=self.id, client_id=self.client_id, org=self.org)
        for money in (self.total, self.due, self.paid):
            self.subtotal.same(money)

    @property
    def currency(self) -> str:
        """The invoice's ISO 4217 currency."""
        return self.subtotal.currency


@dataclass(frozen=True, slots=True)
class Member:
    """A person's record as the client of one org, where the same person is a client of several."""

    record: Any
    org: str


class Host:
    """What we ask the host app. Subclass it and answer; a method that is not overridden has the default it documents.

    `client` and `invoice` turn the host's own objects, the ones that it fires signals with, into values. All others
    are look-ups, effects and addresses. A method may query through the host's session: it runs in its transaction.
    """

    #: The SQLAlchemy session that we work in at this moment, for look-ups; `Referrals` sets it.
    session: Callable[[], Session]

    # -- values and look-ups -----------------------------------------------------------------------------------------

    def client(self, record: Any) -> Client:
        """The value of a client record of the host's."""
        raise NotImplementedError("Host.client: return a flask_referrals.Client made from your client record")

    def invoice(self, record: Any) -> Invoice | None:
        """The value of an invoice record of the host's; None for a row that is no invoice (a draft, an estimate)."""
        raise NotImplementedError("Host.invoice: return a flask_referrals.Invoice made from your invoice record")

    def find_client(self, org: str, client_id: str) -> Any | None:
        """The host's client record with that id in that org, or None."""
        raise NotImplementedError("Host.find_client: return your client record with this id, or None")

    def find_invoice(self, org: str, invoice_id: str) -> Any | None:
        """The host's invoice record with that id in that org, or None."""
        raise NotImplementedError("Host.find_invoice: return your invoice record with this id, or None")

    def find_stripe_invoice(self, stripe_invoice_id: str) -> Any | None:
        """The host's record of an invoice that Stripe billed; None, as by default, where the host bills by itself.

        With it, Stripe's `invoice.paid`, `charge.refunded`, `refund.failed` and a lost dispute stand in for the host's
        signals; `invoice` then says how the record stands.
        """
        return None

    def has_paid_invoice(self, client: Client) -> bool:
        """Whether the client has ever paid an invoice of its org: then it is no new client (A3 `existing_client`).

        By default told from `client_invoices`; a query that stops at the first one is faster.
        """
        values = (self.invoice(record) for record in self.client_invoices(client))
        return any(value is not None and value.settled for value in values)

    def client_invoices(self, client: Client) -> Iterable[Any]:
        """The client's invoice records, oldest first, for `flask referrals reconcile` to find what we missed."""
        raise ConfigurationError("Host.client_invoices: return the invoice records of this client, oldest first")

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        """The next ids of the org's clients after `after`, in an order of the host's own, for `codes backfill`."""
        raise NotImplementedError("Host.client_ids: return up to `limit` client ids that follow `after`")

    def orgs(self) -> Sequence[str]:
        """All orgs; one by default."""
        return (DEFAULT_ORG,)

    # -- effects -----------------------------------------------------------------------------------------------------

    def apply_discount(self, record: Any, discount: Money) -> Money | None:
        """Put the discount, before tax, on the host's invoice record, in place of what was there; zero takes it off.

        How it shows (a negative line, a column, a percentage, a spread over lines by `spread`) is the host's choice.
        A host that cannot give it to the last minor unit, such as by `percent_for`, returns what it gave, which is
        never more; None means all of it. Only called for an invoice that is not settled. By default nothing happens:
        the host pulls `Referrals.quote`.
        """
        return None

    def apply_credit(self, record: Any, credit: Money) -> None:
        """Count that much account credit as paid on the host's invoice record, in place of what was there."""
        raise NotImplementedError("Host.apply_credit: lower what is due on your invoice by this credit")

    def service_line(self, record: Any, service: str) -> Money | None:
        """What the invoice's line of that service costs before tax, less our discount and vouchers; None without one.

        Only asked where free services are promised (R7); by default no invoice has any such line.
        """
        return None

    def apply_voucher(self, record: Any, service: str, amount: Money) -> None:
        """Take that much off the invoice's line of the service, before tax, in place of what was there."""
        raise ConfigurationError("Host.apply_voucher: take the free service off its line of your invoice")

    # -- who is there, and how the org speaks ------------------------------------------------------------------------

    def current_client(self) -> Client | None:
        """Who is on the portal; by default Flask-Login's current user, given to `client`. None sends to the login.

        Where the address of the portal has a `<token>`, by default the client whose secret that is, and nobody else.
        """
        token = token_of_address()
        found = logged_in_user() if token is None else self.find_by_token(token)
        return None if found is None else self.client(found)

    def token_of(self, client: Client) -> str | None:
        """The client's secret that `<token>` in REFERRALS_PORTAL_PREFIX stands for, where there is no login."""
        return None

    def find_by_token(self, token: str) -> Any | None:
        """The host's client record with that secret, or None."""
        return None

    def is_staff(self) -> bool:
        """Whether the person of this request may see the admin pages; nobody by default."""
        return False

    def current_org(self) -> str:
        """The org that a visitor or a staff member of this request deals with.

        By default that of the address, where the setting of its prefix has `<org>`; else the default one.
        """
        return org_of_address() or DEFAULT_ORG

    def actor(self) -> str:
        """Who acts in this request, for the log: a name or id of a staff member."""
        return "staff"

    def org_name(self, org: str) -> str:
        """What the business calls itself towards its clients."""
        return "us"

    def timezone(self, org: str) -> tzinfo:
        """The org's time zone, in which the dates of its settings are meant (T4)."""
        return UTC

    def locale(self) -> str:
        """The language and country of the person of this request, for amounts and dates; such as `en_US`."""
        return "en_US"

    def may_set_cookie(self) -> bool:
        """Whether the visitor of this request has agreed to a cookie where that is needed (C5)."""
        return True

    # -- our pages in its own ----------------------------------------------------------------------------------------

    def csrf_field(self) -> tuple[str, str] | str | None:
        """Name and value of the hidden field that a CSRF scheme of the host's own wants, which then checks every POST.

        Or that field as the host's templates have it, `<input type="hidden" …>`. None, as by default, where Flask-WTF's
        CSRFProtect does it, or nobody.
        """
        return None

    def page_context(self, *, staff: bool) -> Mapping[str, Any]:
        """What the base template of our pages needs beside the app's own context processors; nothing by default.

        Such as what a blueprint's context processor or each of the host's views gives. `staff` tells the staff's pages.
        """
        return {}

    # -- addresses ---------------------------------------------------------------------------------------------------

    def registration_url(self, org: str) -> str | None:
        """Where a visitor who came by a referral link registers; by default the app's first page.

        None where clients cannot register by themselves: then the link shows its code, to be told to the business.
        """
        return _in_this_app("/")

    def login_url(self, org: str) -> str:
        """Where a client who is not logged in is sent; by default Flask-Login's `login_view`, else `/login`."""
        view = getattr(_login_manager(), "login_view", None)
        if view is None:
            return _in_this_app("/login")
        from flask_login.utils import expand_login_view

        return str(expand_login_view(view))

    def staff_login_url(self) -> str:
        """Where staff who are not logged in are sent."""
        return self.login_url(DEFAULT_ORG)

    def client_url(self, org: str, client_id: str) -> str | None:
        """The host's own staff page of a client, to link to; None for no link."""
        return None

    def invoice_url(self, org: str, invoice_id: str) -> str | None:
        """The host's own staff page of an invoice, to link to; None for no link."""
        return None

    def contact(self, client_ids: Sequence[str], org: str) -> Mapping[str, Client]:
        """Many clients at once, by id, for lists; by default one look-up each."""
        records = {client_id: self.find_client(org, client_id) for client_id in client_ids}
        return {client_id: self.client(record) for client_id, record in records.items() if record is not None}


def org_of_address() -> str | None:
    """The org that the address of this page of ours names, if it does."""
    found: str | None = request.environ.get(ADDRESSED) if has_request_context() else None
    return found


def token_of_address() -> str | None:
    """The client's secret that the address of this page of ours has in place of a login, if it does."""
    found: str | None = request.environ.get(TOKEN) if has_request_context() else None
    return found


def _login_manager() -> Any | None:
    """Flask-Login's manager in the current app, if there is one."""
    return getattr(current_app, "login_manager", None) if has_app_context() else None


def logged_in_user() -> Any | None:
    """Flask-Login's current user as the record that it is; None for nobody, and in an app without Flask-Login."""
    if _login_manager() is None:
        return None
    from flask_login import current_user

    return current_user._get_current_object() if current_user and current_user.is_authenticated else None


def _in_this_app(path: str) -> str:
    """The path below where this app is mounted."""
    return f"{request.script_root}{path}" if has_request_context() else path
