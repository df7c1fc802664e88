"""The referral program of Freelance: a discount is negative items, credit a receipt; the customer's link is its login."""
from flask_referrals import ModelHost, Referrals, spread
from . import csrf_field, models, totals

class FreelanceHost(ModelHost):
    client_model, client_org, client_token = models.Customer, "owner_id", "portal_token"
    org_model, org_title, org_session, floats = models.Owner, "business_name", "owner_id", True
    invoice_model, invoice_client, invoice_currency, label = models.Bill, "customer_id", "owner.currency", "Referral discount"
    csrf_field = lambda self: csrf_field()
    registration_url = lambda self, org: None  # the owner makes the customers

    def invoice(self, bill):
        return None if bill.sent_on is None else self.value(bill, total=totals.gross(bill), void=bill.cancelled,
            subtotal=sum(totals.line(item) for item in bill.items if item.text != self.label),
            credit=sum(receipt.amount for receipt in bill.receipts if receipt.how == "credit"),
            payments=[-r.amount if r.how == "back" else r.amount for r in bill.receipts if r.how != "credit"])
    def apply_discount(self, bill, discount):  # over the items, so that each tax rate is right to the last cent
        own = [item for item in bill.items if item.text != self.label]
        parts = zip(own, spread(discount, [max(self.money(totals.line(item), bill).minor, 0) for item in own]))
        bill.items = own + [models.BillItem(text=self.label, price=-float(off.amount), tax=i.tax) for i, off in parts if off]
    def apply_credit(self, bill, credit):
        bill.receipts = [receipt for receipt in bill.receipts if receipt.how != "credit"]
        bill.receipts += [models.Receipt(how="credit", amount=float(credit.amount))] if credit else []

def plug(app, Session):
    parts = {models.BillItem: lambda item: item.bill, models.Receipt: lambda receipt: receipt.bill}
    Referrals(FreelanceHost(), session=Session).watch(parts=parts, code="referral_code").init_app(
        app, base_template="base.html", portal_prefix="/p/<token>/referrals")
