from datetime import datetime
from decimal import Decimal


def text(response):
    return response.get_data(as_text=True)


def rows(bill):
    with bill.app.app_context():
        return [(i.id, i.status, i.client_id) for i in bill.Invoice.query.order_by(bill.Invoice.id)]


def status_of(bill, id):
    with bill.app.app_context():
        return bill.Invoice.query.filter_by(id=id).one().status


def set_created(bill, id, when):
    with bill.app.app_context():
        bill.Invoice.query.filter_by(id=id).one().created = when
        bill.db.session.commit()


def test_empty_pages(client):
    page = text(client.get('/'))
    assert '<title>tinybill</title>' in page
    assert 'No invoices here.' in page
    assert 'No clients yet' in text(client.get('/clients'))


def test_new_invoice_makes_client_and_number(bill, client, make):
    id = make()
    number = '%d-%04d' % (datetime.now().year, id)
    page = text(client.get('/invoice/%d' % id))
    assert 'Invoice %s' % number in page
    assert 'Invoice %s saved.' % number in page
    assert 'Ada Berg' in page
    assert '119.00 EUR' in page
    with bill.app.app_context():
        ada = bill.Client.query.filter_by(email='ada@example.com').one()
        assert ada.phone == '0170 1234'
        assert [i.number for i in ada.invoices] == [number]


def test_second_invoice_uses_the_same_client(bill, client, make):
    make()
    make(client_name='', client_email=' ADA@example.com ')
    make(client_name='Bo', client_email='bo@example.com')
    with bill.app.app_context():
        assert bill.Client.query.count() == 2
        ada = bill.Client.query.filter_by(email='ada@example.com').one()
        assert (ada.name, len(ada.invoices)) == ('Ada Berg', 2)


def test_totals(bill, make):
    id = make(amount='199,99', discount_percent='12.5', vat_percent='19', deposit='50')
    with bill.app.app_context():
        invoice = bill.Invoice.query.filter_by(id=id).one()
        assert invoice.discount == Decimal('25.00')
        assert invoice.net == Decimal('174.99')
        assert invoice.vat == Decimal('33.25')
        assert invoice.total == Decimal('208.24')
        assert invoice.due == Decimal('158.24')


def test_deposit_larger_than_total(bill, client, make):
    id = make(amount='10', deposit='500')
    with bill.app.app_context():
        assert bill.Invoice.query.filter_by(id=id).one().due == 0


def test_form_errors_are_shown(bill, client):
    page = text(client.post('/invoice/new', data={'client_email': 'nobody', 'amount': 'ten',
                                                  'discount_percent': '101', 'deposit': 'nan'}))
    assert 'Please give an email address.' in page
    assert 'A new client needs a name.' in page
    assert 'Amount is not a number.' in page
    assert 'Discount must be between 0 and 100.' in page
    assert 'Deposit is not a number.' in page
    assert 'value="nobody"' in page
    assert rows(bill) == []


def test_amount_is_needed(bill, client):
    data = {'client_name': 'Ada', 'client_email': 'ada@example.com'}
    assert 'Amount is missing.' in text(client.post('/invoice/new', data=data))
    data['amount'] = '0'
    assert 'Amount must be more than 0.' in text(client.post('/invoice/new', data=data))
    with bill.app.app_context():
        assert bill.Client.query.count() == 0


def test_preview_leaves_a_row(bill, client):
    data = {'amount': '100', 'vat_percent': '7', 'client_name': 'Ada', 'action': 'preview'}
    page = text(client.post('/invoice/new', data=data))
    assert '107.00 EUR' in page
    assert 'value="Ada"' in page
    client.post('/invoice/new', data=data)
    assert [(status, owner) for id, status, owner in rows(bill)] == [('preview', None)] * 2
    assert 'No invoices here.' in text(client.get('/'))


def test_saving_removes_previews(bill, client, make):
    client.post('/invoice/new', data={'amount': '100', 'action': 'preview'})
    client.post('/invoice/new', data={'amount': '120', 'action': 'preview'})
    id = make()
    assert [row[:2] for row in rows(bill)] == [(id, 'open')]


