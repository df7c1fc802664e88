"""The referral program of Freelance: a discount is negative items, credit a receipt; the customer's link is its login."""
from flask_referrals import ModelHost, Referrals, spread_by
from . import csrf_field, models, totals

class FreelanceHost(ModelHost):
    client_model, client_org, client_token = models.Customer, "owner_id", "portal_token"
    org_model, org_title, org_session, floats = models.Owner, "business_name", "owner_id", True
    invoice_model, invoice_client, invoice_currency, discount = models.Bill, "customer_id", "owner.currency", "Referral discount"
    endpoints = {"registration": None, "client": "owner.customer", "invoice": "owner.bill"}  # the owner makes the customers
    csrf_field = lambda self: csrf_field()

    def invoice(self, bill):
        return None if bill.sent_on is None else self.value(bill, total=totals.gross(bill), void=bill.cancelled,
            subtotal=sum(totals.line(item) for item in bill.items if item.text != self.discount),
            payments=[(-r.amount if r.how == "back" else r.amount, r.how == "credit") for r in bill.receipts])
    def apply_discount(self, bill, discount):
        bill.items = [item for item in bill.items if item.text != self.discount]
        for tax, off in spread_by(discount, [(item.tax, self.money(totals.line(item), bill)) for item in bill.items]).items():
            bill.items.append(models.BillItem(text=self.discount, price=-float(off.amount), tax=tax))
    def apply_credit(self, bill, credit):
        bill.receipts = [receipt for receipt in bill.receipts if receipt.how != "credit"]
        if credit:
            bill.receipts.append(models.Receipt(how="credit", amount=float(credit.amount)))

def plug(app, Session):
    parts = {models.BillItem: lambda item: item.bill, models.Receipt: lambda receipt: receipt.bill}
    settings = dict(base_template="base.html", portal_prefix="/p/<token>/referrals")
    return Referrals(FreelanceHost(), app, session=Session, **settings).watch(parts=parts)
