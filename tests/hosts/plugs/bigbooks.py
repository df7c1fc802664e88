# The referral program of Northfield: the discount is a line for each tax rate, credit is a payment of its own method.
from flask_referrals import ModelHost, ReferralCodeField, Referrals, spread_by
from bigbooks import forms, models
from bigbooks.services import billing, totals

class BooksHost(ModelHost):
    client_model, client_email, portal_client, staff_model = models.Client, 'billing_email', 'contact.client', models.Staff
    invoice_model, invoice_currency, discount, credit = models.Invoice, 'currency', 'Referral discount', 'referral credit'
    endpoints = dict(registration='portal.signup', login='portal.login', client='clients.detail', invoice='invoices.detail')

    def invoice(self, invoice):
        return None if invoice.kind != 'invoice' or invoice.status == 'draft' else self.value(
            invoice, total=invoice.total, void=invoice.status == 'void' or invoice.deleted_at is not None,
            subtotal=sum(line.line_total for line in invoice.lines if line.description != self.discount),
            payments=[(invoice.credit_applied, False), *((p.amount, p.method == self.credit) for p in invoice.payments if not p.reversed_at)])

    def apply_discount(self, invoice, discount):
        invoice.lines[:] = [line for line in invoice.lines if line.description != self.discount]
        for rate, part in spread_by(discount, ((line.tax_rate, line.line_total) for line in invoice.lines)).items():
            invoice.lines.append(models.InvoiceLine(description=self.discount, unit_price=-part.amount, qty=1, discount=0, tax_rate=rate))
        totals.recalculate(invoice)

    def apply_credit(self, invoice, credit):
        for payment in [p for p in invoice.payments if p.method == self.credit and not p.reversed_at]:
            billing.reverse_payment(payment)
        if credit:
            billing.register_payment(invoice, credit.amount, self.credit)

forms.NewClientForm.referral_code = forms.SignupForm.referral_code = ReferralCodeField()
referrals = Referrals(BooksHost(), db=models.db, base_template='layouts/portal.html', base_block='portal_body', title_block='portal_title',
    admin_base_template='layouts/app.html', admin_base_block='page_content', admin_title_block='page_title').watch()
