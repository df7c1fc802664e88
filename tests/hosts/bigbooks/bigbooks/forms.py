"""All forms."""
from decimal import Decimal

from flask import current_app
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (BooleanField, DateField, DecimalField, IntegerField, PasswordField, SelectField,
                     StringField, SubmitField, TextAreaField, ValidationError)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

from bigbooks.models import Client, Contact, Staff

CURRENCIES = [('EUR', 'EUR'), ('GBP', 'GBP'), ('USD', 'USD')]
METHODS = [('bank', 'Bank transfer'), ('cash', 'Cash'), ('card', 'Card terminal'), ('cheque', 'Cheque')]
MAX_AMOUNT = 99999999

looks_like_email = Regexp(r'^[^@\s]+@[^@\s]+\.[^@\s]+$', message='Not a valid e-mail address')


def strip(value):
    return value.strip() if value else value


def lower(value):
    return value.strip().lower() if value else value


def contact_email_is_free(form, field):
    if field.data and Contact.query.filter_by(email=field.data).first():
        raise ValidationError('There is a contact with this e-mail address already')


class LoginForm(FlaskForm):
    email = StringField('E-mail', validators=[DataRequired()], filters=[lower])
    password = PasswordField('Password', validators=[DataRequired()])
    remember = BooleanField('Remember me')
    submit = SubmitField('Log in')


class ClientForm(FlaskForm):
    name = StringField('Company', validators=[DataRequired(), Length(max=200)], filters=[strip])
    billing_email = StringField('Billing e-mail', validators=[Optional(), looks_like_email], filters=[lower])
    address = TextAreaField('Address')
    vat_number = StringField('VAT number', validators=[Length(max=40)], filters=[strip])
    currency = SelectField('Currency', choices=CURRENCIES)
    notes = TextAreaField('Notes (not shown to the client)')
    submit = SubmitField('Save')


class NewClientForm(ClientForm):
    contact_name = StringField('First contact: name', validators=[Optional(), Length(max=120)], filters=[strip])
    contact_email = StringField('First contact: e-mail', filters=[lower],
                                validators=[Optional(), looks_like_email, contact_email_is_free])
    submit = SubmitField('Save')


class ContactForm(FlaskForm):
    name = StringField('Name', validators=[DataRequired(), Length(max=120)], filters=[strip])
    email = StringField('E-mail', filters=[lower],
                        validators=[DataRequired(), looks_like_email, contact_email_is_free])
    phone = StringField('Phone', validators=[Length(max=40)], filters=[strip])
    submit = SubmitField('Save')


class CreditNoteForm(FlaskForm):
    amount = DecimalField('Amount', validators=[InputRequired(), NumberRange(min=0.01, max=MAX_AMOUNT)])
    reason = StringField('Reason', validators=[DataRequired(), Length(max=300)])
    submit = SubmitField('Save')


class ClientChoiceMixin:
    """Fills the choices of client_id."""
    def fill_clients(self):
        clients = Client.query.filter(Client.archived_at.is_(None)).order_by(Client.name)
        self.client_id.choices = [(c.id, c.name) for c in clients]


class InvoiceForm(ClientChoiceMixin, FlaskForm):
    client_id = SelectField('Client', coerce=int)
    kind = SelectField('Kind', choices=[('invoice', 'Invoice'), ('recurring_template', 'Recurring template')])
    due_date = DateField('Due date', validators=[Optional()])
    repeat_months = IntegerField('Repeat every ... months (templates)',
                                 validators=[Optional(), NumberRange(1, 24)])
    next_run = DateField('First run (templates)', validators=[Optional()])
    notes = TextAreaField('Notes')
    submit = SubmitField('Save')


class EstimateForm(ClientChoiceMixin, FlaskForm):
    client_id = SelectField('Client', coerce=int)
    notes = TextAreaField('Notes')
    submit = SubmitField('Save')


class InvoiceEditForm(FlaskForm):
    due_date = DateField('Due date', validators=[Optional()])
    notes = TextAreaField('Notes')
    submit = SubmitField('Save')


