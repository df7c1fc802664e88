"""The host's app at work while a test runs: steps by the host's own functions, and what we know of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest import SkipTest
from uuid import UUID, uuid4

from flask import Flask, g, request_tearing_down
from sqlalchemy import event
from sqlalchemy.orm import Session

from ...adapters.transactions import waits_for_commit
from ...host import Client, Invoice
from ...money import Money
from ...services.portal import News
from . import functions
from .asking import Asked
from .hints import said

__tracebackhide__ = True
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Ends:
    """What ended while a function of the host's ran: commits, and a request that left our work uncommitted."""

    commits: int = 0
    left: bool = False


class Bench(Asked):
    """One app, and all that a test does with it. `commits` counts those of the last step's function itself."""

    commits = 0

    def new_client(self, name: str, code: str | None = None) -> Client:
        """A client registers; each has an address of its own."""
        mark = uuid4().hex[:8]
        email = f"{name.lower()}.{mark}@example.com"
        value = self._made("new_client", lambda: (f"{name} {mark.title()}", email, code), self._read_new_client)
        if value.email is not None and value.email.lower() != email:
            raise AssertionError(
                f"{self.suite}.new_client was to register {email}, and {self.host_name}.client says {value.email}"
            )
        return value

    def new_invoice(self, client: Client) -> Invoice:
        """The client is sent an invoice."""
        return self._made("new_invoice", lambda: (self.client_record(client),), self._read_new_invoice)

    def new_draft(self, client: Client) -> Any | None:
        """Something that is no invoice; its value, which is to be None."""
        return self._made("new_draft", lambda: (self.client_record(client),), self._read_draft)

    def act(self, function: str, invoice: Invoice) -> Invoice:
        """`pay` and the like; the invoice as it then stands."""
        self._made(function, lambda: (self.invoice_record(invoice),), lambda made: None)
        return self.look(invoice, after=function)

    def delete(self, invoice: Invoice) -> None:
        """The invoice is deleted."""
        self._made("delete", lambda: (self.invoice_record(invoice),), lambda made: None)

    def _made(self, function: str, find: Callable[[], tuple[Any, ...]], read: Callable[[Any], Answer]) -> Answer:
        with self.inside():
            arguments = find()
            with self.ends() as ends:
                made = self._call(function, arguments)
            self.commits = ends.commits
            self._commit(function, ends)
            answer = read(made)
        self.complain(function)
        return answer

    def _call(self, function: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return getattr(self.functions, function)(*arguments)
        except SkipTest:
            raise
        except NotImplementedError:
            raise AssertionError(functions.told(self.functions, function)) from None
        except Exception as error:
            raise AssertionError(f"{self.suite}.{function} raised {said(error, self.host)}") from error

    @contextmanager
    def ends(self) -> Iterator[Ends]:
        """Counts commits meanwhile. Each request begins with nobody logged in, as in an app context of its own."""
        found = Ends()

        def committed(session: Session) -> None:
            found.commits += not session.in_nested_transaction()

        def request_ended(app: Flask, **extra: Any) -> None:
            g.pop("_login_user", None)
            found.left |= waits_for_commit(self.state.session())

        event.listen(Session, "after_commit", committed)
        request_tearing_down.connect(request_ended)
        try:
            yield found
        finally:
            event.remove(Session, "after_commit", committed)
            request_tearing_down.disconnect(request_ended)

    def _commit(self, function: str, ends: Ends) -> None:
        """Commit what the function has left to us; work of ours that came after its own commit is left by a mistake."""
        session = self.state.session()
        if waits_for_commit(session) and (ends.commits or ends.left):
            session.rollback()
            when = "tells us after its commit" if ends.commits else "sends a request that ends without a commit"
            raise AssertionError(
                f"{self.suite}.{function} {when}, so that our work is left without one: tell us before the commit, or"
                " set REFERRALS_TRANSACTION = 'after_commit'"
            )
        try:
            session.commit()
        except Exception as error:
            raise AssertionError(f"the commit after {self.suite}.{function} raised {said(error, self.host)}") from error

    def _read_new_client(self, made: Any) -> Client:
        return self.read_client(self._record("new_client", made, "find_client"))

    def _read_new_invoice(self, made: Any) -> Invoice:
        value = self.read_invoice(self._record("new_invoice", made, "find_invoice"))
        if value is None:
            raise AssertionError(
                f"{self.host_name}.invoice gives None for what {self.suite}.new_invoice made: None is for drafts; let"
                " the function make an invoice that is sent"
            )
        return value

    def _read_draft(self, made: Any) -> Any | None:
        if made is None:
            raise AssertionError(f"{self.suite}.new_draft gave None: return the draft's id, or its record")
        record = self.ask("find_invoice", self.org, str(made)) if _is_id(made) else made
        return None if record is None else self.ask("invoice", record)

    def _record(self, function: str, made: Any, method: str) -> Any:
        """The record of what a function made, which it gave back itself or by its id."""
        if made is None:
            raise AssertionError(f"{self.suite}.{function} gave None: return the id of what it made, or its record")
        return self._found(method, self.org, str(made)) if _is_id(made) else made

    # -- what we know ------------------------------------------------------------------------------------------------

    def code(self, client: Client) -> str:
        """The client's code."""
        with self.inside():
            text = self.referrals.code(client).text
            self.state.session().commit()
        return text

    def credit(self, client: Client, currency: str) -> Money:
        """What the client can spend."""
        with self.inside():
            return self.referrals.balance(client, currency).available

    def log(self, client: Client) -> list[News]:
        """What stands on the client's log."""
        with self.inside():
            return self.referrals.activity(client)


def _is_id(made: Any) -> bool:
    return isinstance(made, str | int | UUID)
