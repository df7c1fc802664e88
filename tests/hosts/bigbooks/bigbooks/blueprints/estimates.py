"""Estimates are invoices of another kind. They become invoices by conversion."""
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user, login_required

from bigbooks.blueprints.invoices import get_document, render_detail
from bigbooks.extensions import db
from bigbooks.forms import EstimateForm
from bigbooks.models import Client, Invoice
from bigbooks.services.billing import build_invoice, copy_lines
from bigbooks.services.totals import recalculate
from bigbooks.utils import utcnow

bp = Blueprint('estimates', __name__)


def get_estimate(invoice_id):
    estimate = get_document(invoice_id)
    if estimate.kind != 'estimate':
        abort(404)
    return estimate


@bp.route('/')
@login_required
def index():
    estimates = Invoice.query.filter_by(kind='estimate', deleted_at=None).order_by(Invoice.id.desc()).all()
    return render_template('estimates/list.html', estimates=estimates)


@bp.route('/new', methods=['GET', 'POST'])
@login_required
def new():
    form = EstimateForm()
    form.fill_clients()
    if form.validate_on_submit():
        estimate = build_invoice(db.session.get(Client, form.client_id.data), kind='estimate',
                                 notes=form.notes.data, created_by_id=current_user.id)
        db.session.commit()
        return redirect(url_for('estimates.detail', invoice_id=estimate.id))
    return render_template('form.html', form=form, title='New estimate', back=url_for('estimates.index'))


@bp.route('/<int:invoice_id>')
@login_required
def detail(invoice_id):
    return render_detail(get_estimate(invoice_id))


@bp.route('/<int:invoice_id>/convert', methods=['POST'])
@login_required
def convert(invoice_id):
    estimate = get_estimate(invoice_id)
    if estimate.conversions or estimate.status == 'void' or not estimate.lines:
        flash('This estimate cannot be converted', 'error')
        return redirect(url_for('estimates.detail', invoice_id=estimate.id))
    invoice = build_invoice(estimate.client, currency=estimate.currency, notes=estimate.notes,
                            converted_from_id=estimate.id, created_by_id=current_user.id)
    estimate.accepted_at = estimate.accepted_at or utcnow()
    db.session.commit()
    copy_lines(estimate, invoice)
    recalculate(invoice)
    db.session.commit()
    flash('%s became %s' % (estimate.number, invoice.number))
    return redirect(url_for('invoices.detail', invoice_id=invoice.id))