class LineForm(FlaskForm):
    description = StringField('Description', validators=[DataRequired(), Length(max=300)], filters=[strip])
    qty = DecimalField('Qty', default=1, validators=[InputRequired(), NumberRange(min=0.01, max=100000)])
    unit_price = DecimalField('Unit price', validators=[InputRequired(), NumberRange(min=0, max=MAX_AMOUNT)])
    discount = DecimalField('Discount', validators=[Optional(), NumberRange(min=0)])
    tax_rate = DecimalField('Tax %', validators=[Optional(), NumberRange(min=0, max=100)])
    submit = SubmitField('Save line')

    def validate_discount(self, field):
        if field.data and self.qty.data and self.unit_price.data is not None:
            if field.data > self.qty.data * self.unit_price.data:
                raise ValidationError('The discount is more than the line')

    def fill(self, line):
        """Like populate_obj, with the defaults for what was left empty."""
        line.description = self.description.data
        line.qty = self.qty.data
        line.unit_price = self.unit_price.data
        line.discount = self.discount.data or Decimal('0')
        line.tax_rate = self.tax_rate.data
        if line.tax_rate is None:
            line.tax_rate = Decimal(current_app.config['DEFAULT_TAX_RATE'])


class QuickSaleForm(ClientChoiceMixin, FlaskForm):
    client_id = SelectField('Client', coerce=int)
    description = StringField('Description', validators=[DataRequired(), Length(max=300)], filters=[strip])
    qty = DecimalField('Qty', default=1, validators=[InputRequired(), NumberRange(min=0.01, max=100000)])
    unit_price = DecimalField('Unit price', validators=[InputRequired(), NumberRange(min=0.01, max=MAX_AMOUNT)])
    tax_rate = DecimalField('Tax %', default=20, validators=[InputRequired(), NumberRange(min=0, max=100)])
    method = SelectField('Paid by', choices=METHODS)
    submit = SubmitField('Sell')


class PaymentForm(FlaskForm):
    amount = DecimalField('Amount', validators=[InputRequired(), NumberRange(min=0.01, max=MAX_AMOUNT)])
    method = SelectField('Method', choices=METHODS)
    reference = StringField('Reference', validators=[Length(max=100)], filters=[strip])
    received_on = DateField('Received on', validators=[Optional()])
    submit = SubmitField('Record payment')


class RefundForm(FlaskForm):
    amount = DecimalField('Amount', validators=[InputRequired(), NumberRange(min=0.01, max=MAX_AMOUNT)])
    note = StringField('Reason', validators=[DataRequired(), Length(max=300)])
    submit = SubmitField('Refund')


class StatementForm(FlaskForm):
    file = FileField('Bank statement (CSV)', validators=[FileRequired()])
    submit = SubmitField('Upload')


class PortalLoginForm(FlaskForm):
    email = StringField('E-mail', validators=[DataRequired()], filters=[lower])
    access_code = StringField('Access code', validators=[DataRequired()], filters=[strip])
    submit = SubmitField('Log in')


class SignupForm(FlaskForm):
    company = StringField('Company', validators=[DataRequired(), Length(max=200)], filters=[strip])
    name = StringField('Your name', validators=[DataRequired(), Length(max=120)], filters=[strip])
    email = StringField('E-mail', filters=[lower],
                        validators=[DataRequired(), looks_like_email, contact_email_is_free])
    phone = StringField('Phone', validators=[Length(max=40)], filters=[strip])
    submit = SubmitField('Sign up')


class PortalAccountForm(FlaskForm):
    name = StringField('Your name', validators=[DataRequired(), Length(max=120)], filters=[strip])
    phone = StringField('Phone', validators=[Length(max=40)], filters=[strip])
    submit = SubmitField('Save')


class CardForm(FlaskForm):
    card_number = StringField('Card number', validators=[
        DataRequired(), Regexp(r'^\s*(\d ?){13,19}\s*$', message='Not a card number')])
    expiry = StringField('Expiry', validators=[DataRequired(), Regexp(r'^\d\d/\d\d$', message='Use MM/YY')])
    cvc = StringField('CVC', validators=[DataRequired(), Regexp(r'^\d{3,4}$', message='Three or four digits')])
    submit = SubmitField('Pay')


class StaffForm(FlaskForm):
    email = StringField('E-mail', validators=[DataRequired(), looks_like_email], filters=[lower])
    name = StringField('Name', validators=[DataRequired(), Length(max=120)], filters=[strip])
    role = SelectField('Role', choices=[('staff', 'Staff'), ('admin', 'Admin')])
    password = PasswordField('Password', validators=[Optional(), Length(min=8)])
    active = BooleanField('May log in', default=True)
    submit = SubmitField('Save')

    def __init__(self, *args, staff=None, **kwargs):
        super().__init__(*args, obj=staff, **kwargs)
        self.staff = staff

    def validate_email(self, field):
        other = Staff.query.filter_by(email=field.data).first()
        if other is not None and other is not self.staff:
            raise ValidationError('This e-mail address is taken')
