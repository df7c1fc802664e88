"""Making and changing invoices and estimates, and the ways money leaves them."""
from datetime import date
from decimal import Decimal

from bigbooks.extensions import db
from bigbooks.models import Client, Invoice


def test_totals_come_with_the_lines(books, clerk):
    response = clerk.post('/invoices/new', data={'client_id': '1', 'kind': 'invoice'})
    invoice = books.get(1)
    assert response.location == '/invoices/1'
    assert (invoice.number, invoice.status, invoice.total) == ('INV-00001', 'draft', 0)

    line = {'description': 'Rocket', 'qty': '3', 'unit_price': '33.33', 'discount': '9.99', 'tax_rate': '7.5'}
    clerk.post('/invoices/1/lines', data=line)
    clerk.post('/invoices/1/lines', data={'description': 'Fuse', 'qty': '2', 'unit_price': '5'})
    invoice = books.get(1)
    assert invoice.subtotal == Decimal('109.99')
    assert invoice.discount_total == Decimal('9.99')
    assert invoice.tax_total == Decimal('8.75')
    assert invoice.total == Decimal('108.75')
    assert invoice.lines[0].line_total == Decimal('90.00')

    clerk.post('/invoices/1/lines/2/delete')
    assert books.get(1).total == Decimal('96.75')
    assert 'Rocket' in clerk.get('/invoices/1/lines/1').text


def test_line_errors_are_shown(books, clerk):
    invoice_id = books.invoice()
    line = {'qty': '1', 'unit_price': '5', 'discount': '6'}
    page = clerk.post('/invoices/%d/lines' % invoice_id, data=line)
    assert 'This field is required' in page.text
    assert 'more than the line' in page.text


def test_list_and_search(books, clerk):
    books.invoice()
    books.invoice(sent=False)
    clerk.get('/invoices/')   # takes away the messages
    page = clerk.get('/invoices/?status=draft').text
    assert 'INV-00002' in page and 'INV-00001' not in page
    assert 'INV-00001' in clerk.get('/invoices/?q=acme').text
    assert 'INV-00001' in clerk.get('/clients/1').text
    assert 'No invoices.' in clerk.get('/invoices/?q=zzz').text


def test_estimate_to_invoice(books, clerk, portal):
    assert clerk.post('/estimates/new', data={'client_id': '1'}).location == '/estimates/1'
    clerk.post('/invoices/1/lines', data={'description': 'Trap', 'qty': '2', 'unit_price': '50', 'discount': '10'})
    clerk.post('/invoices/1/send')
    assert 'EST-00001' in portal.get('/portal/').text
    portal.post('/portal/estimates/1/accept')
    assert 'Accepted on' in portal.get('/portal/estimates/1').text

    assert clerk.post('/estimates/1/convert').location == '/invoices/2'
    invoice = books.get(2)
    assert (invoice.number, invoice.kind, invoice.status) == ('INV-00001', 'invoice', 'draft')
    assert invoice.total == Decimal('108.00')
    assert [line.description for line in invoice.lines] == ['Trap']
    assert 'EST-00001' in clerk.get('/invoices/2').text
    clerk.post('/estimates/1/convert')
    with books.app.app_context():
        assert Invoice.query.count() == 2


def test_recurring(books, clerk):
    clerk.post('/invoices/new', data={'client_id': '1', 'kind': 'recurring_template', 'repeat_months': '3',
                                      'next_run': '2021-11-30'})
    clerk.post('/invoices/1/lines', data={'description': 'Rent', 'qty': '1', 'unit_price': '10', 'tax_rate': '0'})
    result = books.app.test_cli_runner().invoke(args=['bill', 'run-recurring'])
    assert 'REC-00001 -> INV-00001' in result.output
    assert books.get(2).total == Decimal('10.00')
    assert books.get(1).next_run == date(2022, 2, 28)
    assert 'next on 28 Feb 2022' in clerk.get('/invoices/1').text


def test_reversal(books, clerk):
    invoice_id = books.invoice()
    books.pay(invoice_id, '50')
    books.pay(invoice_id, '70')
    invoice = books.check(invoice_id, 'paid', '120.00')
    clerk.post('/payments/%d/reverse' % invoice.payments[1].id)
    books.check(invoice_id, 'part_paid', '50.00', '70.00')
    clerk.post('/payments/%d/reverse' % invoice.payments[1].id)
    clerk.post('/payments/%d/reverse' % invoice.payments[0].id)
    invoice = books.check(invoice_id, 'sent', '0.00', '120.00')
    assert all(payment.reversed_at for payment in invoice.payments)
    assert 'class="gone"' in clerk.get('/payments/').text


def test_refund(books, clerk):
    invoice_id = books.invoice()
    url = '/payments/invoice/%d/refund' % invoice_id
    books.pay(invoice_id, '120')
    assert 'at most 120.00' in clerk.post(url, data={'amount': '121', 'note': 'x'}).text
    clerk.post(url, data={'amount': '20', 'note': 'Scratched'})
    invoice = books.check(invoice_id, 'part_paid', '100.00', '20.00')
    assert invoice.payments[-1].amount == Decimal('-20.00')
    clerk.post(url, data={'amount': '100', 'note': 'Sent back'})
    books.check(invoice_id, 'sent', '0.00', '120.00')


def test_admin_raises_a_paid_invoice(books, clerk, admin):
    invoice_id = books.invoice()
    books.pay(invoice_id, '120')
    line = {'description': 'Extra', 'qty': '1', 'unit_price': '10', 'tax_rate': '0'}
    assert clerk.post('/invoices/%d/lines' % invoice_id, data=line).status_code == 403
    admin.post('/invoices/%d/lines' % invoice_id, data=line)
    books.check(invoice_id, 'part_paid', '120.00', '10.00')
    admin.post('/invoices/%d/write-off' % invoice_id)
    assert books.get(invoice_id).status == 'written_off'


def test_void_gives_the_credit_back(books, clerk, admin):
    invoice_id = books.invoice()
    clerk.post('/clients/1/credit-notes/new', data={'amount': '150', 'reason': 'Late'})
    clerk.post('/invoices/%d/apply-credit' % invoice_id, data={'credit_note_id': '1'})
    assert books.get(invoice_id).status == 'paid'
    assert clerk.post('/invoices/%d/void' % invoice_id).status_code == 403
    admin.post('/invoices/%d/void' % invoice_id)
    assert books.get(invoice_id).status == 'void'
    with books.app.app_context():
        assert db.session.get(Client, 1).open_credit == Decimal('150.00')


def test_soft_delete_and_restore(books, clerk, admin):
    invoice_id = books.invoice()
    assert clerk.post('/invoices/%d/delete' % invoice_id).status_code == 403
    admin.post('/invoices/%d/delete' % invoice_id)
    assert books.get(invoice_id).deleted_at
    assert clerk.get('/invoices/%d' % invoice_id).status_code == 404
    assert 'INV-00001' not in clerk.get('/invoices/').text
    assert 'INV-00001' in admin.get('/admin/deleted').text
    admin.post('/admin/deleted/%d/restore' % invoice_id)
    assert clerk.get('/invoices/%d' % invoice_id).status_code == 200
