"""ModelHost where everybody is a client of every org, found by attributes that are named (architecture §3.1, §3.15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask_login import LoginManager, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_referrals import Client, ConfigurationError, Member, ModelHost, Money, Referrals
from flask_referrals.adapters.doctor import examine
from flask_referrals.adapters.state import get_state

db = SQLAlchemy()


class Person(db.Model):  # type: ignore[name-defined,misc]
    """Somebody who buys in any store."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    full_name: Mapped[str]
    is_authenticated = True
    is_active = True

    def get_id(self) -> str:
        """As Flask-Login wants it."""
        return str(self.id)


class Store(db.Model):  # type: ignore[name-defined,misc]
    """An org, known by its slug."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    slug: Mapped[str]
    name: Mapped[str]


class Sale(db.Model):  # type: ignore[name-defined,misc]
    """An invoice in cents of its own currency."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    store_id: Mapped[UUID] = mapped_column(ForeignKey("store.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    currency: Mapped[str]
    cents: Mapped[int]
    off: Mapped[int] = mapped_column(default=0)
    credit: Mapped[int | None]
    settled: Mapped[bool] = mapped_column(default=False)
    store: Mapped[Store] = relationship()


class StoreHost(ModelHost):
    """All that such a host has to say."""

    client_model, client_name, org_model, org_key = Person, "full_name", Store, "slug"
    invoice_model, invoice_client, invoice_org, invoice_currency = Sale, "person_id", "store.slug", "currency"
    minor_units, invoice_discount, invoice_credit = True, "off", "credit"

    def invoice(self, record: Any) -> Any:
        total = record.cents - record.off
        paid = total if record.settled else 0
        return self.value(record, subtotal=record.cents, total=total, paid=paid, settled=record.settled)


@pytest.fixture
def host() -> Iterator[StoreHost]:
    """Two stores, a person who has paid in one and has an open sale in the other, and one who has bought nothing."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI="sqlite://")
    db.init_app(app)
    found = StoreHost()
    extension = Referrals(found, app, db=db)
    with app.app_context():
        db.create_all()
        extension.create_all()
        tea, lamps = Store(slug="tea", name="Tea & Leaves"), Store(slug="lamps", name="Lamps")
        bea = Person(full_name="Bea Kunde")
        db.session.add_all([tea, lamps, bea, Person(full_name="Carl Neu")])
        db.session.flush()
        db.session.add(Sale(store=tea, person_id=bea.id, currency="EUR", cents=1000, settled=True))
        db.session.add(Sale(store=lamps, person_id=bea.id, currency="GBP", cents=2000))
        db.session.commit()
        yield found
        db.session.remove()
        db.engine.dispose()


def person(name: str) -> Person:
    """Who is called that."""
    found: Person = db.session.execute(db.select(Person).filter_by(full_name=name)).scalar_one()
    return found


def sale(slug: str) -> Sale:
    """The sale of that store."""
    found: Sale = db.session.execute(db.select(Sale).join(Store).filter_by(slug=slug)).scalar_one()
    return found


def test_a_person_is_a_client_of_each_org(host: StoreHost) -> None:
    """§3.15: the same id answers in every org with a record that knows which; in none that there is not."""
    bea = person("Bea Kunde")
    assert host.find_client("tea", str(bea.id)) == Member(bea, "tea")
    assert host.client(host.find_client("lamps", str(bea.id))) == Client(
        id=str(bea.id), name="Bea Kunde", org="lamps"
    )  # fmt: skip
    assert host.find_client("books", str(bea.id)) is None
    assert host.find_client("tea", str(uuid4())) is None
    assert host.find_client("tea", "no uuid") is None
    assert host.contact([str(bea.id)], "lamps") == {str(bea.id): Client(id=str(bea.id), name="Bea Kunde", org="lamps")}


def test_invoices_of_one_org_only(host: StoreHost) -> None:
    """A3, §3.15: who has paid in one store is a new client of another."""
    bea = str(person("Bea Kunde").id)
    at_tea, at_lamps = (Client(id=bea, name="Bea Kunde", org=org) for org in ("tea", "lamps"))
    assert list(host.client_invoices(at_tea)) == [sale("tea")]
    assert list(host.client_invoices(at_lamps)) == [sale("lamps")]
    assert (host.has_paid_invoice(at_tea), host.has_paid_invoice(at_lamps)) == (True, False)
    assert host.find_invoice("tea", str(sale("tea").id)) == sale("tea")
    assert host.find_invoice("lamps", str(sale("tea").id)) is None


def test_orgs_and_their_clients(host: StoreHost) -> None:
    """C1, §3.15: the orgs are the rows of their class, and their clients whom they have sent an invoice."""
    assert sorted(host.orgs()) == ["lamps", "tea"]
    assert host.org_name("tea") == "Tea & Leaves"
    assert host.org_name("books") == "us"
    bea = str(person("Bea Kunde").id)
    assert host.client_ids("tea", None, 10) == [bea]
    assert host.client_ids("tea", bea, 10) == []
    assert host.client_ids("books", None, 10) == []


def test_amounts_by_the_names_of_their_attributes(host: StoreHost) -> None:
    """M1, D2, K4: cents of the invoice's own currency, read and set where the names say."""
    row = sale("lamps")
    assert host.invoice(row).credit == Money.of("0", "GBP")
    host.apply_discount(row, Money.of("3.00", "GBP"))
    host.apply_credit(row, Money.of("5.00", "GBP"))
    value = host.invoice(row)
    assert (row.off, row.credit) == (300, 500)
    assert (value.subtotal, value.due) == (Money.of("20.00", "GBP"), Money.of("12.00", "GBP"))


