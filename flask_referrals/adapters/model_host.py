"""`ModelHost`: a Host whose look-ups are told by two mapped classes, so that few methods are left to write (§3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, ClassVar
from uuid import UUID

from flask import has_request_context, session
from sqlalchemy import false, inspect, select

from ..domain.received import received
from ..errors import ConfigurationError
from ..host import DEFAULT_ORG, Client, Invoice, Member, logged_in_user, org_of_address
from ..money import Money
from .named_host import NamedHost

_LARGEST = 2**63


class ModelHost(NamedHost):
    """A Host that finds your records by itself. Left to write: `invoice`, and what has an effect.

    `client_model` and `invoice_model` are your mapped classes, each with a primary key of one column (a number, a UUID
    or text). `invoice_client` is the attribute of an invoice that holds its client's id. `currency` is that of all
    invoices, or `invoice_currency` the attribute that holds an invoice's own. Amounts are decimals, with `minor_units`
    cents, with `floats` floats. `invoice_discount` and `invoice_credit` are the attributes that we set, if that is all
    it takes.

    Your people and pages are told by names as well: see `NamedHost`.

    Where several businesses are in one database, `org_model` is their class, `org_key` the attribute of it that is the
    org, and `org_title` the one with its name. `client_org` and `invoice_org` are the attributes that say whose a
    record is, where "shop.slug" goes by a relationship. With `org_model` and no `client_org`, everybody is a client of
    every org: then a client's record is a `Member`, and an org's clients are those whom it has sent an invoice. Where a
    business logs in as such, `org_session` is the key of Flask's session that holds its org: it is staff of that one.

    `client_token` is the attribute with a client's secret, where its pages are at an address with that in place of a
    login: `<token>` in REFERRALS_PORTAL_PREFIX.
    """

    client_model: ClassVar[type[Any]]
    invoice_model: ClassVar[type[Any]]
    org_model: ClassVar[type[Any] | None] = None
    org_key: ClassVar[str] = "id"
    org_title: ClassVar[str] = "name"
    org_session: ClassVar[str | None] = None
    client_name: ClassVar[str] = "name"
    client_email: ClassVar[str] = "email"
    client_org: ClassVar[str | None] = None
    client_token: ClassVar[str | None] = None
    invoice_client: ClassVar[str] = "client_id"
    invoice_org: ClassVar[str | None] = None
    invoice_currency: ClassVar[str | None] = None
    invoice_discount: ClassVar[str | None] = None
    invoice_credit: ClassVar[str | None] = None
    currency: ClassVar[str] = "USD"
    minor_units: ClassVar[bool] = False
    floats: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        for name in ("client_model", "invoice_model"):
            model = getattr(self, name, None)
            if model is None or inspect(model, raiseerr=False) is None:
                raise ConfigurationError(f"set {name} to your mapped class in {type(self).__name__}, not to {model!r}")
        if not hasattr(self.invoice_model, self.invoice_client):
            text = f"{self.invoice_model.__name__} has no {self.invoice_client!r}: set invoice_client in "
            raise ConfigurationError(text + f"{type(self).__name__} to the attribute that holds the client's id")
        if self._shared and self.invoice_org is None:
            raise ConfigurationError(f"set invoice_org in {type(self).__name__}: no client says whose an invoice is")

    @property
    def _shared(self) -> bool:
        """Whether everybody is a client of every org."""
        return self.org_model is not None and self.client_org is None

    def client(self, record: Any) -> Client:
        """From `client_name`, `client_email` and `phone` of the record, where it has them; override it for the rest."""
        if isinstance(record, Member):
            record, org = record.record, record.org
        else:
            org = DEFAULT_ORG if self.client_org is None else _told(record, self.client_org)
        return Client(
            id=str(_identity(record)),
            name=getattr(record, self.client_name),
            email=getattr(record, self.client_email, None),
            phone=getattr(record, "phone", None),
            org=org,
        )

    def money(self, amount: Any, record: Any) -> Money:
        """An amount of an invoice record: a decimal, cents (`minor_units`), a float (`floats`), or a money object."""
        if isinstance(amount, Money):
            return amount
        if hasattr(amount, "currency"):
            return Money.from_money(amount)
        currency = self.currency if self.invoice_currency is None else _told(record, self.invoice_currency)
        if self.floats:
            return Money.from_float(amount, currency)
        return Money.from_minor(amount, currency) if self.minor_units else Money.of(amount, currency)

    def value(
        self,
        record: Any,
        *,
        subtotal: Any,
        total: Any,
        paid: Any = None,
        payments: Iterable[tuple[Any, bool]] | None = None,
        due: Any = None,
        credit: Any = None,
        settled: bool = False,
        void: bool = False,
    ) -> Invoice:
        """An `Invoice` from amounts as the record has them; without `due` it is what is left, nothing once settled.

        `payments`, in place of `paid`, `credit` and `settled`, for an app that keeps each: the amounts as they came,
        oldest first, refunds below zero, each with whether it is our credit. It is settled from when they cover the
        total until nothing of them stays.
        """
        whole = self.money(total, record)
        if payments is not None:
            told = received(whole, [(self.money(amount, record), ours) for amount, ours in payments])
            paid, credit, settled = told.paid, told.credit, told.settled and not void
        kept = self.money(paid, record)
        if credit is None and self.invoice_credit is not None:
            credit = getattr(record, self.invoice_credit) or 0
        used = None if credit is None else self.money(credit, record)
        nothing = Money.zero(whole.currency)
        left = nothing if settled else max(whole - kept - (used or nothing), nothing, key=lambda money: money.minor)
        org = self.invoice_org or self.client_org
        return Invoice(
            id=str(_identity(record)),
            client_id=str(getattr(record, self.invoice_client)),
            number=str(getattr(record, "number", None) or ""),
            subtotal=self.money(subtotal, record),
            total=whole,
            due=left if due is None else self.money(due, record),
            paid=kept,
            credit=used,
            settled=settled,
            void=void,
            org=DEFAULT_ORG if org is None else _told(record, org),
        )

    def apply_discount(self, record: Any, discount: Money) -> Money | None:
        """Sets `invoice_discount`; without it nothing happens."""
        if self.invoice_discount is not None:
            setattr(record, self.invoice_discount, self._plain(discount))
        return None

    def apply_credit(self, record: Any, credit: Money) -> None:
        """Sets `invoice_credit`."""
        if self.invoice_credit is None:
            super().apply_credit(record, credit)
        else:
            setattr(record, self.invoice_credit, self._plain(credit))

    def _plain(self, money: Money) -> Any:
        return money.minor if self.minor_units else float(money.amount) if self.floats else money.amount

    def find_org(self, org: str | None) -> Any | None:
        """Your record of that org, by `org_model` and `org_key`, or None."""
        if self.org_model is None or not org:
            return None
        return self.session().scalar(select(self.org_model).where(_is(self.org_model, self.org_key, org)))

    def org_name(self, org: str) -> str:
        """What the org's record has as `org_title`, if there is one."""
        return str(getattr(self.find_org(org), self.org_title, None) or super().org_name(org))

    def is_staff(self) -> bool:
        """Who is logged in as an org that there is, by `org_session`; without one, by `staff_model`."""
        if self.org_session is None:
            return super().is_staff()
        return self.find_org(_in_session(self.org_session)) is not None

    def current_org(self) -> str:
        """The org of the address, else the one that is logged in by `org_session`."""
        return org_of_address() or (self.org_session and _in_session(self.org_session)) or super().current_org()

    def token_of(self, client: Client) -> str | None:
        record = None if self.client_token is None else self.find_client(client.org, client.id)
        return None if record is None else getattr(record, self.client_token or "")

    def find_by_token(self, token: str) -> Any | None:
        if self.client_token is None or not token:
            return None
        return self.session().scalar(select(self.client_model).where(_is(self.client_model, self.client_token, token)))

    def current_client(self) -> Client | None:
        if not self._shared:
            return super().current_client()
        user, org = logged_in_user(), self.current_org()
        return None if user is None or self.find_org(org) is None else self.client(Member(user, org))

    def find_client(self, org: str, client_id: str) -> Any | None:
        record = self._get(self.client_model, client_id)
        if record is not None and self._shared:
            return None if self.find_org(org) is None else Member(record, org)
        return record if record is not None and self.client(record).org == org else None

    def find_invoice(self, org: str, invoice_id: str) -> Any | None:
        record = self._get(self.invoice_model, invoice_id)
        value = None if record is None else self.invoice(record)
        return record if value is not None and value.org == org else None

    def client_invoices(self, client: Client) -> Sequence[Any]:
        key = _key(self.client_model, client.id)
        mine = getattr(self.invoice_model, self.invoice_client) == key
        if self._shared:
            mine &= _is(self.invoice_model, self.invoice_org or "", client.org)
        found = self.session().scalars(select(self.invoice_model).where(mine).order_by(_column(self.invoice_model)))
        return [] if key is None else list(found)

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        column = getattr(self.invoice_model, self.invoice_client) if self._shared else _column(self.client_model)
        query = select(column).distinct().order_by(column).limit(limit)
        if self._shared:
            query = query.where(column.is_not(None), _is(self.invoice_model, self.invoice_org or "", org))
        elif self.client_org is not None:
            query = query.where(_is(self.client_model, self.client_org, org))
        if after is not None:
            query = query.where(column > _key(self.client_model, after))
        return [str(found) for found in self.session().scalars(query)]

    def orgs(self) -> Sequence[str]:
        if self.org_model is not None:
            column = getattr(self.org_model, self.org_key)
        elif self.client_org is not None:
            column = getattr(self.client_model, self.client_org)
        else:
            return (DEFAULT_ORG,)
        return [str(org) for org in self.session().scalars(select(column).distinct()) if org is not None]

    def contact(self, client_ids: Sequence[str], org: str) -> Mapping[str, Client]:
        keys = [key for key in (_key(self.client_model, one) for one in client_ids) if key is not None]
        found = self.session().scalars(select(self.client_model).where(_column(self.client_model).in_(keys)))
        values = [self.client(Member(record, org) if self._shared else record) for record in found]
        return {value.id: value for value in values if value.org == org}

    def _get(self, model: type[Any], text: str) -> Any | None:
        key = _key(model, text)
        return None if key is None else self.session().get(model, key)


