"""That clients and invoices are read and found again: values, ids, pages of ids, orgs."""

from __future__ import annotations

from itertools import islice
from unittest import SkipTest

from ...host import Client, Host, Invoice
from .checks import Checks, check

#: Ids that are nobody's, of no kind that an app has.
STRANGE = ("nope", "", "999999999", "../x")


class ReadingChecks(Checks):
    """What `Host.client`, `Host.invoice` and the look-ups answer."""

    @check()
    def test_the_app_is_set_up(self) -> None:
        """`make_app` gives an app with the extension, its tables and an org."""
        assert self.bench.org

    @check(test_the_app_is_set_up)
    def test_clients_are_read(self) -> None:
        """A new client has an id as text, is of this org, and is found by that id."""
        bench = self.bench
        one, other = bench.new_client("Jane"), bench.new_client("Kiera")
        for value in (one, other):
            assert value.org == bench.org, (
                f"{bench.host_name}.client says org {value.org!r}, and the tests make clients of {bench.org!r}:"
                f" set `org` in {bench.suite}"
            )
            with bench.inside():
                again = bench.read_client(bench.client_record(value))
            assert again.id == value.id, (
                f"{bench.host_name}.find_client({bench.org!r}, {value.id!r}) gives the client {again.id!r}"
            )
        assert one.id != other.id, f"{bench.host_name}.client gives two clients the id {one.id!r}"
        assert not one.phone or one.phone != other.phone, (
            f"{bench.suite}.new_client gives every client the phone number {one.phone}, which makes them one person:"
            " leave it out"
        )

    @check(test_clients_are_read)
    def test_invoices_are_read(self) -> None:
        """A new invoice has an id as text, names its client, is found by its id, and waits to be paid."""
        bench = self.bench
        client = bench.new_client("Kiera")
        value = bench.new_invoice(client)
        name = f"{bench.host_name}.invoice"
        assert (value.client_id, value.org) == (client.id, client.org), (
            f"{name} says client {value.client_id!r} of org {value.org!r}, and {bench.host_name}.client says"
            f" {client.id!r} of {client.org!r}"
        )
        again = bench.look(value, after="new_invoice")
        assert again.id == value.id, (
            f"{bench.host_name}.find_invoice({bench.org!r}, {value.id!r}) gives the invoice {again.id!r}"
        )
        assert again == value, f"{name} says {again} when it is asked again, and said {value} before"
        assert not value.void, f"{name}: void is True for a new invoice"
        assert not value.settled, f"{name}: settled is True for an invoice that nobody has paid"
        assert value.subtotal.minor >= 100, (
            f"{name}: subtotal is {value.subtotal}: let {bench.suite}.new_invoice make a larger one"
        )
        assert value.due, f"{name}: due is {value.due} for an invoice that nobody has paid"

    @check(test_invoices_are_read)
    def test_unknown_clients_are_none(self) -> None:
        """`Host.find_client` gives None for an id that is nobody's, also for one of a strange form."""
        self._find_nothing("find_client")

    @check(test_invoices_are_read)
    def test_unknown_invoices_are_none(self) -> None:
        """`Host.find_invoice` gives None for an id that is no invoice's, also for one of a strange form."""
        self._find_nothing("find_invoice")

    def _find_nothing(self, method: str) -> None:
        bench = self.bench
        bench.new_invoice(bench.new_client("Kiera"))  # something that could be found by mistake
        for strange in STRANGE:
            with bench.inside():
                found = bench.ask(method, bench.org, strange)
                assert found is None, (
                    f"{bench.host_name}.{method}({bench.org!r}, {strange!r}) gives {found!r}, not None"
                )

    @check(test_invoices_are_read)
    def test_orgs_are_apart(self) -> None:
        """An id of one org is nobody's in another, unless that has a record of its own by the same id."""
        bench = self.bench
        with bench.inside():
            others = [org for org in bench.host.orgs() if org != bench.org]
        if not others:
            raise SkipTest("the app has one org")
        client = bench.new_client("Kiera")
        invoice = bench.new_invoice(client)
        with bench.inside():
            clients, other = self._walk(others[0]), bench.ask("find_client", others[0], client.id)
            self._is_of("find_client", others[0], None if other is None else bench.read_client(other))
            assert other is not None or client.id not in clients, (
                f"{bench.host_name}.client_ids({others[0]!r}, …) gives a client of org {bench.org!r}"
            )
            found = bench.ask("find_invoice", others[0], invoice.id)
            self._is_of("find_invoice", others[0], None if found is None else bench.read_invoice(found))

    def _is_of(self, method: str, org: str, found: Client | Invoice | None) -> None:
        assert found is None or found.org == org, (
            f"{self.bench.host_name}.{method}({org!r}, {found.id!r}) gives a record of org {found.org!r}:"
            " look for the id and the org together"
        )

    @check(test_invoices_are_read)
    def test_a_client_s_invoices_are_listed(self) -> None:
        """`Host.client_invoices` gives each invoice of the client once, and nobody else's."""
        bench = self.bench
        if type(bench.host).client_invoices is Host.client_invoices:
            raise SkipTest(f"write {bench.host_name}.client_invoices, so that `flask referrals reconcile` can look")
        one, other = bench.new_client("Jane"), bench.new_client("Kiera")
        mine = [bench.new_invoice(one).id for _ in range(2)]
        foreign = bench.new_invoice(other).id
        listed = self._invoice_ids(one)
        name = f"{bench.host_name}.client_invoices"
        assert foreign not in listed, f"{name} gives invoice {foreign!r}, which is another client's"
        for number in mine:
            assert listed.count(number) == 1, f"{name} gives {listed}, and invoice {number!r} is to be there once"

    @check(test_clients_are_read)
    def test_client_ids_are_paged(self) -> None:
        """`Host.client_ids` gives every client once, whatever the size of the page."""
        bench = self.bench
        mine = [bench.new_client(name).id for name in ("Jane", "Kiera", "Liam")]
        name = f"{bench.host_name}.client_ids"
        with bench.inside():
            everybody = self._walk(bench.org)
            for client_id in mine:
                assert client_id in everybody, f"{name} leaves out {client_id!r}, whom {bench.suite}.new_client made"
            first = everybody.index(mine[0])
            before = everybody[first - 1] if first else None
            for start, after in ((0, None), (first, before)):
                few = self._walk(bench.org, after, limit=2, most=20)
                assert few == everybody[start : start + len(few)], (
                    f"{name} gives {few} in pages of two, and {everybody[start : start + len(few)]} in one page:"
                    " order by the id that `after` is compared with"
                )

    def _walk(self, org: str, after: str | None = None, *, limit: int = 1000, most: int = 10**6) -> list[str]:
        bench, found = self.bench, dict[str, None]()
        name = f"{bench.host_name}.client_ids({org!r}, …, {limit})"
        while len(found) < most:
            page = list(islice(bench.ask("client_ids", org, after, limit), limit + 1))
            assert len(page) <= limit, f"{name} gives more than {limit} ids: add .limit(limit) to its query"
            if not page:
                break
            for client_id in page:
                assert isinstance(client_id, str), f"{name} gives {client_id!r}, which is no text: write str(…)"
                assert client_id not in found, (
                    f"{name} gives {client_id!r} again after {after!r}: return only ids that follow `after`"
                )
                found[client_id] = None
            after = page[-1]
        return list(found)

    def _invoice_ids(self, client: Client) -> list[str]:
        bench = self.bench
        with bench.inside():
            values = [bench.read_invoice(record) for record in bench.ask("client_invoices", client)]
        return [value.id for value in values if value is not None]