def test_who_is_logged_in_is_a_client_of_the_org_of_the_request(host: StoreHost, monkeypatch: Any) -> None:
    """§3.7: Flask-Login's user, as the client of `current_org`; nobody in an app without Flask-Login."""
    app = get_state().app
    assert host.current_client() is None
    LoginManager(app).user_loader(lambda key: db.session.get(Person, UUID(key)))
    monkeypatch.setattr(StoreHost, "current_org", lambda self: "lamps")
    with app.test_request_context():
        assert host.current_client() is None
        login_user(person("Bea Kunde"))
        client = host.current_client()
        assert client is not None
        assert (client.name, client.org) == ("Bea Kunde", "lamps")
        monkeypatch.setattr(StoreHost, "current_org", lambda self: "books")
        assert host.current_client() is None


def test_login_is_where_flask_login_says(host: StoreHost) -> None:
    """§3.7: its login_view, an endpoint or an address; without one /login, below where the app is mounted."""
    app = get_state().app
    with app.test_request_context(base_url="http://localhost/office"):
        assert (host.login_url("tea"), host.registration_url("tea")) == ("/office/login", "/office/")
        app.add_url_rule("/enter", "enter", lambda: "")
        manager = LoginManager(app)
        manager.login_view = "/somewhere"
        assert host.login_url("tea") == "/somewhere"
        manager.login_view = "enter"
        assert host.staff_login_url() == "/office/enter"


def test_doctor_knows_what_is_answered_by_a_name(host: StoreHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attribute stands for the method; without either it is missing."""
    assert not [one for one in examine(get_state()) if one.level == "fail"]
    monkeypatch.setattr(StoreHost, "invoice_credit", None)
    monkeypatch.setattr(StoreHost, "invoice_discount", None)
    texts = [one.text for one in examine(get_state())]
    assert "StoreHost.apply_credit is not written yet" in texts
    assert any(text.startswith("StoreHost.apply_discount is not written") for text in texts)


def test_invoices_must_say_whose_they_are() -> None:
    """§3.15: where clients are of every org, an invoice without one is told of at once."""

    class Orgless(StoreHost):
        invoice_org = None  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match="set invoice_org in Orgless"):
        Orgless()
