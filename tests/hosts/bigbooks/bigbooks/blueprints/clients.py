"""Clients, their contacts and their credit notes."""
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import login_required

from bigbooks.extensions import db
from bigbooks.forms import ClientForm, ContactForm, CreditNoteForm, NewClientForm
from bigbooks.models import Client, Contact
from bigbooks.services.billing import give_credit
from bigbooks.utils import admin_required, make_access_code, utcnow

bp = Blueprint('clients', __name__)


@bp.route('/')
@login_required
def index():
    search = request.args.get('q', '').strip()
    query = Client.query.filter(Client.archived_at.is_(None))
    if search:
        query = query.filter(Client.name.ilike('%' + search + '%'))
    return render_template('clients/list.html', clients=query.order_by(Client.name).all(), search=search)


@bp.route('/new', methods=['GET', 'POST'])
@login_required
def new():
    form = NewClientForm()
    if form.validate_on_submit():
        client = Client(name=form.name.data, billing_email=form.billing_email.data or None,
                        address=form.address.data, vat_number=form.vat_number.data,
                        currency=form.currency.data, notes=form.notes.data)
        db.session.add(client)
        if form.contact_email.data:
            client.contacts.append(Contact(name=form.contact_name.data or client.name,
                                           email=form.contact_email.data))
        db.session.commit()
        flash('Client added')
        return redirect(url_for('clients.detail', client_id=client.id))
    return render_template('form.html', form=form, title='New client', back=url_for('clients.index'))


@bp.route('/<int:client_id>')
@login_required
def detail(client_id):
    return render_template('clients/detail.html', client=db.get_or_404(Client, client_id))


@bp.route('/<int:client_id>/edit', methods=['GET', 'POST'])
@login_required
def edit(client_id):
    client = db.get_or_404(Client, client_id)
    form = ClientForm(obj=client)
    if form.validate_on_submit():
        form.populate_obj(client)
        db.session.commit()
        flash('Saved')
        return redirect(url_for('clients.detail', client_id=client.id))
    return render_template('form.html', form=form, title=client.name,
                           back=url_for('clients.detail', client_id=client.id))


@bp.route('/<int:client_id>/archive', methods=['POST'])
@admin_required
def archive(client_id):
    client = db.get_or_404(Client, client_id)
    client.archived_at = None if client.archived_at else utcnow()
    db.session.commit()
    return redirect(url_for('clients.detail', client_id=client.id))


@bp.route('/<int:client_id>/contacts/new', methods=['GET', 'POST'])
@login_required
def new_contact(client_id):
    client = db.get_or_404(Client, client_id)
    form = ContactForm()
    if form.validate_on_submit():
        contact = Contact(client_id=client.id, name=form.name.data, email=form.email.data, phone=form.phone.data)
        db.session.add(contact)
        db.session.commit()
        flash('Contact added, the access code is %s' % contact.access_code)
        return redirect(url_for('clients.detail', client_id=client.id))
    return render_template('form.html', form=form, title='New contact of %s' % client.name,
                           back=url_for('clients.detail', client_id=client.id))


@bp.route('/contacts/<int:contact_id>/new-code', methods=['POST'])
@login_required
def new_access_code(contact_id):
    contact = db.get_or_404(Contact, contact_id)
    contact.access_code = make_access_code()
    db.session.commit()
    flash('The new access code of %s is %s' % (contact.name, contact.access_code))
    return redirect(url_for('clients.detail', client_id=contact.client_id))


@bp.route('/<int:client_id>/credit-notes/new', methods=['GET', 'POST'])
@login_required
def new_credit_note(client_id):
    client = db.get_or_404(Client, client_id)
    form = CreditNoteForm()
    if form.validate_on_submit():
        note = give_credit(client, form.amount.data, form.reason.data)
        db.session.commit()
        flash('Credit note %s made' % note.number)
        return redirect(url_for('clients.detail', client_id=client.id))
    return render_template('form.html', form=form, title='New credit note for %s' % client.name,
                           back=url_for('clients.detail', client_id=client.id))
