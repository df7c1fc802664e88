import re

import pytest
from werkzeug.security import generate_password_hash

from freelance import create_app, owner_pages


class Browser:
    """A test client of one person, with shortcuts for what the tests do all the time."""

    def __init__(self, app):
        self.client = app.test_client()

    def get(self, url, status=200):
        response = self.client.get(url)
        assert response.status_code == status, url
        return response.get_data(as_text=True)

    def post(self, url, status=200, **fields):
        response = self.client.post(url, data=fields, follow_redirects=True)
        assert response.status_code == status, url
        self.last_url = response.request.path
        return response.get_data(as_text=True)

    def signup(self, email="ann@studio.example", business_name="Ann's Studio", **fields):
        return self.post("/signup", email=email, business_name=business_name, password="long enough",
                         **dict({"currency": "EUR"}, **fields))

    def last_id(self):
        return int(self.last_url.rsplit("/", 1)[1])

    def new_customer(self, name="Carl Meyer", email="carl@meyer.example", phone="123"):
        page = self.post("/customers/new", name=name, email=email, phone=phone)
        assert "Customer saved." in page
        return self.last_id()

    def new_bill(self, customer_id, *items, send=False):
        """Make a draft with items (text, qty, price, tax), perhaps send it. Returns its id."""
        text, qty, price, tax = map(list, zip(*items or [("Logo", "1", "100", "19")]))
        self.post("/bills/new", customer_id=customer_id, text=text, qty=qty, price=price, tax=tax)
        bill_id = self.last_id()
        if send:
            assert "The bill is sent" in self.post("/bills/%d/send" % bill_id)
        return bill_id

    def portal(self, customer_id):
        return re.search(r'href="(/p/[0-9a-f]{32})"', self.get("/customers/%d" % customer_id)).group(1)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    monkeypatch.setattr(owner_pages, "generate_password_hash",
                        lambda password: generate_password_hash(password, method="pbkdf2:sha256:1"))


@pytest.fixture
def config(tmp_path):
    return {"DATABASE_URL": "sqlite:///%s" % (tmp_path / "test.db"), "SECRET_KEY": "test", "TESTING": True}


@pytest.fixture
def app(config):
    return create_app(dict(config, CSRF_OFF=True))


@pytest.fixture
def nobody(app):
    """Somebody who is not logged in."""
    return Browser(app)


@pytest.fixture
def ann(app):
    browser = Browser(app)
    browser.signup()
    return browser


@pytest.fixture
def bob(app):
    browser = Browser(app)
    browser.signup(email="bob@text.example", business_name="Bob Writes", currency="USD")
    return browser


def sums(page):
    """The sums below the items of a bill page, {'Net': '100.00 EUR', ...}."""
    found = re.findall(r'<td colspan="4">(\w+)</td><td class="num">([^<]+)</td>', page)
    return dict(found)


def status(page):
    return re.search(r'<h1>.*<span class="status \w+">(\w+)</span></h1>', page).group(1)
