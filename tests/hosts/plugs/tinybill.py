"""The referral program of tinybill: the discount is a percentage, credit stands beside the deposit."""
from flask import request
from flask_referrals import ModelHost, Referrals, percent_for

def plug(app, db, Client, Invoice, cents):
    Invoice.referral_percent = db.Column(db.Numeric(5, 2), nullable=False, default=0)
    Invoice.referral_credit = db.Column(db.Numeric(10, 2), nullable=False, default=0)
    Invoice.discount = property(lambda i: cents(i.amount * ((i.discount_percent or 0) + (i.referral_percent or 0)) / 100))
    Invoice.due = property(lambda i: max(i.total - cents(i.deposit or 0) - cents(i.referral_credit or 0), cents(0)))

    class TinyHost(ModelHost):
        client_model, invoice_model, currency, is_staff = Client, Invoice, "EUR", lambda self: True
        def invoice(self, bill):
            if bill.client_id is None or bill.status == "preview":
                return None
            paid, own, credit = bill.status == "paid", bill.amount * (bill.discount_percent or 0) / 100, cents(bill.referral_credit or 0)
            return self.value(bill, subtotal=cents(bill.amount) - cents(own), total=bill.total, credit=credit, settled=paid,
                paid=bill.total - credit if paid else cents(bill.deposit or 0), void=bill.status == "void")
        def apply_discount(self, bill, discount):
            bill.referral_percent = percent_for(discount, self.money(cents(bill.amount), bill))
            return self.money(cents(bill.amount), bill).percent(bill.referral_percent)
        def apply_credit(self, bill, credit):
            bill.referral_credit = credit.amount

    app.config.update(REFERRALS_BASE_TEMPLATE="site.html", REFERRALS_BASE_BLOCK="page", REFERRALS_TITLE_BLOCK="")
    (referrals := Referrals(TinyHost(), app, db=db)).watch(code=lambda client: request.form.get("referral_code"))
    return referrals
