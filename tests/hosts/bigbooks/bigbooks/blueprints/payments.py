"""Payments by the office: record, reverse, refund, bank statement."""
from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import current_user, login_required

from bigbooks.blueprints.invoices import get_document
from bigbooks.extensions import db
from bigbooks.forms import PaymentForm, RefundForm, StatementForm
from bigbooks.models import Payment
from bigbooks.services.bank import import_statement
from bigbooks.services.billing import BillingError, refund, register_payment, reverse_payment

bp = Blueprint('payments', __name__)


@bp.route('/')
@login_required
def index():
    page = Payment.query.order_by(Payment.id.desc()).paginate(per_page=50, error_out=False)
    return render_template('payments/list.html', page=page)


@bp.route('/invoice/<int:invoice_id>/new', methods=['GET', 'POST'])
@login_required
def record(invoice_id):
    invoice = get_document(invoice_id)
    form = PaymentForm(amount=invoice.balance)
    if form.validate_on_submit():
        try:
            register_payment(invoice, form.amount.data, form.method.data, reference=form.reference.data or None,
                             staff_id=current_user.id, received_on=form.received_on.data)
        except BillingError as e:
            form.amount.errors = [str(e)]
        else:
            db.session.commit()
            flash('Payment recorded')
            return redirect(url_for('invoices.detail', invoice_id=invoice.id))
    return render_template('form.html', form=form, title='Payment of %s' % invoice.number,
                           back=url_for('invoices.detail', invoice_id=invoice.id))


@bp.route('/<int:payment_id>/reverse', methods=['POST'])
@login_required
def reverse(payment_id):
    payment = db.get_or_404(Payment, payment_id)
    try:
        reverse_payment(payment)
    except BillingError as e:
        flash(str(e), 'error')
    else:
        db.session.commit()
        flash('Payment reversed')
    return redirect(url_for('invoices.detail', invoice_id=payment.invoice_id))


@bp.route('/invoice/<int:invoice_id>/refund', methods=['GET', 'POST'])
@login_required
def refund_invoice(invoice_id):
    invoice = get_document(invoice_id)
    form = RefundForm(amount=invoice.amount_paid)
    if form.validate_on_submit():
        try:
            refund(invoice, form.amount.data, note=form.note.data, staff_id=current_user.id)
        except BillingError as e:
            form.amount.errors = [str(e)]
        else:
            db.session.commit()
            flash('Refund booked')
            return redirect(url_for('invoices.detail', invoice_id=invoice.id))
    return render_template('form.html', form=form, title='Refund of %s' % invoice.number,
                           back=url_for('invoices.detail', invoice_id=invoice.id))


@bp.route('/statement', methods=['GET', 'POST'])
@login_required
def statement():
    form = StatementForm()
    if form.validate_on_submit():
        booked, skipped = import_statement(form.file.data.read(), staff_id=current_user.id)
        return render_template('payments/statement_result.html', booked=booked, skipped=skipped)
    return render_template('form.html', form=form, title='Bank statement', back=url_for('payments.index'))
