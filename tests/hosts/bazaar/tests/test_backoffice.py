from contextlib import ExitStack

from werkzeug.test import Client

from bazaar import signals
from bazaar.cli import create_shop_command, init_db_command, seed_demo_command
from bazaar.services import shop_service, user_service


def test_login(bo_app):
    client = bo_app.test_client()
    assert client.get('/tea/orders').location == '/login'
    response = client.post('/login', data={'email': 'bea@example.org', 'password': 'bea-secret'})
    assert 'not a merchant' in response.text
    client.post('/login', data={'email': 'tina@tea.example', 'password': 'tina-secret'})
    with client.session_transaction() as session:
        assert 'merchant_id' in session
    page = client.get('/').text
    assert 'Tea &amp; Leaves' in page
    assert 'Lamps' not in page
    client.post('/logout')
    assert client.get('/').location == '/login'


def test_only_own_shops(merchant, buy):
    order_id = buy('lamps', **{'Desk lamp': 1})
    assert merchant.get('/lamps/orders').status_code == 403
    assert merchant.get('/books/orders').status_code == 404
    assert merchant.get('/tea/orders/' + order_id).status_code == 404
    assert merchant.post('/tea/orders/%s/cancel' % order_id).status_code == 404


def test_order_list(merchant, buy):
    assert 'No orders.' in merchant.get('/tea/orders').text
    buy(Assam=1)
    page = merchant.get('/tea/', follow_redirects=True).text
    assert 'TEA-00001' in page
    assert 'Bea Kunde' in page
    assert 'TEA-00001' in merchant.get('/tea/orders?status=open').text
    assert 'TEA-00001' not in merchant.get('/tea/orders?status=paid').text


def test_mark_paid_and_refund(merchant, buy):
    url = '/tea/orders/' + buy(Assam=1)
    assert 'cannot be refunded' in merchant.post(url + '/refund').text
    merchant.post(url + '/paid', data={'reference': 'bank 77'})
    page = merchant.get(url).text
    assert 'TEA-00001: paid' in page
    assert 'bank 77' in page

    merchant.post(url + '/refund', data={'amount': '4,00'})
    page = merchant.get(url).text
    assert 'TEA-00001: paid' in page
    assert 'up to 6.70' in page
    assert 'more than what was paid' in merchant.post(url + '/refund', data={'amount': '6.71'}).text
    assert 'not an amount' in merchant.post(url + '/refund', data={'amount': 'much'}).text
    assert 'more than nothing' in merchant.post(url + '/refund', data={'amount': '-1'}).text

    merchant.post(url + '/refund', data={'amount': ''})
    assert 'TEA-00001: refunded' in merchant.get(url).text
    merchant.post(url + '/paid')
    page = merchant.get(url).text
    assert 'TEA-00001: paid' in page
    assert 'up to 10.70' in page


def test_cancel(merchant, buyer, buy):
    order_id = buy(Assam=1)
    merchant.post('/tea/orders/%s/cancel' % order_id)
    assert 'canceled' in buyer.get('/orders/' + order_id).text
    assert 'cannot be paid' in merchant.post('/tea/orders/%s/paid' % order_id).text
    assert 'cannot be canceled' in merchant.post('/tea/orders/%s/cancel' % order_id).text


def test_signals(merchant, buy):
    seen = []

    def listen(sender, event):
        seen.append((sender, type(event).__name__, str(event.order_id), event.shop_slug))

    with ExitStack() as stack:
        for signal in (signals.order_paid, signals.order_refunded, signals.order_canceled):
            stack.enter_context(signal.connected_to(listen))
        first, second = buy(Assam=1), buy(Teapot=1)
        merchant.post('/tea/orders/%s/paid' % first)
        merchant.post('/tea/orders/%s/paid' % first)
        merchant.post('/tea/orders/%s/refund' % first, data={'amount': '1'})
        merchant.post('/tea/orders/%s/cancel' % second)
    assert seen == [(None, 'OrderPaid', first, 'tea'), (None, 'OrderRefunded', first, 'tea'),
                    (None, 'OrderCanceled', second, 'tea')]


def test_products(merchant, anonymous, store_app):
    response = merchant.post('/tea/products', data={'name': 'Cup', 'price': 'x', 'tax_rate': '19'})
    assert 'not an amount' in response.text
    merchant.post('/tea/products', data={'name': 'Cup', 'price': '8.50', 'tax_rate': '19'})
    assert 'Cup' in anonymous.get('/shops/tea').text
    with store_app.app_context():
        cup_id = [p.id for p in shop_service.find_shop('tea').products if p.name == 'Cup'][0]
    merchant.post('/tea/products/%s/toggle' % cup_id)
    assert 'Cup' not in anonymous.get('/shops/tea').text


def test_both_apps_in_one_process(config, bo_app, monkeypatch):
    monkeypatch.setenv('DATABASE_URL', config['SQLALCHEMY_DATABASE_URI'])
    from bazaar.wsgi import create_application
    client = Client(create_application(config))
    client.post('/login', data={'email': 'bea@example.org', 'password': 'bea-secret'})
    login = client.post('/backoffice/login', data={'email': 'tina@tea.example', 'password': 'tina-secret'})
    assert login.location == '/backoffice/'
    assert 'Tina Blatt' in client.get('/backoffice/tea/orders').text
    assert 'Bea Kunde' in client.get('/').text


def test_commands(bo_app):
    runner = bo_app.test_cli_runner()
    assert 'The tables are there' in runner.invoke(init_db_command).output
    assert 'nothing done' in runner.invoke(seed_demo_command).output
    args = ['books', 'Books', 'usd', 'bea@example.org']
    assert 'Shop books created' in runner.invoke(create_shop_command, args).output
    assert 'already a shop' in runner.invoke(create_shop_command, args).output
    with bo_app.app_context():
        assert user_service.find_by_email('bea@example.org').is_merchant
