"""Invoices and their lines. The lines of estimates are edited here too."""
from decimal import Decimal

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from sqlalchemy import insert, update

from bigbooks.extensions import db
from bigbooks.forms import InvoiceEditForm, InvoiceForm, LineForm, QuickSaleForm
from bigbooks.models import OPEN_STATUSES, STATUSES, Client, CreditNote, Invoice, InvoiceLine, Payment
from bigbooks.services import billing
from bigbooks.services.totals import recalculate
from bigbooks.utils import admin_required, utcnow

bp = Blueprint('invoices', __name__)


def get_document(invoice_id):
    invoice = db.session.get(Invoice, invoice_id)
    if invoice is None or invoice.deleted_at is not None:
        abort(404)
    return invoice


def page_of(invoice):
    endpoint = 'estimates.detail' if invoice.kind == 'estimate' else 'invoices.detail'
    return url_for(endpoint, invoice_id=invoice.id)


def check_editable(invoice):
    """Drafts and sent invoices by everybody, (part) paid ones by admins, the rest by nobody."""
    if invoice.status in ('draft', 'sent'):
        return
    if invoice.status in ('part_paid', 'paid') and current_user.is_admin:
        return
    abort(403)


@bp.route('/')
@login_required
def index():
    query = Invoice.query.filter(Invoice.kind != 'estimate', Invoice.deleted_at.is_(None)).join(Client)
    status = request.args.get('status', '')
    search = request.args.get('q', '').strip()
    if status in STATUSES:
        query = query.filter(Invoice.status == status)
    if search:
        pattern = '%' + search + '%'
        query = query.filter(Invoice.number.ilike(pattern) | Client.name.ilike(pattern))
    page = query.order_by(Invoice.id.desc()).paginate(per_page=50, error_out=False)
    return render_template('invoices/list.html', page=page, status=status, search=search, statuses=STATUSES)


@bp.route('/bulk', methods=['POST'])
@login_required
def bulk():
    """One action on all the ticked invoices."""
    ids = [int(i) for i in request.form.getlist('ids') if i.isdigit()]
    action = request.form.get('action')
    now = utcnow()
    chosen = Invoice.query.filter(Invoice.id.in_(ids), Invoice.kind == 'invoice', Invoice.deleted_at.is_(None))
    if action == 'send':
        found = chosen.filter(Invoice.status == 'draft').all()
        for invoice in found:
            invoice.status = 'sent'
            invoice.sent_at = now
    elif action == 'mark_paid':
        found = [i for i in chosen.filter(Invoice.status.in_(OPEN_STATUSES)) if i.balance > 0]
        if found:
            db.session.execute(insert(Payment), [
                {'invoice_id': i.id, 'amount': i.balance, 'method': 'bulk', 'staff_id': current_user.id,
                 'received_on': now.date(), 'created_at': now} for i in found])
            db.session.execute(
                update(Invoice)
                .where(Invoice.id.in_([i.id for i in found]))
                .values(status='paid', amount_paid=Invoice.total - Invoice.credit_applied, paid_at=now)
                .execution_options(synchronize_session=False))
    else:
        abort(400)
    db.session.commit()
    flash('%d invoices changed' % len(found))
    return redirect(url_for('invoices.index'))


@bp.route('/new', methods=['GET', 'POST'])
@login_required
def new():
    form = InvoiceForm(client_id=request.args.get('client_id', type=int))
    form.fill_clients()
    if form.validate_on_submit():
        invoice = billing.build_invoice(
            db.session.get(Client, form.client_id.data), kind=form.kind.data, due_date=form.due_date.data,
            notes=form.notes.data, created_by_id=current_user.id)
        if invoice.kind == 'recurring_template':
            invoice.repeat_months = form.repeat_months.data or 1
            invoice.next_run = form.next_run.data or utcnow().date()
        db.session.commit()
        flash('%s made, now add its lines' % invoice.number)
        return redirect(url_for('invoices.detail', invoice_id=invoice.id))
    return render_template('form.html', form=form, title='New invoice', back=url_for('invoices.index'))


@bp.route('/quick-sale', methods=['GET', 'POST'])
@login_required
def quick_sale():
    """Over the counter: the invoice is made and paid in one go."""
    form = QuickSaleForm()
    form.fill_clients()
    if form.validate_on_submit():
        now = utcnow()
        invoice = billing.build_invoice(db.session.get(Client, form.client_id.data), due_date=now.date(),
                                        created_by_id=current_user.id)
        invoice.lines.append(InvoiceLine(
            description=form.description.data, qty=form.qty.data, unit_price=form.unit_price.data,
            discount=Decimal('0'), tax_rate=form.tax_rate.data))
        recalculate(invoice)
        invoice.payments.append(Payment(amount=invoice.total, method=form.method.data, received_on=now.date(),
                                        staff_id=current_user.id, note='Quick sale'))
        invoice.amount_paid = invoice.total
        invoice.status = 'paid'
        invoice.sent_at = invoice.paid_at = now
        db.session.commit()
        flash('Sold: %s' % invoice.number)
        return redirect(url_for('invoices.detail', invoice_id=invoice.id))
    return render_template('form.html', form=form, title='Quick sale', back=url_for('invoices.index'))


def render_detail(invoice, line_form=None):
    notes = [n for n in invoice.client.credit_notes if n.remaining > 0]
    template = 'estimates/detail.html' if invoice.kind == 'estimate' else 'invoices/detail.html'
    return render_template(template, invoice=invoice, line_form=line_form or LineForm(formdata=None),
                           credit_notes=notes)


