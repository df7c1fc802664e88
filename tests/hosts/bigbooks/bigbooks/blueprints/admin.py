"""For admins only: figures, staff, deleted invoices."""
from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy import func

from bigbooks.extensions import db
from bigbooks.forms import StaffForm
from bigbooks.models import Invoice, Staff
from bigbooks.utils import admin_required

bp = Blueprint('admin', __name__)


@bp.route('/')
@admin_required
def home():
    figures = (
        db.session.query(Invoice.status, Invoice.currency, func.count(Invoice.id), func.sum(Invoice.total),
                         func.sum(Invoice.amount_paid))
        .filter(Invoice.kind == 'invoice', Invoice.deleted_at.is_(None))
        .group_by(Invoice.status, Invoice.currency)
        .order_by(Invoice.currency, Invoice.status)
        .all())
    return render_template('admin/home.html', figures=figures)


@bp.route('/staff')
@admin_required
def staff():
    return render_template('admin/staff.html', people=Staff.query.order_by(Staff.name).all())


@bp.route('/staff/new', methods=['GET', 'POST'])
@bp.route('/staff/<int:staff_id>', methods=['GET', 'POST'])
@admin_required
def edit_staff(staff_id=None):
    person = db.get_or_404(Staff, staff_id) if staff_id else None
    form = StaffForm(staff=person)
    if form.validate_on_submit():
        if person is None and not form.password.data:
            form.password.errors = ['A new account needs a password']
        else:
            if person is None:
                person = Staff()
                db.session.add(person)
            person.email = form.email.data
            person.name = form.name.data
            person.role = form.role.data
            person.active = form.active.data
            if form.password.data:
                person.set_password(form.password.data)
            db.session.commit()
            flash('Saved')
            return redirect(url_for('admin.staff'))
    return render_template('form.html', form=form, title='Staff account', back=url_for('admin.staff'))


@bp.route('/deleted')
@admin_required
def deleted():
    invoices = Invoice.query.filter(Invoice.deleted_at.isnot(None)).order_by(Invoice.deleted_at.desc()).all()
    return render_template('admin/deleted.html', invoices=invoices)


@bp.route('/deleted/<int:invoice_id>/restore', methods=['POST'])
@admin_required
def restore(invoice_id):
    db.get_or_404(Invoice, invoice_id).deleted_at = None
    db.session.commit()
    return redirect(url_for('admin.deleted'))
