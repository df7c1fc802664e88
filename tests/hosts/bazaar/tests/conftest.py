import os
import sys
from decimal import Decimal

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bazaar import backoffice, storefront  # noqa: E402
from bazaar.db import db, init_db  # noqa: E402
from bazaar.services import shop_service, user_service  # noqa: E402


@pytest.fixture
def config(tmp_path):
    uri = os.environ.get('TEST_DATABASE_URL') or 'sqlite:///%s' % (tmp_path / 'test.sqlite')
    return {'TESTING': True, 'SQLALCHEMY_DATABASE_URI': uri, 'PASSWORD_HASH_METHOD': 'pbkdf2:sha256:10'}


@pytest.fixture
def store_app(config):
    app = storefront.create_app(config)
    with app.app_context():
        db.drop_all()
        init_db()
        fill()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def bo_app(config, store_app):
    app = backoffice.create_app(config)
    yield app
    with app.app_context():
        db.engine.dispose()


def fill():
    tea = shop_service.create_shop('tea', 'Tea & Leaves', 'EUR')
    lamps = shop_service.create_shop('lamps', 'Lamps of Bristol', 'GBP')
    shop_service.add_product(tea.id, 'Assam', 1000, Decimal('7'))
    shop_service.add_product(tea.id, 'Teapot', 3000, Decimal('19'))
    shop_service.add_product(lamps.id, 'Desk lamp', 4900, Decimal('20'))
    tina = user_service.register('tina@tea.example', 'Tina Blatt', 'tina-secret')
    shop_service.add_merchant(tea.id, tina.id)
    user_service.register('bea@example.org', 'Bea Kunde', 'bea-secret')


@pytest.fixture
def anonymous(store_app):
    return store_app.test_client()


@pytest.fixture
def buyer(store_app):
    """Bea, logged in at the storefront."""
    client = store_app.test_client()
    client.post('/login', data={'email': 'bea@example.org', 'password': 'bea-secret'})
    return client


@pytest.fixture
def merchant(bo_app):
    """Tina, logged in at the backoffice; she runs the tea shop only."""
    client = bo_app.test_client()
    client.post('/login', data={'email': 'tina@tea.example', 'password': 'tina-secret'})
    return client


@pytest.fixture
def buy(store_app, buyer):
    """buy(Assam=2, Teapot=1): Bea places an order; gives the order's id, as text."""
    def buy(slug='tea', **quantities):
        with store_app.app_context():
            products = shop_service.find_shop(slug).products
            data = {'qty_%s' % p.id: quantities.get(p.name, '') for p in products}
        response = buyer.post('/shops/%s/order' % slug, data=data)
        assert response.status_code == 302, response.text
        return response.location.rsplit('/', 1)[1]
    return buy
