from conftest import status, sums


def test_customers(ann):
    assert "No customers yet." in ann.get("/customers")
    customer_id = ann.new_customer()
    assert "Carl Meyer" in ann.get("/customers")
    page = ann.get("/customers/%d" % customer_id)
    assert "carl@meyer.example, 123" in page
    page = ann.post("/customers/new", name="", email="carl@meyer.example")
    assert "Please give a name." in page
    assert "already have a customer" in page


def test_new_bill_and_its_totals(ann):
    bill_id = ann.new_bill(ann.new_customer(), ("Design", "2.5", "80", "19"), ("Book", "3", "9.99", "7"),
                           ("Discount", "1", "-15", "19"), ("", "", "", ""))
    page = ann.get("/bills/%d" % bill_id)
    assert status(page) == "draft"
    # 200 + 29.97 - 15 = 214.97; 38 + 2.0979 - 2.85 = 37.25
    assert sums(page) == {"Net": "214.97 EUR", "Tax": "37.25 EUR", "Total": "252.22 EUR"}


def test_bill_form_errors(ann):
    customer_id = ann.new_customer()
    assert "Please choose a customer." in ann.post("/bills/new", text="a", qty="1", price="1", tax="")
    assert "Add at least one item." in ann.post("/bills/new", customer_id=customer_id)
    page = ann.post("/bills/new", customer_id=customer_id, text="Logo &c", qty="nan", price="12", tax="")
    assert "Logo &amp;c: quantity, price and tax must be numbers." in page
    assert 'value="nan"' in page and 'value="12"' in page
    assert "No bills yet." in ann.get("/bills")


def test_edit_draft(ann):
    other = ann.new_customer("Dora", "dora@example.org")
    bill_id = ann.new_bill(ann.new_customer(), ("Logo", "1", "100,50", "19"))
    url = "/bills/%d" % bill_id
    assert 'value="100.5"' in ann.get(url + "/edit")
    page = ann.post(url + "/edit", customer_id=other, note="Thanks!", text=["Poster", "Flyer"], qty=["1", ""],
                    price=["10", "20"], tax=["", "10"])
    assert "Draft saved." in page and "Dora" in page and "Thanks!" in page and "Logo" not in page
    assert sums(page)["Total"] == "32.00 EUR"


def test_send_gives_numbers_per_owner(ann, bob):
    customer, bobs_customer = ann.new_customer(), bob.new_customer()
    first, second = ann.new_bill(customer), ann.new_bill(customer)
    ann.post("/bills/%d/send" % second)
    ann.post("/bills/%d/send" % first)
    bobs = bob.new_bill(bobs_customer, send=True)
    assert "<h1>Bill 1 " in ann.get("/bills/%d" % second)
    assert "<h1>Bill 2 " in ann.get("/bills/%d" % first)
    assert "<h1>Bill 1 " in bob.get("/bills/%d" % bobs)
    assert "sent already" in ann.post("/bills/%d/send" % first)
    assert "cannot be edited" in ann.post("/bills/%d/edit" % first)


def test_bill_below_zero_is_not_sent(ann):
    bill_id = ann.new_bill(ann.new_customer(), ("Discount", "1", "-5", "0"))
    assert "cannot be below zero" in ann.post("/bills/%d/send" % bill_id)
    assert status(ann.get("/bills/%d" % bill_id)) == "draft"


def test_delete_only_drafts(ann):
    customer_id = ann.new_customer()
    draft, sent = ann.new_bill(customer_id), ann.new_bill(customer_id, send=True)
    assert "Draft deleted." in ann.post("/bills/%d/delete" % draft)
    ann.get("/bills/%d" % draft, status=404)
    assert "cancel it instead" in ann.post("/bills/%d/delete" % sent)
    ann.get("/bills/%d" % sent)


def test_add_item_to_sent_bill(ann):
    bill_id = ann.new_bill(ann.new_customer(), send=True)
    url = "/bills/%d" % bill_id
    page = ann.post(url + "/items", text="Discount", qty="1", price="-15.0", tax="19")
    assert sums(page)["Total"] == "101.15 EUR"
    assert "cannot be below zero" in ann.post(url + "/items", text="Discount", qty="1", price="-500", tax="0")
    assert "needs a text" in ann.post(url + "/items", text="", qty="1", price="5", tax="0")
    ann.post(url + "/receipts", amount="101.15", how="bank")
    page = ann.post(url + "/items", text="Extra", qty="1", price="5", tax="0")
    assert "Nothing can be added" in page
    assert sums(page)["Total"] == "101.15 EUR"


def test_owners_do_not_see_each_other(ann, bob):
    customer_id = ann.new_customer()
    bill_id = ann.new_bill(customer_id, send=True)
    bob.new_customer()  # the same email is fine
    bob.get("/customers/%d" % customer_id, status=404)
    bob.get("/bills/%d" % bill_id, status=404)
    for action in ("edit", "items", "send", "cancel", "delete", "receipts", "back", "receipts/1/delete"):
        bob.post("/bills/%d/%s" % (bill_id, action), status=404, amount="1")
    assert "No bills yet." in bob.get("/bills")
    assert "Please choose a customer." in bob.post("/bills/new", customer_id=customer_id, text="a", qty="1",
                                                   price="1", tax="")
