"""`ModelHost`: a Host whose look-ups are told by two mapped classes, so that few methods are left to write (§3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import inspect, select

from ..errors import ConfigurationError
from ..host import DEFAULT_ORG, Client, Host, Invoice
from ..money import Money

_LARGEST = 2**63


class ModelHost(Host):
    """A Host that finds your records by itself. Left to write: `invoice`, and what has an effect.

    `client_model` and `invoice_model` are your mapped classes, each with a primary key of one column (a number, a UUID
    or text). `invoice_client` is the attribute of an invoice that holds its client's id. Where several businesses are
    in one database, `client_org` and `invoice_org` are the attributes that say whose a record is. `currency` is that of
    all invoices; override `money` where amounts are minor units or floats, or an invoice has its own currency.
    """

    client_model: ClassVar[type[Any]]
    invoice_model: ClassVar[type[Any]]
    invoice_client: ClassVar[str] = "client_id"
    client_org: ClassVar[str | None] = None
    invoice_org: ClassVar[str | None] = None
    currency: ClassVar[str] = "USD"

    def __init__(self) -> None:
        for name in ("client_model", "invoice_model"):
            model = getattr(self, name, None)
            if model is None or inspect(model, raiseerr=False) is None:
                raise ConfigurationError(f"set {name} to your mapped class in {type(self).__name__}, not to {model!r}")
        if not hasattr(self.invoice_model, self.invoice_client):
            text = f"{self.invoice_model.__name__} has no {self.invoice_client!r}: set invoice_client in "
            raise ConfigurationError(text + f"{type(self).__name__} to the attribute that holds the client's id")

    def client(self, record: Any) -> Client:
        """From `name`, `email` and `phone` of the record, where it has them; override it for other names."""
        return Client(
            id=str(_identity(record)),
            name=record.name,
            email=getattr(record, "email", None),
            phone=getattr(record, "phone", None),
            org=DEFAULT_ORG if self.client_org is None else str(getattr(record, self.client_org)),
        )

    def money(self, amount: Any, record: Any) -> Money:
        """An amount of an invoice record: by default an exact decimal in `currency`, or a money object as it is."""
        if isinstance(amount, Money):
            return amount
        return Money.from_money(amount) if hasattr(amount, "currency") else Money.of(amount, self.currency)

    def value(
        self,
        record: Any,
        *,
        subtotal: Any,
        total: Any,
        paid: Any,
        due: Any = None,
        credit: Any = None,
        settled: bool = False,
        void: bool = False,
    ) -> Invoice:
        """An `Invoice` from amounts as the record has them; without `due` it is what is left, nothing once settled."""
        whole, kept = self.money(total, record), self.money(paid, record)
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
            org=DEFAULT_ORG if org is None else str(getattr(record, org)),
        )

    def find_client(self, org: str, client_id: str) -> Any | None:
        record = self._get(self.client_model, client_id)
        return record if record is not None and self.client(record).org == org else None

    def find_invoice(self, org: str, invoice_id: str) -> Any | None:
        record = self._get(self.invoice_model, invoice_id)
        value = None if record is None else self.invoice(record)
        return record if value is not None and value.org == org else None

    def client_invoices(self, client: Client) -> Sequence[Any]:
        key = _key(self.client_model, client.id)
        mine = getattr(self.invoice_model, self.invoice_client) == key
        found = self.session().scalars(select(self.invoice_model).where(mine).order_by(_column(self.invoice_model)))
        return [] if key is None else list(found)

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        column = _column(self.client_model)
        query = select(column).order_by(column).limit(limit)
        if self.client_org is not None:
            query = query.where(self._org_column() == self._org_key(org))
        if after is not None:
            query = query.where(column > _key(self.client_model, after))
        return [str(found) for found in self.session().scalars(query)]

    def orgs(self) -> Sequence[str]:
        if self.client_org is None:
            return (DEFAULT_ORG,)
        return [str(org) for org in self.session().scalars(select(self._org_column()).distinct()) if org is not None]

    def contact(self, client_ids: Sequence[str], org: str) -> Mapping[str, Client]:
        keys = [key for key in (_key(self.client_model, one) for one in client_ids) if key is not None]
        found = self.session().scalars(select(self.client_model).where(_column(self.client_model).in_(keys)))
        values = [self.client(record) for record in found]
        return {value.id: value for value in values if value.org == org}

    def _get(self, model: type[Any], text: str) -> Any | None:
        key = _key(model, text)
        return None if key is None else self.session().get(model, key)

    def _org_column(self) -> Any:
        return getattr(self.client_model, self.client_org or "")

    def _org_key(self, org: str) -> Any:
        return _typed(self._org_column().type, org)


def _column(model: type[Any]) -> Any:
    columns = inspect(model).primary_key
    if len(columns) != 1:
        raise ConfigurationError(f"{model.__name__} has a primary key of {len(columns)} columns: write find_… yourself")
    return columns[0]


def _identity(record: Any) -> Any:
    return getattr(record, inspect(type(record)).get_property_by_column(_column(type(record))).key)


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
