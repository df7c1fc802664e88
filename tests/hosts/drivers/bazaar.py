"""The hands in bazaar: buyers at the storefront, merchants in the backoffice, two apps over one database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ..driver import Driver, landed
from ..plugging import imported

SECRET = "open-sesame"
CARD = {"card_number": "4242 4242 4242 4242", "expiry": "09/31", "cvc": "123"}
SHOPS = {"tea": "EUR", "lamps": "GBP"}
#: Fast, and no other than the app's own tests have.
CONFIG = {"TESTING": True, "PASSWORD_HASH_METHOD": "pbkdf2:sha256:10", "SECRET_KEY": "test"}


class Bazaar(Driver):
    """Everybody signs up once, and buys in any shop; `in_shop` says in which."""

    name = "bazaar"
    org = "tea"
    frame = "<footer>Bazaar, a marketplace of small shops</footer>"

    backoffice: Flask
    #: The app's own services.
    shop_service: Any
    user_service: Any

    def __init__(self) -> None:
        self.browsers: dict[str, FlaskClient] = {}
        self.merchants: dict[str, FlaskClient] = {}
        self.orders: dict[str, tuple[str, str]] = {}

    @classmethod
    @contextmanager
    def running(cls, copy: Path, url: str) -> Iterator[Bazaar]:
        names = ("storefront", "backoffice", "referrals", "db", "services.shop_service", "services.user_service")
        with imported(copy, *(f"bazaar.{name}" for name in names), DATABASE_URL=url) as modules:
            storefront, backoffice, plug, db, shops, users = modules
            driver = cls()
            driver.app, driver.backoffice = storefront.create_app(CONFIG), backoffice.create_app(CONFIG)
            driver.referrals, driver.shop_service, driver.user_service = plug.referrals, shops, users
            with driver.app.app_context():
                db.init_db()
            for shop in SHOPS:
                driver.open(shop)
            driver.start()
            yield driver
            for app in (driver.app, driver.backoffice):
                with app.app_context():
                    db.db.session.remove()
                    db.db.engine.dispose()

    def open(self, slug: str) -> None:
        """A shop with one thing to sell for 200.00, and somebody who runs it."""
        with self.app.app_context():
            shop = self.shop_service.create_shop(slug, slug.title(), SHOPS[slug])
            self.shop_service.add_product(shop.id, "Fine thing", 20000, 19)
            owner = self.user_service.register(f"owner@{slug}.example", "Tina Blatt", SECRET)
            self.shop_service.add_merchant(shop.id, owner.id)
        self.merchants[slug] = self.backoffice.test_client()
        login = self.merchants[slug].post("/login", data={"email": f"owner@{slug}.example", "password": SECRET})
        assert login.status_code == 302

    @contextmanager
    def in_shop(self, slug: str) -> Iterator[None]:
        """What is done meanwhile is done in that shop."""
        before = self.org, self.currency
        self.org, self.currency = slug, SHOPS[slug]
        try:
            yield
        finally:
            self.org, self.currency = before

    @property
    def merchant(self) -> FlaskClient:
        """Who runs the shop, in the backoffice."""
        return self.merchants[self.org]

    def register(self, name: str, email: str, code: str = "") -> str:
        return self.sign_up(self.app.test_client(), name, email, shop=self.org, referral_code=code)

    def sign_up(self, browser: FlaskClient, name: str, email: str, **typed: str) -> str:
        """Somebody signs up in that browser; the id."""
        form = {"full_name": name, "email": email, "password": SECRET, "password2": SECRET} | typed
        assert browser.post("/sign-up", data=form).status_code == 302
        with self.app.app_context():
            client_id = str(self.user_service.find_by_email(email).id)
        self.browsers[client_id] = browser
        return client_id

    def invoice(self, client_id: str) -> str:
        with self.app.app_context():
            (product,) = self.shop_service.find_shop(self.org).products
            form = {f"qty_{product.id}": "1"}
        order_id = landed(self.browsers[client_id].post(f"/shops/{self.org}/order", data=form))
        self.orders[order_id] = self.org, client_id
        return order_id

    def pay(self, invoice_id: str) -> None:
        _, client_id = self.orders[invoice_id]
        landed(self.browsers[client_id].post(f"/orders/{invoice_id}/pay", data=CARD))

    def undo(self, invoice_id: str) -> None:
        self.act(invoice_id, "refund", amount="")

    def pay_again(self, invoice_id: str) -> None:
        self.act(invoice_id, "paid", reference="bank")

    def act(self, invoice_id: str, what: str, **typed: str) -> None:
        """The merchant does something with an order, in the backoffice."""
        shop, _ = self.orders[invoice_id]
        landed(self.merchants[shop].post(f"/{shop}/orders/{invoice_id}/{what}", data=typed))

    def pages(self) -> list[TestResponse]:
        jane = self.browsers[self.register("Jane Smith", "jane@mail.example")]
        staff = [self.merchant.get(f"/{self.org}/referrals/{page}") for page in ("", "settings")]
        return [jane.get(f"/shops/{self.org}/referrals/"), *staff]

    def frame_of(self, page: TestResponse) -> str:
        of_backoffice = page.request.path.startswith(f"/{self.org}/")
        return f"<b>{self.org.title()}</b>" if of_backoffice else self.frame

    def pay_by_hand(self, invoice_id: str) -> list[str]:
        order, payment = invoice_id.replace("-", ""), "1".zfill(32)
        columns = "id, order_id, amount_cents, kind, reference, created_at"
        values = f"'{payment}', '{order}', 20230, 'payment', 'by hand', CURRENT_TIMESTAMP"
        return [
            f"UPDATE orders SET status = 'paid' WHERE id = '{order}'",
            f"INSERT INTO payments ({columns}) VALUES ({values})",
        ]
