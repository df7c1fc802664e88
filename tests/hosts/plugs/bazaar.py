"""The referral program of Bazaar: each shop has one of its own, and every user is a client of every shop."""
from flask import g, url_for
from flask_referrals import ModelHost, Referrals
from bazaar import models, signals

class BazaarHost(ModelHost):
    client_model, client_name, org_model, org_key = models.User, "full_name", models.Shop, "slug"
    invoice_model, invoice_client, invoice_org, invoice_currency = models.Order, "buyer_id", "shop.slug", "currency"
    minor_units, invoice_discount, invoice_credit = True, "discount_cents", "store_credit_cents"

    def invoice(self, order):
        return self.value(order, subtotal=order.subtotal_cents, total=order.total_cents, paid=order.paid_cents,
            settled=order.status is models.OrderStatus.paid, void=order.status is models.OrderStatus.canceled)
    def is_staff(self):
        g.shop = self.find_org(self.current_org())  # as in the backoffice's own views; its layout shows it
        return bool(g.shop and g.get("merchant") and g.merchant.runs(g.shop))
    def registration_url(self, org):
        return url_for("account.sign_up", shop=org)

def plug(app, *pages):
    referrals.init_app(app, pages=pages, transaction="after_commit", site_url="https://bazaar.example",
        portal_prefix="/shops/<org>/referrals", base_template="layout.html", base_block="body", title_block="head_title",
        admin_prefix="/<org>/referrals", admin_base_template="bo/frame.html", admin_base_block="main", admin_title_block="")

referrals = Referrals(host := BazaarHost(), db=models.db)
# A user becomes a client of a shop by signing up there, or else by the first order.
referrals.hear(client=lambda event: host.find_client(event.shop_slug, str(getattr(event, "buyer_id", None) or event.user_id)),
    invoice=lambda event: host.find_invoice(event.shop_slug, str(event.order_id)),
    client_registered=[signals.user_registered, signals.order_placed], invoice_created=signals.order_placed,
    invoice_paid=signals.order_paid, invoice_refunded=signals.order_refunded, invoice_voided=signals.order_canceled)
