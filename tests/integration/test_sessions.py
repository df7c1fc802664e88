"""Any session, any id: hosts without Flask-SQLAlchemy, whose records `ModelHost` finds (architecture §3.1, §3.14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import ForeignKey, Integer, String, Uuid, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool

from flask_referrals import Client, ConfigurationError, Invoice, ModelHost, Referrals, Terms
from flask_referrals.testing import FrozenClock

TERMS = Terms.from_document(
    {"currency": "EUR", "discount": {"percent": "15"}, "referrer_reward": {"kinds": ["credit"], "amount": "50.00"}}
)
#: A key's column, how a key is made, and what can be none.
KEYS: dict[str, tuple[Any, Callable[[int], Any], tuple[str, ...]]] = {
    "number": (Integer, lambda n: n, ("nope", "", "²", "-1", "9" * 40, "../x", "1 ")),
    "uuid": (Uuid, lambda n: uuid4(), ("nope", "", "0" * 31, "\x00")),
    "text": (String(40), lambda n: f"C/{n} é", ("nope", "", "\x00")),
}
SOURCES = ("scoped_session", "sessionmaker", "class", "callable")


@pytest.fixture(params=KEYS)
def key(request: pytest.FixtureRequest) -> str:
    """A kind of key."""
    found: str = request.param
    return found


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> str:
    """What the host has in place of Flask-SQLAlchemy."""
    found: str = request.param
    return found


def models(column: Any) -> Any:
    """Classes of a host's, with keys of that type."""

    class Base(DeclarativeBase):
        pass

    class Person(Base):
        __tablename__ = "person"
        id: Mapped[Any] = mapped_column(column, primary_key=True)
        owner: Mapped[int] = mapped_column(default=1)
        name: Mapped[str]

    class Bill(Base):
        __tablename__ = "bill"
        number: Mapped[Any] = mapped_column("nr", column, primary_key=True)
        person: Mapped[Any] = mapped_column(ForeignKey("person.id"))
        owner: Mapped[int] = mapped_column(default=1)
        price: Mapped[int] = mapped_column(default=200)
        off: Mapped[int] = mapped_column(default=0)
        credit: Mapped[int] = mapped_column(default=0)
        paid: Mapped[bool] = mapped_column(default=False)

    return SimpleNamespace(Base=Base, Person=Person, Bill=Bill)


def make_host(found: Any) -> ModelHost:
    """The Host of these classes."""

    class BillHost(ModelHost):
        client_model, invoice_model = found.Person, found.Bill
        invoice_client, client_org, currency = "person", "owner", "EUR"

        def invoice(self, record: Any) -> Invoice:
            total = record.price - record.off
            paid = total - record.credit if record.paid else 0
            return self.value(
                record, subtotal=record.price, total=total, paid=paid, credit=record.credit, settled=record.paid
            )

        def apply_discount(self, record: Any, discount: Any) -> None:
            record.off = int(discount.amount)

        def apply_credit(self, record: Any, credit: Any) -> None:
            record.credit = int(credit.amount)

    return BillHost()


class Shop:
    """A host app with a session of some kind."""

    def __init__(self, url: str, key: str, source: str) -> None:
        column, self.next_key, self.no_keys = KEYS[key]
        self.found = models(column)
        self.engine = create_engine(url, poolclass=NullPool)
        made = sessionmaker(self.engine)
        engine = self.engine

        class Own(Session):
            def __init__(self) -> None:
                super().__init__(engine)

        self.kinds = {"scoped_session": scoped_session(made), "sessionmaker": made, "class": Own}
        self.session: Callable[[], Session] = self.kinds.get(source) or scoped_session(made)  # type: ignore[assignment]
        given = (lambda: self.session()) if source == "callable" else self.session
        self.app = Flask(__name__)
        self.app.config.update(SECRET_KEY="test")
        self.host = make_host(self.found)
        self.referrals = Referrals(self.host, self.app, session=given, clock=FrozenClock())
        self.code = ""
        self.referrals.watch(code=lambda person: self.code)
        self.found.Base.metadata.create_all(self.engine)

    def save(self, *records: Any) -> None:
        """In a session of the host's own, as one of its views does."""
        with self.session.session_factory() if isinstance(self.session, scoped_session) else self.session() as session:
            session.add_all(records)
            session.commit()

    def pay(self, number: Any, paid: bool = True) -> None:
        """Another view."""
        with Session(self.engine) as session:
            session.get_one(self.found.Bill, number).paid = paid
            session.commit()

    def person(self, name: str, n: int) -> Any:
        """A client of the first owner's; its key."""
        key = self.next_key(n)
        self.save(self.found.Person(id=key, name=name))
        return key

    def bill(self, person: Any, n: int) -> Any:
        """An invoice of 200; its key."""
        key = self.next_key(n)
        self.save(self.found.Bill(number=key, person=person))
        return key


