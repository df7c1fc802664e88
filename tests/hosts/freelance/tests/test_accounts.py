import re

from conftest import Browser

from freelance import create_app


def test_signup_logout_login(ann):
    assert "Bills of Ann&#39;s Studio" in ann.get("/bills")
    ann.post("/logout")
    ann.get("/bills", status=302)
    assert "Email or password is wrong." in ann.post("/login", email="ann@studio.example", password="wrong")
    assert "Bills of Ann" in ann.post("/login", email="Ann@Studio.example", password="long enough")


def test_signup_errors(ann, nobody):
    page = nobody.post("/signup", email="nonsense", password="short", business_name="", currency="XXX")
    assert "valid email address" in page
    assert "at least 8 characters" in page
    assert "name of your business" in page
    assert "choose a currency" in page
    assert "already an account" in nobody.signup()


def test_login_is_needed(nobody):
    for url in ("/bills", "/bills/new", "/bills/1", "/customers", "/customers/1"):
        response = nobody.client.get(url)
        assert response.status_code == 302
        assert response.location == "/login"


def test_account_that_is_gone(ann):
    with ann.client.session_transaction() as session:
        session["owner_id"] = 999
    ann.get("/bills", status=302)
    assert "Log in" in ann.get("/login")


def token(page):
    return re.search(r'name="_token" value="([0-9a-f]{32})"', page).group(1)


def test_forms_need_the_token(config):
    browser = Browser(create_app(config))
    form = {"email": "ann@studio.example", "business_name": "Ann", "password": "long enough", "currency": "EUR"}
    assert "The form has expired" in browser.post("/signup", status=400, **form)
    good = token(browser.get("/signup"))
    browser.post("/signup", status=400, _token="0" * 32, **form)
    assert "Bills of Ann" in browser.post("/signup", _token=good, **form)


def test_portal_payment_with_token(config):
    app = create_app(config)
    ann, customer = Browser(app), Browser(app)
    good = token(ann.get("/signup"))
    ann.signup(_token=good)
    ann.post("/customers/new", name="Carl", email="carl@meyer.example", _token=good)
    customer_id = ann.last_id()
    ann.post("/bills/new", customer_id=customer_id, text="Logo", qty="1", price="50", tax="0", _token=good)
    url = "/bills/%d" % ann.last_id()
    ann.post(url + "/send", _token=good)
    bill = ann.portal(customer_id) + url.replace("bills", "bill")
    customer.post(bill + "/pay", status=400)
    customer.post(bill + "/pay", status=400, _token=good)
    page = customer.get(bill)
    assert "your payment has arrived" in customer.post(bill + "/pay", _token=token(page))