def test_preview_is_no_invoice(bill, client):
    client.post('/invoice/new', data={'amount': '100', 'action': 'preview'})
    id = rows(bill)[0][0]
    assert client.get('/invoice/%d' % id).status_code == 404
    assert client.get('/invoice/%d/status/paid' % id).status_code == 404
    assert 'PREVIEW' in text(client.get('/invoice/%d/print' % id))


def test_pay_and_undo(bill, client, make):
    id = make()
    assert 'is now paid' in text(client.get('/invoice/%d/status/paid' % id, follow_redirects=True))
    assert status_of(bill, id) == 'paid'
    assert 'Undo payment' in text(client.get('/invoice/%d' % id))
    client.get('/invoice/%d/status/open' % id)
    assert status_of(bill, id) == 'open'


def test_void(bill, client, make):
    id = make()
    client.get('/invoice/%d/status/void' % id)
    assert status_of(bill, id) == 'void'
    assert 'VOID' in text(client.get('/invoice/%d/print' % id))


def test_unknown_status(bill, client, make):
    id = make()
    assert client.get('/invoice/%d/status/preview' % id).status_code == 404
    assert client.get('/invoice/99/status/paid').status_code == 404
    assert status_of(bill, id) == 'open'


def test_edit(client, make):
    id = make()
    url = '/invoice/%d/edit' % id
    assert 'value="100.00"' in text(client.get(url))
    assert 'Amount is not a number.' in text(client.post(url, data={'amount': 'x'}))
    page = text(client.post(url, data={'amount': '200', 'discount_percent': '10'}, follow_redirects=True))
    assert '214.20 EUR' in page
    assert 'Discount 10%' in page


def test_edit_only_while_open(client, make):
    id = make()
    client.get('/invoice/%d/status/paid' % id)
    page = text(client.post('/invoice/%d/edit' % id, data={'amount': '1'}, follow_redirects=True))
    assert 'cannot be changed any more' in page
    assert '119.00 EUR' in page


def test_delete(bill, client, make):
    id = make()
    assert 'deleted' in text(client.get('/invoice/%d/delete' % id, follow_redirects=True))
    assert rows(bill) == []
    assert client.get('/invoice/%d' % id).status_code == 404


def test_mark_all_paid(bill, client, make):
    may, void, june, december = make(), make(), make(), make()
    set_created(bill, may, datetime(2024, 5, 31, 23, 59))
    set_created(bill, void, datetime(2024, 5, 2))
    set_created(bill, june, datetime(2024, 6, 1))
    set_created(bill, december, datetime(2023, 12, 31, 12))
    client.get('/invoice/%d/status/void' % void)
    page = text(client.get('/invoices/mark-all-paid?month=2024-05', follow_redirects=True))
    assert '1 invoice(s) of 2024-05 marked as paid.' in page
    client.get('/invoices/mark-all-paid?month=2023-12')
    assert [status for id, status, owner in rows(bill)] == ['paid', 'void', 'open', 'paid']


def test_mark_all_paid_needs_a_month(bill, client, make):
    id = make()
    for query in ('', '?month=may', '?month=2024-13'):
        page = text(client.get('/invoices/mark-all-paid' + query, follow_redirects=True))
        assert 'Which month?' in page
    assert status_of(bill, id) == 'open'


def test_list_and_filter(client, make):
    make()
    id = make(client_name='Bo Falk', client_email='bo@example.com', amount='50')
    client.get('/invoice/%d/status/paid' % id)
    page = text(client.get('/'))
    assert 'Ada Berg' in page and 'Bo Falk' in page
    assert 'Still to come in: <b>119.00 EUR</b>' in page
    page = text(client.get('/?status=paid'))
    assert 'Bo Falk' in page and 'Ada Berg' not in page


def test_client_pages(bill, client, make):
    make()
    id = make(amount='50')
    assert 'ada@example.com' in text(client.get('/clients'))
    page = text(client.get('/client/1'))
    assert '<title>Ada Berg</title>' in page
    assert '178.50 EUR' in page
    assert 'too long' in text(client.post('/client/1', data={'phone': '1' * 50}))
    client.post('/client/1', data={'phone': '0171', 'address': 'Mill Lane 3\n12345 Town'})
    assert 'Mill Lane 3' in text(client.get('/invoice/%d/print' % id))
    assert 'value="ada@example.com"' in text(client.get('/invoice/new?client=1'))
