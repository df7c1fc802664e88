"""All the ways in which an invoice becomes paid."""
import hashlib
import hmac
import io
import json
from decimal import Decimal

CARD = {'card_number': '4242 4242 4242 4242', 'expiry': '12/30', 'cvc': '123'}


def test_recorded_payments(books):
    invoice_id = books.invoice()
    assert 'more than the open balance' in books.pay(invoice_id, '120.01').text
    books.pay(invoice_id, '20')
    books.check(invoice_id, 'part_paid', '20.00', '100.00')
    books.pay(invoice_id, '100')
    invoice = books.check(invoice_id, 'paid', '120.00')
    assert [payment.amount for payment in invoice.payments] == [Decimal('20.00'), Decimal('100.00')]


def test_mark_as_paid(books, clerk):
    invoice_id = books.invoice(sent=False)
    clerk.post('/invoices/%d/mark-paid' % invoice_id)
    invoice = books.check(invoice_id, 'paid', '120.00')
    assert invoice.payments[0].method == 'manual'
    assert 'Balance' in clerk.get('/invoices/%d' % invoice_id).text


def test_empty_invoice_cannot_be_marked(books, clerk):
    clerk.post('/invoices/new', data={'client_id': '1', 'kind': 'invoice'})
    page = clerk.post('/invoices/1/mark-paid', follow_redirects=True)
    assert 'cannot be marked as paid' in page.text
    assert books.get(1).status == 'draft'


def test_portal_card(books, portal):
    invoice_id = books.invoice()
    url = '/portal/invoices/%d/pay' % invoice_id
    assert 'declined' in portal.post(url, data=dict(CARD, card_number='4000 0000 0000 0002')).text
    assert 'Not a card number' in portal.post(url, data=dict(CARD, card_number='1')).text
    assert portal.post(url, data=CARD).location == '/portal/invoices/%d' % invoice_id
    invoice = books.check(invoice_id, 'paid', '120.00')
    assert invoice.payments[0].reference.startswith('card_')
    assert 'Thank you' in portal.get('/portal/invoices/%d' % invoice_id).text


def test_api_without_csrf_token(books, csrf_client):
    invoice_id = books.invoice()
    url = '/api/invoices/%d/payments' % invoice_id
    headers = {'X-Api-Key': 'test-api-key'}
    assert csrf_client.post(url, json={'amount': '120.00'}).status_code == 401
    assert csrf_client.post(url, json={'amount': 'x'}, headers=headers).status_code == 400
    assert csrf_client.post(url, json={'amount': '500'}, headers=headers).status_code == 422
    response = csrf_client.post(url, json={'amount': '120.00', 'reference': 'wh-7'}, headers=headers)
    assert response.status_code == 201
    assert response.json['status'] == 'paid'
    books.check(invoice_id, 'paid', '120.00')
    assert csrf_client.get('/api/invoices/%d' % invoice_id, headers=headers).json['balance'] == '0.00'


def send_event(client, event, secret='payco-test-secret'):
    body = json.dumps(event).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return client.post('/api/webhooks/payco', data=body, headers={'X-Payco-Signature': signature})


def test_webhook(books, csrf_client):
    invoice_id = books.invoice()
    event = {'id': 'evt_1', 'type': 'payment.succeeded',
             'data': {'invoice_number': 'INV-00001', 'amount': '120.00'}}
    assert send_event(csrf_client, event, secret='wrong').status_code == 401
    assert send_event(csrf_client, {'id': 'evt_0'}).status_code == 400
    assert send_event(csrf_client, event).json == {'result': 'ok'}
    assert send_event(csrf_client, event).json == {'result': 'duplicate'}
    books.check(invoice_id, 'paid', '120.00')

    event = dict(event, id='evt_2', type='payment.refunded')
    assert send_event(csrf_client, event).json == {'result': 'ok'}
    books.check(invoice_id, 'sent', '0.00', '120.00')


