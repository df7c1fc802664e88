"""tinybill - invoices for a business of one.

Everything is in this file. It has no login, so only run it at home behind the firewall.
"""
import os
from datetime import datetime
from decimal import Decimal, InvalidOperation, ROUND_HALF_UP

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_sqlalchemy import SQLAlchemy

HERE = os.path.abspath(os.path.dirname(__file__))

app = Flask(__name__)
app.config['SQLALCHEMY_DATABASE_URI'] = os.environ.get('DATABASE_URL') or \
    'sqlite:///' + os.path.join(HERE, 'tinybill.db')
app.config['SQLALCHEMY_TRACK_MODIFICATIONS'] = False
app.config['SECRET_KEY'] = os.environ.get('SECRET_KEY', 'dev')
app.config['BUSINESS_NAME'] = os.environ.get('BUSINESS_NAME', 'Marta Lindqvist Bookbinding')
app.config['CURRENCY'] = 'EUR'
app.config['DEFAULT_VAT'] = '19'

db = SQLAlchemy(app)

CENT = Decimal('0.01')
STATUSES = ('open', 'paid', 'void')


def cents(value):
    return Decimal(value).quantize(CENT, rounding=ROUND_HALF_UP)


# ---------------------------------------------------------------- models

class Client(db.Model):
    __tablename__ = 'client'

    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(120), nullable=False)
    email = db.Column(db.String(120), nullable=False, unique=True)
    phone = db.Column(db.String(40))
    address = db.Column(db.Text)

    invoices = db.relationship('Invoice', backref='client', order_by='Invoice.id.desc()')

    @property
    def open_sum(self):
        return sum((i.due for i in self.invoices if i.status == 'open'), Decimal('0.00'))

    def __repr__(self):
        return '<Client %s>' % self.email


class Invoice(db.Model):
    """An invoice, or (status 'preview', no client, no number) what the form looked like when
    'preview' was pressed. Previews go away when the real invoice is saved."""
    __tablename__ = 'invoice'

    id = db.Column(db.Integer, primary_key=True)
    number = db.Column(db.String(20))
    client_id = db.Column(db.Integer, db.ForeignKey('client.id'), nullable=True)
    amount = db.Column(db.Numeric(10, 2), nullable=False)
    discount_percent = db.Column(db.Numeric(5, 2), nullable=False, default=0)
    vat_percent = db.Column(db.Numeric(5, 2), nullable=False, default=19)
    deposit = db.Column(db.Numeric(10, 2), nullable=False, default=0)   # paid in advance
    status = db.Column(db.String(10), nullable=False, default='open')
    created = db.Column(db.DateTime, nullable=False, default=datetime.now)

    @property
    def discount(self):
        return cents(self.amount * (self.discount_percent or 0) / 100)

    @property
    def net(self):
        return cents(self.amount) - self.discount

    @property
    def vat(self):
        return cents(self.net * self.vat_percent / 100)

    @property
    def total(self):
        return self.net + self.vat

    @property
    def due(self):
        """What is left to pay once the deposit is taken off."""
        return max(self.total - cents(self.deposit or 0), Decimal('0.00'))

    def __repr__(self):
        return '<Invoice %s %s>' % (self.number or self.id, self.status)


# ---------------------------------------------------------------- helpers

@app.template_filter('money')
def money(value):
    return '{:,.2f} {}'.format(value, app.config['CURRENCY'])


@app.template_filter('percent')
def percent(value):
    return '{:.2f}'.format(value).rstrip('0').rstrip('.') + '%'


def read_number(form, field, label, errors, highest, default=None):
    """Read a decimal from the form; 12,50 is as good as 12.50. Problems are put into errors."""
    text = form.get(field, '').strip().replace(',', '.')
    if not text:
        if default is None:
            errors[field] = '%s is missing.' % label
        return default
    try:
        value = Decimal(text)
        if not value.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        errors[field] = '%s is not a number.' % label
        return default
    if value < 0 or value > highest:
        errors[field] = '%s must be between 0 and %s.' % (label, highest)
        return default
    return cents(value)


def read_amounts(form, errors):
    values = {
        'amount': read_number(form, 'amount', 'Amount', errors, 9999999),
        'discount_percent': read_number(form, 'discount_percent', 'Discount', errors, 100, Decimal(0)),
    }
    if values['amount'] == 0:
        errors['amount'] = 'Amount must be more than 0.'
    return values


def get_invoice(id):
    """The invoice or a 404; a preview is not an invoice."""
    invoice = Invoice.query.get_or_404(id)
    if invoice.status == 'preview':
        abort(404)
    return invoice


# ---------------------------------------------------------------- invoices

@app.route('/')
def index():
    """All invoices, newest first."""
    query = Invoice.query.filter(Invoice.status != 'preview')
    status = request.args.get('status')
    if status in STATUSES:
        query = query.filter_by(status=status)
    invoices = query.order_by(Invoice.id.desc()).all()
    open_sum = sum((i.due for i in Invoice.query.filter_by(status='open')), Decimal('0.00'))
    return render_template('index.html', invoices=invoices, status=status, statuses=STATUSES,
                           open_sum=open_sum, this_month=datetime.now().strftime('%Y-%m'))


