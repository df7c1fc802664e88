import re

import pytest
from conftest import status, sums


@pytest.fixture
def bill(ann):
    """The address of a sent bill over 119.00."""
    return "/bills/%d" % ann.new_bill(ann.new_customer(), send=True)


def test_receipts_until_paid(ann, bill):
    page = ann.post(bill + "/receipts", amount="100", how="bank", on="2023-11-05")
    assert "2023-11-05" in page
    assert status(page) == "open"
    assert sums(page)["Open"] == "19.00 EUR"
    assert "Still to come in: <strong>19.00 EUR" in ann.get("/bills")
    page = ann.post(bill + "/receipts", amount="19,00", how="cash")
    assert status(page) == "paid"
    assert sums(page)["Open"] == "0.00 EUR"


def test_receipt_errors(ann, bill):
    assert "above zero" in ann.post(bill + "/receipts", amount="-3", how="bank")
    assert "above zero" in ann.post(bill + "/receipts", amount="inf", how="bank")
    assert "how the money came in" in ann.post(bill + "/receipts", amount="3", how="back")
    assert "date is not valid" in ann.post(bill + "/receipts", amount="3", how="bank", on="tomorrow")
    draft = ann.new_bill(ann.new_customer("Dora", "dora@example.org"))
    assert "only be recorded for a sent bill" in ann.post("/bills/%d/receipts" % draft, amount="3", how="bank")
    assert sums(ann.get(bill))["Paid"] == "0.00 EUR"


def test_pay_too_much_and_give_back(ann, bill):
    page = ann.post(bill + "/receipts", amount="129", how="bank")
    assert status(page) == "paid"
    assert sums(page)["Open"] == "-10.00 EUR"
    assert "more than came in" in ann.post(bill + "/back", amount="129.01")
    page = ann.post(bill + "/back", amount="10")
    assert "-10.00 EUR" in page and status(page) == "paid"
    page = ann.post(bill + "/back", amount="20")
    assert status(page) == "open"
    assert sums(page)["Open"] == "20.00 EUR"


def test_delete_receipt(ann, bill):
    ann.post(bill + "/receipts", amount="119", how="card")
    page = ann.post(bill + "/back", amount="50")
    came_in, back = re.findall(r'action="(/bills/\d+/receipts/\d+/delete)"', page)
    assert "was given back" in ann.post(came_in)
    assert status(ann.post(back)) == "paid"
    page = ann.post(came_in)
    assert "Receipt deleted." in page
    assert sums(page)["Open"] == "119.00 EUR"
    ann.post(came_in, status=404)


def test_cancel(ann, bill):
    ann.post(bill + "/receipts", amount="119", how="bank")
    page = ann.post(bill + "/cancel")
    assert status(page) == "cancelled"
    assert "only be recorded for a sent bill" in ann.post(bill + "/receipts", amount="1", how="bank")
    assert sums(ann.post(bill + "/back", amount="119"))["Paid"] == "0.00 EUR"
    assert "Still to come in: <strong>0.00 EUR" in ann.get("/bills")
    draft = ann.new_bill(ann.new_customer("Dora", "dora@example.org"))
    assert "delete it instead" in ann.post("/bills/%d/cancel" % draft)


def test_portal(ann, nobody):
    customer_id = ann.new_customer()
    draft = ann.new_bill(customer_id)
    sent = ann.new_bill(customer_id, ("Logo", "1", "80", "0"), send=True)
    portal = ann.portal(customer_id)
    page = nobody.get(portal)
    assert "Hello Carl Meyer" in page and "Bill 1" in page and "Draft" not in page
    nobody.get("%s/bill/%d" % (portal, draft), status=404)
    nobody.get("/p/%s" % ("0" * 32), status=404)
    ann.post("/bills/%d/receipts" % sent, amount="30", how="bank")
    url = "%s/bill/%d" % (portal, sent)
    assert "Pay 50.00 EUR by card" in nobody.get(url)
    page = nobody.post(url + "/pay")
    assert "your payment has arrived" in page and status(page) == "paid"
    assert "by card" not in page
    assert "nothing to pay" in nobody.post(url + "/pay")
    assert sums(ann.get("/bills/%d" % sent))["Paid"] == "80.00 EUR"


def test_portal_shows_only_own_bills(ann, nobody):
    bill_id = ann.new_bill(ann.new_customer(), send=True)
    portal = ann.portal(ann.new_customer("Dora", "dora@example.org"))
    assert "There are no bills yet." in nobody.get(portal)
    nobody.get("%s/bill/%d" % (portal, bill_id), status=404)
    nobody.post("%s/bill/%d/pay" % (portal, bill_id), status=404)