def test_bank_statement(books, clerk):
    first, second = books.invoice(), books.invoice(price='1000')
    csv = ('Date;Text;Amount\n'
           '02.05.2024;ACME inv 00001 thanks;120,00\n'
           '02.05.2024;INV-00002;1.000,00\n'
           '03.05.2024;INV-00099;5,00\n'
           '03.05.2024;Electricity;-80,00\n').encode()
    page = clerk.post('/payments/statement', data={'file': (io.BytesIO(csv), 'may.csv')}).text
    assert '2 payments booked, 2 rows skipped' in page
    books.check(first, 'paid', '120.00')
    books.check(second, 'part_paid', '1000.00', '200.00')
    page = clerk.post('/payments/statement', data={'file': (io.BytesIO(csv), 'may.csv')}).text
    assert '0 payments booked, 4 rows skipped' in page


def test_bulk_action(books, clerk):
    ids = [books.invoice(), books.invoice(price='10.10'), books.invoice(sent=False)]
    books.pay(ids[1], '2.02')
    response = clerk.post('/invoices/bulk', data={'ids': ids, 'action': 'mark_paid'}, follow_redirects=True)
    assert '2 invoices changed' in response.text
    books.check(ids[0], 'paid', '120.00')
    invoice = books.check(ids[1], 'paid', '12.12')
    assert [payment.method for payment in invoice.payments] == ['bank', 'bulk']
    assert books.get(ids[2]).status == 'draft'
    clerk.post('/invoices/bulk', data={'ids': ids, 'action': 'send'})
    assert books.get(ids[2]).status == 'sent'


def test_credit_note(books, clerk):
    invoice_id = books.invoice()
    for amount in ('20', '200'):
        clerk.post('/clients/1/credit-notes/new', data={'amount': amount, 'reason': 'Returned goods'})
    assert 'CN-00001' in clerk.get('/invoices/%d' % invoice_id).text
    clerk.post('/invoices/%d/apply-credit' % invoice_id, data={'credit_note_id': '1'})
    books.check(invoice_id, 'part_paid', '0.00', '100.00')
    clerk.post('/invoices/%d/apply-credit' % invoice_id, data={'credit_note_id': '2'})
    invoice = books.check(invoice_id, 'paid', '0.00')
    assert invoice.credit_applied == Decimal('120.00')
    assert '100.00 of 200.00' in clerk.get('/clients/1').text


def test_cli_import_payments(books, tmp_path):
    invoice_id = books.invoice()
    file = tmp_path / 'payments.csv'
    file.write_text('number,amount,reference\nINV-00001,119.50,r1\nINV-00001,119.50,r1\nINV-00009,1,r2\n')
    result = books.app.test_cli_runner().invoke(args=['bill', 'import-payments', str(file)])
    assert '1 payments imported' in result.output
    assert 'INV-00009: not an open invoice' in result.output
    books.check(invoice_id, 'part_paid', '119.50', '0.50')


def test_cli_settle_small(books):
    small, big = books.invoice(), books.invoice()
    books.pay(small, '119.01')
    books.pay(big, '119')
    runner = books.app.test_cli_runner()
    assert '1 invoices settled' in runner.invoke(args=['bill', 'settle-small', '--dry-run']).output
    books.check(small, 'part_paid', '119.01', '0.99')
    runner.invoke(args=['bill', 'settle-small'])
    books.check(small, 'paid', '120.00')
    books.check(big, 'part_paid', '119.00', '1.00')


def test_quick_sale(books, clerk):
    response = clerk.post('/invoices/quick-sale', data={
        'client_id': '1', 'description': 'Rope', 'qty': '2', 'unit_price': '4.99', 'tax_rate': '20',
        'method': 'cash'})
    assert response.location == '/invoices/1'
    invoice = books.check(1, 'paid', '11.98')
    assert invoice.payments[0].method == 'cash'