def _in_session(key: str) -> str | None:
    """What Flask's session has by this key, as text."""
    found = session.get(key) if has_request_context() else None
    return None if found is None else str(found)


def _column(model: type[Any]) -> Any:
    columns = inspect(model).primary_key
    if len(columns) != 1:
        raise ConfigurationError(f"{model.__name__} has a primary key of {len(columns)} columns: write find_… yourself")
    return columns[0]


def _identity(record: Any) -> Any:
    return getattr(record, inspect(type(record)).get_property_by_column(_column(type(record))).key)


def _told(record: Any, path: str) -> str:
    """The attribute as text, by relationships where the path has dots."""
    return str(attrgetter(path)(record))


def _is(model: type[Any], path: str, text: str) -> Any:
    """The same as a condition; never true for a text that the attribute's type has no value for."""
    name, _, rest = path.partition(".")
    attribute = getattr(model, name)
    if rest:
        return attribute.has(_is(attribute.property.mapper.class_, rest, text))
    key = _typed(attribute.type, text)
    return false() if key is None else attribute == key


def _key(model: type[Any], text: str) -> Any | None:
    return _typed(_column(model).type, text)


def _typed(column_type: Any, text: str) -> Any | None:
    """The key in the column's own type; None for a text that cannot be one."""
    try:
        kind = column_type.python_type
    except NotImplementedError:
        kind = str
    if kind is int:
        return int(text) if text.isascii() and text.isdecimal() and int(text) < _LARGEST else None
    if kind is UUID:
        try:
            return UUID(text)
        except ValueError:
            return None
    return None if "\x00" in text else text
