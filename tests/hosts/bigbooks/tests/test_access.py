"""Logging in, CSRF, headers, rights."""
import re

from bigbooks.extensions import db
from bigbooks.models import Client, Contact


def token_of(response):
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', response.text).group(1)


def test_login_is_needed_with_the_right_password(client):
    for url in ('/invoices/', '/clients/', '/payments/', '/estimates/', '/admin/'):
        response = client.get(url)
        assert response.status_code == 302
        assert '/auth/login' in response.location
    response = client.post('/auth/login', data={'email': 'carl@northfield.example', 'password': 'nope'})
    assert 'Wrong e-mail or password' in response.text


def test_missing_csrf_token_redirects(csrf_client):
    login = {'email': 'carl@northfield.example', 'password': 'secret-carl'}
    response = csrf_client.post('/auth/login', data=login)
    assert response.status_code == 302
    assert response.location == '/auth/login'
    assert 'Your session expired' in csrf_client.get('/auth/login').text

    response = csrf_client.post('/portal/signup', data={'company': 'X'},
                                headers={'Referer': 'http://localhost/portal/signup'})
    assert response.location == 'http://localhost/portal/signup'


def test_staff_works_with_csrf_token(csrf_client):
    token = token_of(csrf_client.get('/auth/login'))
    response = csrf_client.post('/auth/login?next=/clients/', data={
        'email': 'carl@northfield.example', 'password': 'secret-carl', 'csrf_token': token})
    assert response.location == '/clients/'
    token = token_of(csrf_client.get('/clients/new'))
    response = csrf_client.post('/clients/new', data={
        'name': 'Globex', 'currency': 'GBP', 'contact_email': 'Hank@Globex.example', 'csrf_token': token})
    page = csrf_client.get(response.location).text
    assert 'Globex' in page and 'hank@globex.example' in page


def test_security_headers_everywhere(client, clerk):
    for response in (client.get('/auth/login'), client.get('/nowhere'), client.get('/portal/'),
                     client.get('/api/invoices/1'), client.get('/static/bigbooks.css'), clerk.get('/invoices/')):
        policy = response.headers['Content-Security-Policy']
        assert "default-src 'self'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert 'unsafe' not in policy
        assert '<script' not in response.text and 'style=' not in response.text


def test_admin_pages(admin, clerk):
    assert clerk.get('/admin/').status_code == 403
    for url in ('/admin/', '/admin/staff', '/admin/deleted', '/admin/staff/new'):
        assert admin.get(url).status_code == 200
    new = {'email': 'eve@northfield.example', 'name': 'Eve', 'role': 'staff', 'active': 'y'}
    assert 'needs a password' in admin.post('/admin/staff/new', data=new).text
    admin.post('/admin/staff/new', data=dict(new, password='long enough'))
    assert 'eve@northfield.example' in admin.get('/admin/staff').text


def test_portal_signup_then_login(app, client):
    response = client.post('/portal/signup', data={
        'company': 'Initech', 'name': 'Peter', 'email': 'Peter@Initech.example'})
    assert response.location == '/portal/welcome'
    with app.app_context():
        contact = Contact.query.filter_by(email='peter@initech.example').one()
        assert contact.client.name == 'Initech'
        assert contact.client.source == 'portal'
        code = contact.access_code
    assert code in client.get('/portal/welcome').text
    client.post('/portal/logout')
    assert client.get('/portal/').location == '/portal/login'

    login = {'email': 'peter@initech.example', 'access_code': 'wrong'}
    assert 'Wrong e-mail or access code' in client.post('/portal/login', data=login).text
    assert client.post('/portal/login', data=dict(login, access_code=code)).location == '/portal/'
    assert 'Initech' in client.get('/portal/').text
    client.post('/portal/account', data={'name': 'Peter G.', 'phone': '123'})
    assert 'Peter G.' in client.get('/portal/account').text


def test_portal_signup_needs_a_new_email(app, client):
    page = client.post('/portal/signup', data={'company': 'Acme 2', 'name': 'W', 'email': 'wile@acme.example'})
    assert 'e-mail address already' in page.text
    with app.app_context():
        assert db.session.query(Client).count() == 1


def test_portal_shows_only_own_documents(books, client, portal):
    invoice_id = books.invoice()
    draft_id = books.invoice(sent=False)
    assert 'INV-00001' in portal.get('/portal/').text
    assert portal.get('/portal/invoices/%d' % invoice_id).status_code == 200
    assert portal.get('/portal/invoices/%d' % draft_id).status_code == 404
    client.post('/portal/signup', data={'company': 'Other', 'name': 'O', 'email': 'o@other.example'})
    assert client.get('/portal/invoices/%d' % invoice_id).status_code == 404
    assert client.get('/invoices/%d' % invoice_id).status_code == 302