@bp.route('/<int:invoice_id>')
@login_required
def detail(invoice_id):
    invoice = get_document(invoice_id)
    if invoice.kind == 'estimate':
        return redirect(page_of(invoice))
    return render_detail(invoice)


@bp.route('/<int:invoice_id>/edit', methods=['GET', 'POST'])
@login_required
def edit(invoice_id):
    invoice = get_document(invoice_id)
    check_editable(invoice)
    form = InvoiceEditForm(obj=invoice)
    if form.validate_on_submit():
        form.populate_obj(invoice)
        db.session.commit()
        return redirect(page_of(invoice))
    return render_template('form.html', form=form, title='Edit %s' % invoice.number, back=page_of(invoice))


def lines_changed(invoice):
    """New sums; a paid invoice that costs more now is only paid in part."""
    recalculate(invoice)
    if invoice.status == 'paid' and invoice.balance > 0:
        invoice.status = 'part_paid'
        invoice.paid_at = None
        flash('The invoice is not fully paid any more', 'warning')
    db.session.commit()


@bp.route('/<int:invoice_id>/lines', methods=['POST'])
@login_required
def add_line(invoice_id):
    invoice = get_document(invoice_id)
    check_editable(invoice)
    form = LineForm()
    if not form.validate_on_submit():
        return render_detail(invoice, form)
    line = InvoiceLine()
    form.fill(line)
    invoice.lines.append(line)
    lines_changed(invoice)
    return redirect(page_of(invoice))


@bp.route('/<int:invoice_id>/lines/<int:line_id>', methods=['GET', 'POST'])
@login_required
def edit_line(invoice_id, line_id):
    invoice = get_document(invoice_id)
    check_editable(invoice)
    line = InvoiceLine.query.filter_by(id=line_id, invoice_id=invoice.id).first_or_404()
    form = LineForm(obj=line)
    if form.validate_on_submit():
        form.fill(line)
        lines_changed(invoice)
        return redirect(page_of(invoice))
    return render_template('form.html', form=form, title='Line of %s' % invoice.number, back=page_of(invoice))


@bp.route('/<int:invoice_id>/lines/<int:line_id>/delete', methods=['POST'])
@login_required
def delete_line(invoice_id, line_id):
    invoice = get_document(invoice_id)
    check_editable(invoice)
    line = InvoiceLine.query.filter_by(id=line_id, invoice_id=invoice.id).first_or_404()
    invoice.lines.remove(line)
    lines_changed(invoice)
    return redirect(page_of(invoice))


@bp.route('/<int:invoice_id>/send', methods=['POST'])
@login_required
def send(invoice_id):
    invoice = get_document(invoice_id)
    if invoice.status != 'draft' or not invoice.lines:
        flash('Only drafts with lines can be sent', 'error')
    else:
        invoice.status = 'sent'
        invoice.sent_at = utcnow()
        db.session.commit()
        flash('%s is sent' % invoice.number)
    return redirect(page_of(invoice))


@bp.route('/<int:invoice_id>/mark-paid', methods=['POST'])
@login_required
def mark_paid(invoice_id):
    """The button for those who know that the money is there."""
    invoice = get_document(invoice_id)
    if invoice.kind != 'invoice' or invoice.status not in ('draft', 'sent', 'part_paid') or invoice.total <= 0:
        flash('This invoice cannot be marked as paid', 'error')
        return redirect(page_of(invoice))
    now = utcnow()
    if invoice.balance > 0:
        db.session.add(Payment(invoice_id=invoice.id, amount=invoice.balance, method='manual',
                               staff_id=current_user.id, received_on=now.date()))
        invoice.amount_paid = invoice.total - invoice.credit_applied
    invoice.status = 'paid'
    invoice.sent_at = invoice.sent_at or now
    invoice.paid_at = now
    db.session.commit()
    flash('%s is paid' % invoice.number)
    return redirect(page_of(invoice))


@bp.route('/<int:invoice_id>/apply-credit', methods=['POST'])
@login_required
def apply_credit(invoice_id):
    invoice = get_document(invoice_id)
    note = db.get_or_404(CreditNote, request.form.get('credit_note_id', 0, type=int))
    try:
        amount = billing.apply_credit(note, invoice)
    except billing.BillingError as e:
        flash(str(e), 'error')
    else:
        db.session.commit()
        flash('%s of %s applied' % (amount, note.number))
    return redirect(page_of(invoice))


@bp.route('/<int:invoice_id>/void', methods=['POST'])
@login_required
def void(invoice_id):
    invoice = get_document(invoice_id)
    check_editable(invoice)
    billing.void(invoice)
    db.session.commit()
    flash('%s is void' % invoice.number)
    return redirect(page_of(invoice))


@bp.route('/<int:invoice_id>/write-off', methods=['POST'])
@admin_required
def write_off(invoice_id):
    invoice = get_document(invoice_id)
    if invoice.is_payable:
        invoice.status = 'written_off'
        db.session.commit()
        flash('%s is written off' % invoice.number)
    return redirect(page_of(invoice))


@bp.route('/<int:invoice_id>/delete', methods=['POST'])
@login_required
def delete(invoice_id):
    invoice = get_document(invoice_id)
    if invoice.status != 'draft' and not current_user.is_admin:
        abort(403)
    invoice.deleted_at = utcnow()
    db.session.commit()
    flash('%s was deleted' % invoice.number)
    return redirect(url_for('estimates.index' if invoice.kind == 'estimate' else 'invoices.index'))
