import dataclasses
from uuid import UUID

import pytest

from bazaar import signals
from bazaar.db import db
from bazaar.models import Order
from bazaar.services import shop_service, user_service

CARD = {'card_number': '4242 4242 4242 4242', 'expiry': '09/31', 'cvc': '123'}


def sign_up_data(**changes):
    data = {'full_name': 'Carl Neu', 'email': 'Carl@Example.org', 'phone': '123', 'password': 'carl-secret',
            'password2': 'carl-secret'}
    data.update(changes)
    return data


def test_shops_are_listed(anonymous):
    page = anonymous.get('/').text
    assert 'Tea &amp; Leaves' in page
    assert 'Lamps of Bristol' in page
    assert '30.00 EUR' in anonymous.get('/shops/tea').text
    assert anonymous.get('/shops/books').status_code == 404


def test_sign_up(anonymous, store_app):
    events = []

    def listen(sender, event):
        events.append((sender, event))

    with signals.user_registered.connected_to(listen):
        response = anonymous.post('/sign-up', data=sign_up_data(shop='tea'))
    assert response.location == '/shops/tea'
    assert 'Welcome, Carl Neu!' in anonymous.get('/shops/tea').text
    with store_app.app_context():
        user = user_service.find_by_email('carl@example.org')
        assert user.phone == '123'
        assert not user.is_merchant
        assert [(s, e.user_id, e.shop_slug) for s, e in events] == [(None, user.id, 'tea')]


@pytest.mark.parametrize('changes, message', [
    ({'email': 'nonsense'}, 'valid e-mail'),
    ({'email': 'BEA@example.org'}, 'already an account'),
    ({'full_name': ' '}, 'your full name'),
    ({'password2': 'other'}, 'not the same'),
])
def test_sign_up_errors(anonymous, changes, message):
    response = anonymous.post('/sign-up', data=sign_up_data(**changes))
    assert response.status_code == 400
    assert message in response.text


def test_login_and_logout(anonymous):
    assert anonymous.get('/orders/').location.startswith('/login?next=')
    response = anonymous.post('/login', data={'email': 'bea@example.org', 'password': 'wrong'})
    assert 'Wrong e-mail address or password' in response.text
    login = {'email': 'bea@example.org', 'password': 'bea-secret'}
    assert anonymous.post('/login?next=//evil.example', data=login).location == '/'
    assert anonymous.post('/login?next=/orders/', data=login).location == '/orders/'
    assert anonymous.get('/orders/').status_code == 200
    anonymous.post('/logout')
    assert anonymous.get('/orders/').status_code == 302


def test_place_order(buyer, buy, store_app):
    order_id = buy(Assam=2, Teapot=1)
    page = buyer.get('/orders/' + order_id).text
    assert 'TEA-00001' in page
    # 20.00 at 7 % and 30.00 at 19 %
    assert '57.10 EUR' in page
    assert 'TEA-00001' in buyer.get('/orders/').text
    assert 'LAMPS-00001' in buyer.get('/orders/' + buy('lamps', **{'Desk lamp': 1})).text
    assert 'TEA-00002' in buyer.get('/orders/' + buy(Assam=1)).text


def test_event_carries_ids_only(buyer, buy):
    events = []

    def listen(sender, event):
        # committed already
        assert db.session.get(Order, event.order_id) is not None
        assert not db.session.new and not db.session.dirty
        events.append(event)

    with signals.order_placed.connected_to(listen):
        order_id = buy(Assam=1)
    event, = events
    assert event.order_id == UUID(order_id)
    assert event.shop_slug == 'tea'
    assert set(dataclasses.asdict(event)) == {'occurred_at', 'shop_slug', 'order_id', 'buyer_id'}
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.shop_slug = 'lamps'


def test_order_form_errors(buyer, store_app):
    response = buyer.post('/shops/tea/order', data={})
    assert response.status_code == 400
    assert 'at least one product' in response.text
    with store_app.app_context():
        product = shop_service.find_shop('tea').products[0]
        field = 'qty_%s' % product.id
    response = buyer.post('/shops/tea/order', data={field: 'two'})
    assert 'quantity of &#34;Assam&#34; is not valid' in response.text
    assert 'not ordered anything' in buyer.get('/orders/').text


def test_pay_by_card(buyer, buy):
    order_id = buy(Assam=1)
    assert '10.70 EUR' in buyer.get('/orders/%s/pay' % order_id).text
    declined = buyer.post('/orders/%s/pay' % order_id, data=dict(CARD, card_number='4000000000000002'))
    assert 'declined' in declined.text
    assert 'CVC must have' in buyer.post('/orders/%s/pay' % order_id, data=dict(CARD, cvc='')).text
    assert buyer.post('/orders/%s/pay' % order_id, data=CARD).status_code == 302
    page = buyer.get('/orders/' + order_id).text
    assert 'payment of 10.70 EUR' in page
    assert 'Pay now' not in page
    again = buyer.post('/orders/%s/pay' % order_id, data=CARD, follow_redirects=True)
    assert 'is paid, it cannot be paid' in again.text


def test_discount_and_store_credit(buyer, buy, store_app):
    order_id = buy(Assam=2, Teapot=1)
    with store_app.app_context():
        order = db.session.get(Order, UUID(order_id))
        order.discount_cents = 1001
        order.store_credit_cents = 500
        db.session.commit()
        # 3999 of 5000 is left: 1599.6 at 7 % and 2399.4 at 19 %
        assert order.tax_breakdown == [(7, 1600, 112), (19, 2399, 456)]
        assert order.total_cents == 3999 + 568
        assert order.due_cents == 4567 - 500
    page = buyer.get('/orders/' + order_id).text
    assert '-10.01' in page
    assert '-5.00' in page
    buyer.post('/orders/%s/pay' % order_id, data=CARD)
    assert 'payment of 40.67 EUR' in buyer.get('/orders/' + order_id).text


def test_orders_of_others_are_hidden(anonymous, buy):
    order_id = buy(Assam=1)
    anonymous.post('/sign-up', data=sign_up_data())
    assert anonymous.get('/orders/' + order_id).status_code == 404
    assert anonymous.post('/orders/%s/pay' % order_id, data=CARD).status_code == 404


def test_account(buyer):
    assert 'bea@example.org' in buyer.get('/account').text
    buyer.post('/account', data={'action': 'profile', 'full_name': 'Bea Neumann', 'phone': '555'})
    assert 'Bea Neumann' in buyer.get('/account').text
    assert 'your full name' in buyer.post('/account', data={'action': 'profile', 'full_name': ''}).text
    data = {'action': 'password', 'old_password': 'nope', 'new_password': 'new-secret'}
    assert 'old password is wrong' in buyer.post('/account', data=data).text
    assert buyer.post('/account', data=dict(data, old_password='bea-secret')).status_code == 302
