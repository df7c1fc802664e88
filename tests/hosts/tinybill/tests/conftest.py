import importlib
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def bill(tmp_path, monkeypatch):
    """The module, freshly imported on a database of its own."""
    monkeypatch.setenv('DATABASE_URL', 'sqlite:///%s' % (tmp_path / 'test.db'))
    sys.modules.pop('tinybill', None)
    module = importlib.import_module('tinybill')
    module.app.config['TESTING'] = True
    yield module
    with module.app.app_context():
        module.db.session.remove()
        module.db.engine.dispose()
    sys.modules.pop('tinybill', None)


@pytest.fixture
def client(bill):
    return bill.app.test_client()


@pytest.fixture
def make(client):
    """Save an invoice through the form and return its id."""
    def make(**fields):
        data = dict(client_name='Ada Berg', client_email='ada@example.com', client_phone='0170 1234',
                    amount='100', vat_percent='19', action='save')
        data.update(fields)
        response = client.post('/invoice/new', data=data)
        assert response.status_code == 302, response.get_data(as_text=True)
        return int(response.headers['Location'].rsplit('/', 1)[1])
    return make
