"""The Host, asked by a test: what is not as it should be is told with the name of the method."""

from __future__ import annotations

from typing import Any

from ...adapters.sessions import session_of
from ...host import Client, Invoice
from ...money import Money
from .hints import hint, said
from .opening import Opened

__tracebackhide__ = True


class Asked(Opened):
    """Look-ups of records and their values; all but `look` need an app context."""

    def ask(self, method: str, *arguments: Any) -> Any:
        """An answer of the Host's; what it raises is told with its name."""
        try:
            return getattr(self.host, method)(*arguments)
        except Exception as error:
            shown = ", ".join(repr(one) for one in arguments if isinstance(one, str)) or "…"
            problem = hint(method, error)
            raise AssertionError(f"{self.host_name}.{method}({shown}) raised {said(error)}{problem}") from error

    def client_record(self, client: Client) -> Any:
        """The host's record of a client that we have seen."""
        return self._found("find_client", client.org, client.id)

    def invoice_record(self, invoice: Invoice) -> Any:
        """The host's record of an invoice that we have seen."""
        return self._found("find_invoice", invoice.org, invoice.id)

    def _found(self, method: str, org: str, number: str) -> Any:
        record = self.ask(method, org, number)
        if record is None:
            raise AssertionError(f"{self.host_name}.{method}({org!r}, {number!r}) gave None for an id that is there")
        mine = session_of(record)
        if mine is not None and mine is not self.state.session():
            raise AssertionError(
                f"{self.host_name}.{method} gives a record of another session than ours: look it up by"
                " `referrals.session()`, or by the session that you gave to Referrals"
            )
        return record

    def look(self, invoice: Invoice, *, after: str) -> Invoice:
        """The invoice as it stands now, looked up anew."""
        with self.inside():
            found = self.read_invoice(self.invoice_record(invoice))
        if found is None:
            raise AssertionError(f"{self.host_name}.invoice gives None after {self.suite}.{after}: it is an invoice")
        return found

    def read_client(self, record: Any) -> Client:
        """The value of a client record."""
        value = self.ask("client", record)
        if not isinstance(value, Client):
            raise AssertionError(f"{self.host_name}.client gave {value!r}: return a flask_referrals.Client")
        return value

    def read_invoice(self, record: Any) -> Invoice | None:
        """The value of an invoice record."""
        value = self.ask("invoice", record)
        if value is not None and not isinstance(value, Invoice):
            raise AssertionError(f"{self.host_name}.invoice gave {value!r}: return a flask_referrals.Invoice, or None")
        for name in ("subtotal", "total", "due", "paid", "credit") if value is not None else ():
            amount = getattr(value, name)
            if not isinstance(amount, Money) and not (name == "credit" and amount is None):
                raise AssertionError(f"{self.host_name}.invoice: {name} is {amount!r}, and not Money")
        return value
