"""The tables."""
import hmac
from decimal import Decimal

from flask import current_app
from flask_login import UserMixin
from werkzeug.security import check_password_hash, generate_password_hash

from bigbooks.extensions import db, login_manager
from bigbooks.utils import make_access_code, utcnow

# invoices.kind is one of 'invoice', 'estimate', 'recurring_template'
STATUSES = ('draft', 'sent', 'part_paid', 'paid', 'void', 'written_off')
OPEN_STATUSES = ('sent', 'part_paid')
ZERO = Decimal('0.00')


def money_column():
    return db.Column(db.Numeric(12, 2), nullable=False, default=ZERO, server_default='0')


class Staff(UserMixin, db.Model):
    __tablename__ = 'staff'

    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(200), nullable=False, unique=True)
    name = db.Column(db.String(120), nullable=False)
    password_hash = db.Column(db.String(255), nullable=False)
    role = db.Column(db.String(20), nullable=False, default='staff')
    active = db.Column(db.Boolean, nullable=False, default=True)
    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)

    @property
    def is_active(self):
        return self.active

    @property
    def is_admin(self):
        return self.role == 'admin'

    def set_password(self, password):
        self.password_hash = generate_password_hash(password, current_app.config['PASSWORD_HASH_METHOD'])

    def check_password(self, password):
        return check_password_hash(self.password_hash, password)


@login_manager.user_loader
def load_staff(user_id):
    return db.session.get(Staff, int(user_id))


class Client(db.Model):
    """A company that we send invoices to."""
    __tablename__ = 'clients'

    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(200), nullable=False)
    billing_email = db.Column(db.String(200))
    address = db.Column(db.Text)
    vat_number = db.Column(db.String(40))
    currency = db.Column(db.String(3), nullable=False, default='EUR')
    notes = db.Column(db.Text)
    source = db.Column(db.String(20), nullable=False, default='staff')
    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)
    archived_at = db.Column(db.DateTime)

    contacts = db.relationship('Contact', back_populates='client', order_by='Contact.id')
    invoices = db.relationship('Invoice', back_populates='client', lazy='dynamic')
    credit_notes = db.relationship('CreditNote', back_populates='client', order_by='CreditNote.id')

    def documents(self, kind):
        return self.invoices.filter_by(kind=kind, deleted_at=None).order_by(Invoice.id.desc())

    @property
    def open_credit(self):
        return sum((note.remaining for note in self.credit_notes), ZERO)


class Contact(db.Model):
    """A person at a client. Logs in to the portal with e-mail and access code."""
    __tablename__ = 'contacts'

    id = db.Column(db.Integer, primary_key=True)
    client_id = db.Column(db.Integer, db.ForeignKey('clients.id'), nullable=False, index=True)
    name = db.Column(db.String(120), nullable=False)
    email = db.Column(db.String(200), nullable=False, unique=True)
    phone = db.Column(db.String(40))
    # plain on purpose: the office reads it out on the phone
    access_code = db.Column(db.String(20), nullable=False, default=make_access_code)
    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)
    last_login_at = db.Column(db.DateTime)

    client = db.relationship('Client', back_populates='contacts')

    def code_matches(self, code):
        return hmac.compare_digest(self.access_code.encode(), code.strip().upper().encode())


class Counter(db.Model):
    """The last number given out for each kind of document."""
    __tablename__ = 'counters'

    kind = db.Column(db.String(20), primary_key=True)
    last = db.Column(db.Integer, nullable=False, default=0)


class Invoice(db.Model):
    """An invoice, an estimate or the template of a recurring invoice, by kind."""
    __tablename__ = 'invoices'

    id = db.Column(db.Integer, primary_key=True)
    client_id = db.Column(db.Integer, db.ForeignKey('clients.id'), nullable=False, index=True)
    created_by_id = db.Column(db.Integer, db.ForeignKey('staff.id'))
    converted_from_id = db.Column(db.Integer, db.ForeignKey('invoices.id'))
    number = db.Column(db.String(30), nullable=False, unique=True)
    kind = db.Column(db.String(20), nullable=False, default='invoice', server_default='invoice')
    status = db.Column(db.String(20), nullable=False, default='draft', index=True)
    currency = db.Column(db.String(3), nullable=False, default='EUR')
    due_date = db.Column(db.Date)
    notes = db.Column(db.Text)

    subtotal = money_column()
    discount_total = money_column()
    tax_total = money_column()
    total = money_column()
    amount_paid = money_column()
    credit_applied = money_column()

    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)
    sent_at = db.Column(db.DateTime)
    accepted_at = db.Column(db.DateTime)
    paid_at = db.Column(db.DateTime)
    deleted_at = db.Column(db.DateTime)

    # only for recurring templates
    repeat_months = db.Column(db.Integer)
    next_run = db.Column(db.Date)

    client = db.relationship('Client', back_populates='invoices')
    created_by = db.relationship('Staff')
    converted_from = db.relationship('Invoice', remote_side=[id], backref='conversions')
    lines = db.relationship('InvoiceLine', back_populates='invoice', order_by='InvoiceLine.id',
                            cascade='all, delete-orphan')
    payments = db.relationship('Payment', back_populates='invoice', order_by='Payment.id')

    @property
    def balance(self):
        return self.total - self.amount_paid - self.credit_applied

    @property
    def is_payable(self):
        return (self.kind == 'invoice' and self.deleted_at is None and self.status in OPEN_STATUSES
                and self.balance > 0)

    @property
    def is_overdue(self):
        return self.is_payable and self.due_date is not None and self.due_date < utcnow().date()

    def __repr__(self):
        return '<Invoice %s %s>' % (self.number, self.status)


class InvoiceLine(db.Model):
    __tablename__ = 'invoice_lines'

    id = db.Column(db.Integer, primary_key=True)
    invoice_id = db.Column(db.Integer, db.ForeignKey('invoices.id'), nullable=False, index=True)
    description = db.Column(db.String(300), nullable=False)
    qty = db.Column(db.Numeric(10, 2), nullable=False, default=1)
    unit_price = money_column()
    discount = money_column()   # an amount, taken off before tax
    tax_rate = db.Column(db.Numeric(5, 2), nullable=False, default=0)   # per cent
    line_total = money_column()   # after discount, before tax

    invoice = db.relationship('Invoice', back_populates='lines')


class Payment(db.Model):
    """Money that came in. Refunds are payments with a negative amount."""
    __tablename__ = 'payments'

    id = db.Column(db.Integer, primary_key=True)
    invoice_id = db.Column(db.Integer, db.ForeignKey('invoices.id'), nullable=False, index=True)
    staff_id = db.Column(db.Integer, db.ForeignKey('staff.id'))
    amount = money_column()
    method = db.Column(db.String(30), nullable=False)
    reference = db.Column(db.String(100), index=True)
    note = db.Column(db.String(300))
    received_on = db.Column(db.Date)
    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)
    reversed_at = db.Column(db.DateTime)

    invoice = db.relationship('Invoice', back_populates='payments')
    staff = db.relationship('Staff')

    @property
    def can_be_reversed(self):
        return self.reversed_at is None and self.amount > 0


class CreditNote(db.Model):
    __tablename__ = 'credit_notes'

    id = db.Column(db.Integer, primary_key=True)
    client_id = db.Column(db.Integer, db.ForeignKey('clients.id'), nullable=False, index=True)
    number = db.Column(db.String(30), nullable=False, unique=True)
    amount = money_column()
    remaining = money_column()
    reason = db.Column(db.String(300))
    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)

    client = db.relationship('Client', back_populates='credit_notes')