@pytest.fixture
def shop(tmp_path: Path, key: str, source: str) -> Iterator[Shop]:
    """A host with our tables and a program."""
    found = Shop(f"sqlite:///{tmp_path / 'shop.sqlite3'}", key, source)
    with found.app.app_context():
        found.referrals.create_all()
        found.referrals.save_terms("1", TERMS)
        found.referrals.switch("1", on=True)
        found.referrals.session().commit()
    yield found
    for kind in found.kinds.values():
        if isinstance(kind, scoped_session):
            kind.remove()
    found.engine.dispose()


def play(shop: Shop) -> tuple[Any, Any, Any]:
    """Jane, Kiera who came by her, and Kiera's invoice, all by the host's own sessions."""
    jane = shop.person("Jane", 1)
    with shop.app.app_context():
        shop.code = shop.referrals.code(Client(id=str(jane), name="Jane", org="1")).text
        shop.referrals.session().commit()
        kiera = shop.person("Kiera", 2)
        shop.code = ""
        return jane, kiera, shop.bill(kiera, 3)


def credit(shop: Shop, jane: Any) -> int:
    """What Jane can spend, in cents."""
    client = Client(id=str(jane), name="Jane", org="1")
    with shop.app.app_context():
        return shop.referrals.balance(client, "EUR").available.minor


def test_the_loop_in_any_session(shop: Shop) -> None:
    """A1, D1, R1, U1: watched in sessions that we were never given; in a script without an app context too."""
    jane, _, bill = play(shop)
    with Session(shop.engine) as session:
        assert session.get_one(shop.found.Bill, bill).off == 30
    with shop.app.app_context():
        shop.pay(bill)
    assert credit(shop, jane) == 5000
    script = Thread(target=shop.pay, args=(bill, False))
    script.start()
    script.join()
    assert credit(shop, jane) == 0
    with shop.app.app_context():
        shop.pay(bill)
    assert credit(shop, jane) == 5000


@pytest.mark.parametrize("source", ["sessionmaker"])
def test_records_are_found_by_any_key(shop: Shop) -> None:
    """§3.1: by the id's text; what cannot be an id is nobody's, and no error; nothing crosses to another org."""
    jane, kiera, bill = play(shop)
    host = shop.host
    with shop.app.app_context():
        assert getattr(host.find_client("1", str(jane)), "name", None) == "Jane"
        assert host.find_client("2", str(jane)) is None
        assert str(getattr(host.find_invoice("1", str(bill)), "number", None)) == str(bill)
        assert host.find_invoice("2", str(bill)) is None
        for text in shop.no_keys:
            assert host.find_client("1", text) is host.find_invoice("1", text) is None
            assert list(host.client_invoices(Client(id=text or "-", name="No", org="1"))) == []
        assert not host.has_paid_invoice(host.client(host.find_client("1", str(kiera))))
        shop.pay(bill)
        host.session().expire_all()
        assert host.has_paid_invoice(host.client(host.find_client("1", str(kiera))))
        assert not host.has_paid_invoice(host.client(host.find_client("1", str(jane))))
        assert sorted(host.contact([str(jane), "nope", str(kiera)], "1")) == sorted([str(jane), str(kiera)])
        assert host.contact([str(jane)], "2") == {}
        assert list(host.orgs()) == ["1"]
        ids: list[str] = []
        after = None
        while found := host.client_ids("1", after, 1):
            ids += found
            after = found[-1]
        assert sorted(ids) == sorted([str(jane), str(kiera)])
        assert host.client_ids("2", None, 9) == []


def test_what_a_model_host_needs() -> None:
    """Mapped classes, the attribute of the client, and a key of one column, each said with the line to write."""
    found = models(Integer)

    class NoModel(ModelHost):
        invoice_model = found.Bill

    class NoClient(ModelHost):
        client_model, invoice_model = found.Person, found.Bill

    with pytest.raises(ConfigurationError, match="set client_model to your mapped class in NoModel"):
        NoModel()
    with pytest.raises(ConfigurationError, match="Bill has no 'client_id': set invoice_client in NoClient"):
        NoClient()


def test_a_key_of_two_columns() -> None:
    """It says to write the look-ups."""

    class Base(DeclarativeBase):
        pass

    class Pair(Base):
        __tablename__ = "pair"
        one: Mapped[int] = mapped_column(primary_key=True)
        two: Mapped[int] = mapped_column(primary_key=True)
        client_id: Mapped[int]

    class PairHost(ModelHost):
        client_model = invoice_model = Pair

    with pytest.raises(ConfigurationError, match="Pair has a primary key of 2 columns: write find_"):
        PairHost().find_client("default", "1")
