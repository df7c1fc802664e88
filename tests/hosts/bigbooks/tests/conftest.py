import re
import shutil
from decimal import Decimal

import flask_migrate
import pytest

from bigbooks import create_app
from bigbooks.config import TestConfig
from bigbooks.extensions import db
from bigbooks.models import Client, Contact, Invoice, Staff


def make_app(path, csrf):
    class Settings(TestConfig):
        SQLALCHEMY_DATABASE_URI = 'sqlite:///%s' % path
        WTF_CSRF_ENABLED = csrf
    return create_app(Settings)


@pytest.fixture(scope='session')
def migrated_file(tmp_path_factory):
    """An empty database made by the migrations. Every test gets a copy."""
    path = tmp_path_factory.mktemp('db') / 'template.db'
    app = make_app(path, csrf=False)
    with app.app_context():
        flask_migrate.upgrade()
        admin = Staff(email='ada@northfield.example', name='Ada', role='admin')
        clerk = Staff(email='carl@northfield.example', name='Carl', role='staff')
        admin.set_password('secret-ada')
        clerk.set_password('secret-carl')
        acme = Client(name='Acme', billing_email='ap@acme.example')
        acme.contacts.append(Contact(name='Wile', email='wile@acme.example', access_code='ROADRUNN'))
        db.session.add_all([admin, clerk, acme])
        db.session.commit()
        db.engine.dispose()
    return path


@pytest.fixture(scope='session')
def apps(tmp_path_factory):
    """The app without and with CSRF checks. Made once, because compiling the templates takes its time."""
    path = tmp_path_factory.mktemp('db') / 'test.db'
    return {'file': path, 'plain': make_app(path, csrf=False), 'csrf': make_app(path, csrf=True)}


@pytest.fixture
def app(apps, migrated_file):
    for name in ('plain', 'csrf'):
        with apps[name].app_context():
            db.engine.dispose()
    shutil.copy(migrated_file, apps['file'])
    return apps['plain']


@pytest.fixture
def client(app):
    """Nobody logged in, no CSRF checks."""
    return app.test_client()


@pytest.fixture
def csrf_client(app, apps):
    """Like in production: forms without a token are refused."""
    return apps['csrf'].test_client()


def log_in(client, name):
    response = client.post('/auth/login', data={
        'email': '%s@northfield.example' % name, 'password': 'secret-%s' % name})
    assert response.status_code == 302
    return client


@pytest.fixture
def clerk(app):
    return log_in(app.test_client(), 'carl')


@pytest.fixture
def admin(app):
    return log_in(app.test_client(), 'ada')


@pytest.fixture
def portal(app):
    client = app.test_client()
    client.post('/portal/login', data={'email': 'wile@acme.example', 'access_code': 'roadrunn'})
    return client


class Books:
    """Shortcuts for the tests: does things through the pages and reads the database."""
    def __init__(self, app, clerk):
        self.app = app
        self.clerk = clerk

    def invoice(self, price='100.00', sent=True, tax='20', **line):
        """A new invoice with one line, 120.00 in all unless told otherwise. Returns its id."""
        response = self.clerk.post('/invoices/new', data={'client_id': '1', 'kind': 'invoice'})
        invoice_id = int(re.search(r'/invoices/(\d+)$', response.location).group(1))
        self.clerk.post('/invoices/%d/lines' % invoice_id, data=dict(
            {'description': 'Anvil', 'qty': '1', 'unit_price': price, 'tax_rate': tax}, **line))
        if sent:
            self.clerk.post('/invoices/%d/send' % invoice_id)
        return invoice_id

    def pay(self, invoice_id, amount):
        return self.clerk.post('/payments/invoice/%d/new' % invoice_id, data={'amount': amount, 'method': 'bank'})

    def get(self, invoice_id):
        with self.app.app_context():
            invoice = db.session.get(Invoice, invoice_id)
            invoice.payments, invoice.lines
            db.session.expunge_all()
            return invoice

    def check(self, invoice_id, status, paid, balance='0.00'):
        invoice = self.get(invoice_id)
        assert invoice.status == status
        assert invoice.amount_paid == Decimal(paid)
        assert invoice.balance == Decimal(balance)
        assert (invoice.paid_at is not None) == (status == 'paid')
        return invoice


@pytest.fixture
def books(app, clerk):
    return Books(app, clerk)