@app.route('/invoice/new', methods=['GET', 'POST'])
def new_invoice():
    """The form has two buttons, 'preview' and 'save'. The client is made here too if the email is new."""
    errors = {}
    preview = None
    if request.method == 'POST':
        form = request.form
        values = read_amounts(form, errors)
        values['vat_percent'] = read_number(form, 'vat_percent', 'VAT', errors, 100,
                                            Decimal(app.config['DEFAULT_VAT']))
        values['deposit'] = read_number(form, 'deposit', 'Deposit', errors, 9999999, Decimal(0))

        if form.get('action') == 'preview':
            if not errors:
                preview = Invoice(status='preview', **values)
                db.session.add(preview)
                db.session.commit()
        else:
            name = form.get('client_name', '').strip()
            email = form.get('client_email', '').strip().lower()
            phone = form.get('client_phone', '').strip()
            client = Client.query.filter_by(email=email).first() if email else None
            if '@' not in email or len(email) > 120:
                errors['client_email'] = 'Please give an email address.'
            if not client and not name:
                errors['client_name'] = 'A new client needs a name.'
            if len(name) > 120:
                errors['client_name'] = 'That name is too long.'
            if len(phone) > 40:
                errors['client_phone'] = 'That phone number is too long.'
            if not errors:
                if not client:
                    client = Client(name=name, email=email, phone=phone)
                    db.session.add(client)
                    db.session.commit()
                invoice = Invoice(client_id=client.id, status='open', **values)
                db.session.add(invoice)
                db.session.commit()
                # the id is only known now
                invoice.number = '%d-%04d' % (invoice.created.year, invoice.id)
                for old in Invoice.query.filter_by(status='preview'):
                    db.session.delete(old)
                db.session.commit()
                flash('Invoice %s saved.' % invoice.number)
                return redirect(url_for('show_invoice', id=invoice.id))
    else:
        form = {'vat_percent': app.config['DEFAULT_VAT']}
        client = Client.query.filter_by(id=request.args.get('client', type=int)).first()
        if client:
            form.update(client_name=client.name, client_email=client.email, client_phone=client.phone or '')
    return render_template('invoice_new.html', page_title='New invoice', form=form, errors=errors,
                           preview=preview)


@app.route('/invoice/<int:id>')
def show_invoice(id):
    invoice = get_invoice(id)
    return render_template('invoice.html', page_title='Invoice %s' % invoice.number, invoice=invoice)


@app.route('/invoice/<int:id>/print')
def print_invoice(id):
    """What is printed and put into the envelope. Works for previews as well."""
    return render_template('print.html', invoice=Invoice.query.get_or_404(id))


@app.route('/invoice/<int:id>/edit', methods=['GET', 'POST'])
def edit_invoice(id):
    """Amount and discount can be changed as long as the invoice is open."""
    invoice = get_invoice(id)
    if invoice.status != 'open':
        flash('Invoice %s is %s and cannot be changed any more.' % (invoice.number, invoice.status))
        return redirect(url_for('show_invoice', id=invoice.id))
    errors = {}
    form = {'amount': invoice.amount, 'discount_percent': invoice.discount_percent}
    if request.method == 'POST':
        form = request.form
        values = read_amounts(form, errors)
        if not errors:
            invoice.amount = values['amount']
            invoice.discount_percent = values['discount_percent']
            db.session.commit()
            flash('Invoice %s changed.' % invoice.number)
            return redirect(url_for('show_invoice', id=invoice.id))
    return render_template('invoice_edit.html', page_title='Change invoice %s' % invoice.number,
                           invoice=invoice, form=form, errors=errors)


@app.route('/invoice/<int:id>/status/<new>')
def set_status(id, new):
    """A plain link. 'open' on a paid invoice takes the payment back."""
    if new not in STATUSES:
        abort(404)
    invoice = get_invoice(id)
    invoice.status = new
    db.session.commit()
    flash('Invoice %s is now %s.' % (invoice.number, new))
    return redirect(url_for('show_invoice', id=invoice.id))


@app.route('/invoice/<int:id>/delete')
def delete_invoice(id):
    invoice = Invoice.query.get_or_404(id)
    number = invoice.number or 'preview'
    db.session.delete(invoice)
    db.session.commit()
    flash('Invoice %s deleted.' % number)
    return redirect(url_for('index'))


@app.route('/invoices/mark-all-paid')
def mark_all_paid():
    """Mark every open invoice of a month (?month=2024-05) as paid, when the bank statement is all right."""
    try:
        start = datetime.strptime(request.args.get('month', ''), '%Y-%m')
        end = datetime(start.year + start.month // 12, start.month % 12 + 1, 1)
    except ValueError:
        flash('Which month? Write it like 2024-05.')
        return redirect(url_for('index'))
    count = Invoice.query.filter(Invoice.status == 'open', Invoice.created >= start,
                                 Invoice.created < end).update({'status': 'paid'})
    db.session.commit()
    flash('%d invoice(s) of %s marked as paid.' % (count, start.strftime('%Y-%m')))
    return redirect(url_for('index'))


# ---------------------------------------------------------------- clients

@app.route('/clients')
def clients():
    return render_template('clients.html', page_title='Clients',
                           clients=Client.query.order_by(Client.name).all())


@app.route('/client/<int:id>', methods=['GET', 'POST'])
def show_client(id):
    """A client with its invoices; the small form below them keeps phone and address up to date."""
    client = Client.query.get_or_404(id)
    error = None
    if request.method == 'POST':
        phone = request.form.get('phone', '').strip()
        if len(phone) > 40:
            error = 'That phone number is too long.'
        else:
            client.phone = phone
            client.address = request.form.get('address', '').strip()
            db.session.commit()
            flash('%s saved.' % client.name)
            return redirect(url_for('show_client', id=client.id))
    return render_template('client.html', page_title=client.name, client=client, error=error)


@app.errorhandler(404)
def not_found(e):
    return render_template('404.html', page_title='Not found'), 404


with app.app_context():
    db.create_all()
