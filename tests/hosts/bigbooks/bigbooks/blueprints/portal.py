"""The pages for clients. They have no accounts: the session holds the id of a Contact."""
from functools import wraps

from flask import Blueprint, abort, flash, g, redirect, render_template, session, url_for

from bigbooks.extensions import db
from bigbooks.forms import CardForm, PortalAccountForm, PortalLoginForm, SignupForm
from bigbooks.models import Client, Contact, Invoice, Payment
from bigbooks.services import cards
from bigbooks.utils import utcnow

bp = Blueprint('portal', __name__)


@bp.before_request
def load_contact():
    g.contact = None
    contact_id = session.get('portal_contact_id')
    if contact_id is not None:
        contact = db.session.get(Contact, contact_id)
        if contact is None or contact.client.archived_at is not None:
            session.pop('portal_contact_id')
        else:
            g.contact = contact


@bp.context_processor
def contact_variable():
    return {'contact': g.get('contact')}


def contact_required(view):
    @wraps(view)
    def wrapped(*args, **kwargs):
        if g.contact is None:
            return redirect(url_for('portal.login'))
        return view(*args, **kwargs)
    return wrapped


def get_own(invoice_id, kind):
    """A document of the client that is logged in. Drafts are not for their eyes."""
    invoice = Invoice.query.filter_by(id=invoice_id, client_id=g.contact.client_id, kind=kind,
                                      deleted_at=None).first()
    if invoice is None or invoice.status == 'draft':
        abort(404)
    return invoice


@bp.route('/login', methods=['GET', 'POST'])
def login():
    form = PortalLoginForm()
    if form.validate_on_submit():
        contact = Contact.query.filter_by(email=form.email.data).first()
        if contact and contact.client.archived_at is None and contact.code_matches(form.access_code.data):
            session['portal_contact_id'] = contact.id
            contact.last_login_at = utcnow()
            db.session.commit()
            return redirect(url_for('portal.home'))
        flash('Wrong e-mail or access code', 'error')
    return render_template('portal/login.html', form=form)


@bp.route('/logout', methods=['POST'])
def logout():
    session.pop('portal_contact_id', None)
    return redirect(url_for('portal.login'))


@bp.route('/signup', methods=['GET', 'POST'])
def signup():
    """A new client with one contact."""
    form = SignupForm()
    if form.validate_on_submit():
        client = Client(name=form.company.data, billing_email=form.email.data, source='portal')
        db.session.add(client)
        db.session.flush()
        contact = Contact(client_id=client.id, name=form.name.data, email=form.email.data, phone=form.phone.data)
        db.session.add(contact)
        db.session.commit()
        session['portal_contact_id'] = contact.id
        return redirect(url_for('portal.welcome'))
    return render_template('portal/signup.html', form=form)


@bp.route('/welcome')
@contact_required
def welcome():
    return render_template('portal/welcome.html')


@bp.route('/')
@contact_required
def home():
    client = g.contact.client
    invoices = client.documents('invoice').filter(Invoice.status != 'draft').all()
    estimates = client.documents('estimate').filter(Invoice.status != 'draft').all()
    return render_template('portal/home.html', invoices=invoices, estimates=estimates)


@bp.route('/account', methods=['GET', 'POST'])
@contact_required
def account():
    form = PortalAccountForm(obj=g.contact)
    if form.validate_on_submit():
        form.populate_obj(g.contact)
        db.session.commit()
        flash('Saved')
        return redirect(url_for('portal.account'))
    return render_template('portal/account.html', form=form)


@bp.route('/invoices/<int:invoice_id>')
@contact_required
def invoice(invoice_id):
    return render_template('portal/invoice.html', invoice=get_own(invoice_id, 'invoice'))


@bp.route('/invoices/<int:invoice_id>/pay', methods=['GET', 'POST'])
@contact_required
def pay(invoice_id):
    """Pay the whole balance by card."""
    invoice = get_own(invoice_id, 'invoice')
    if not invoice.is_payable:
        flash('This invoice is not open for payment', 'error')
        return redirect(url_for('portal.invoice', invoice_id=invoice.id))
    form = CardForm()
    if form.validate_on_submit():
        amount = invoice.balance
        try:
            reference = cards.charge(form.card_number.data, amount, invoice.currency)
        except cards.CardDeclined as e:
            form.card_number.errors = [str(e)]
        else:
            invoice.payments.append(Payment(amount=amount, method='card_online', reference=reference,
                                            note='By %s' % g.contact.name, received_on=utcnow().date()))
            invoice.amount_paid += amount
            invoice.status = 'paid'
            invoice.paid_at = utcnow()
            db.session.commit()
            flash('Thank you for your payment')
            return redirect(url_for('portal.invoice', invoice_id=invoice.id))
    return render_template('portal/pay.html', invoice=invoice, form=form)


@bp.route('/estimates/<int:invoice_id>')
@contact_required
def estimate(invoice_id):
    return render_template('portal/estimate.html', invoice=get_own(invoice_id, 'estimate'))


@bp.route('/estimates/<int:invoice_id>/accept', methods=['POST'])
@contact_required
def accept_estimate(invoice_id):
    estimate = get_own(invoice_id, 'estimate')
    if estimate.accepted_at is None and estimate.status == 'sent':
        estimate.accepted_at = utcnow()
        db.session.commit()
        flash('Thank you, we will get in touch')
    return redirect(url_for('portal.estimate', invoice_id=estimate.id))
