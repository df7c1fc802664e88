"""What people fill in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import wtforms
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    PasswordField,
    SelectField,
    StringField,
    TelField,
)
from wtforms.validators import DataRequired, Email, InputRequired, Length, ValidationError

from flask_referrals import Money
from flask_referrals.web.fields import ReferralCodeField

from .billing import BillingError, LineItem
from .models import Client, Invoice
from .money import AmountError, is_currency, parse_amount, parse_percent, plain, plain_percent

# An option of a select field; WTForms before 3.3 takes a pair.
option: Any = getattr(wtforms, "SelectChoice", lambda value, label: (value, label))
METHODS = [
    option("transfer", "Bank transfer"),
    option("card", "Card"),
    option("cash", "Cash"),
    option("other", "Other"),
]
MIN_LINES, SPARE_LINES, MAX_LINES = 5, 2, 50


def clean(text: str | None) -> str | None:
    """The text without the spaces around it and without control characters."""
    return text and "".join(char for char in text if char.isprintable()).strip()


def text(label: str, most: int, required: str | None = None, **options: Any) -> StringField:
    """A line of text of at most `most` characters; `required` is what to say when it is missing."""
    rules: list[Any] = [DataRequired(required)] if required else []
    rules.append(Length(max=most, message=f"Please use at most {most} characters."))
    return StringField(label, rules, filters=[clean], **options)


class AmountField(StringField):  # type: ignore[misc]  # WTForms has no types
    """An amount as it was typed; `minor` is what it comes to once it was read."""

    minor = 0

    def read(self, currency: str, *, zero: bool = False) -> None:
        """Work out `minor`, or say what is wrong with the amount."""
        if not self.data:
            raise ValidationError("Please enter an amount.")
        try:
            self.minor = parse_amount(self.data, currency)
        except AmountError as error:
            raise ValidationError(str(error)) from error
        if self.minor == 0 and not zero:
            raise ValidationError("The amount must be more than zero.")


class BaseForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form on which a use case can put its refusal; `refused` is its code, where it stands above the form."""

    refused: str | None = None

    def refuse(self, error: BillingError) -> None:
        """Show the sentence at the field it is about, or above the form."""
        field = self._fields.get(error.field or "")
        if field is None:
            self.form_errors.append(error.message)
            self.refused = error.code
        else:
            field.errors, field.refused = [*field.errors, error.message], error.code


class CreatingForm(BaseForm):
    """A form that makes something, once: sent twice, it carries the same key twice."""

    request_key = HiddenField(default=lambda: str(uuid4()))

    def validate_request_key(self, field: HiddenField) -> None:
        """Refuse what is not a key of ours."""
        try:
            field.data = str(UUID(field.data))
        except (TypeError, ValueError) as error:
            self.form_errors.append("Please reload the page and try again.")
            raise ValidationError("This is not a key.") from error


class LoginForm(BaseForm):
    """Email and password."""

    email = EmailField(
        "Email", [DataRequired("Please enter your email address.")], render_kw={"autocomplete": "username"}
    )
    password = PasswordField(
        "Password",
        [InputRequired("Please enter your password.")],
        render_kw={"autocomplete": "current-password"},
    )


class ClientForm(CreatingForm):
    """A new client, as staff write them down."""

    name = text("Name", 120, "Please enter a name.", render_kw={"autocomplete": "name"})
    email = EmailField(
        "Email",
        [
            DataRequired("Please enter an email address."),
            Length(max=254, message="This email address is too long."),
            Email("Please enter an email address, such as name@example.com."),
        ],
        filters=[clean],
        render_kw={"autocomplete": "email"},
    )
    phone = TelField(
        "Phone",
        [Length(max=40, message="Please use at most 40 characters.")],
        filters=[clean],
        render_kw={"autocomplete": "tel"},
    )
    referral_code = ReferralCodeField()


class RegisterForm(ClientForm):
    """A client who registers."""

    password = PasswordField(
        "Password",
        [
            InputRequired("Please choose a password."),
            Length(8, 200, "A password has between 8 and 200 characters."),
        ],
        render_kw={"autocomplete": "new-password"},
    )


class LineForm(Form):  # type: ignore[misc]  # WTForms has no types
    """One line of an invoice."""

    description = text("Description", 200)
    service = text("Service", 80)
    amount = AmountField("Amount", filters=[clean], render_kw={"inputmode": "decimal"})
    tax_percent = text("Tax %", 40, render_kw={"inputmode": "decimal"})
    millipercent = 0

    @property
    def is_empty(self) -> bool:
        """Whether nobody has written on this line; a tax rate alone is nothing."""
        return not (self.description.data or self.service.data or self.amount.data)

    def read(self, currency: str) -> bool:
        """Work out the numbers of the line, and say what is wrong with it."""
        fields = (self.description, self.amount, self.tax_percent)
        before = sum(len(field.errors) for field in fields)
        if not self.description.data:
            self.description.errors = ["Please describe what this is for."]
        try:
            self.amount.read(currency, zero=True)
        except ValidationError as error:
            self.amount.errors = [str(error)]
        try:
            self.millipercent = parse_percent(self.tax_percent.data or "")
        except AmountError as error:
            self.tax_percent.errors = [str(error)]
        return sum(len(field.errors) for field in fields) == before


class LinesForm(BaseForm):
    """The lines of an invoice; those that were left empty do not count."""

    draft = BooleanField("Keep as a draft that the client does not see")
    lines = FieldList(FormField(LineForm), max_entries=MAX_LINES)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        written = sum(1 for _ in self.rows())
        while len(self.lines) < min(max(MIN_LINES, written + SPARE_LINES), MAX_LINES):
            self.lines.append_entry()

    def currency_code(self) -> str:
        """The currency of the amounts."""
        raise NotImplementedError

    def rows(self) -> Iterator[LineForm]:
        """The lines that somebody has written on."""
        return (entry.form for entry in self.lines if not entry.form.is_empty)

    def items(self) -> list[LineItem]:
        """The lines, once the form is valid."""
        return [
            LineItem(row.description.data, row.amount.minor, row.service.data or None, row.millipercent)
            for row in self.rows()
        ]

    def validate(self, extra_validators: Any = None) -> bool:
        """Read all lines in the currency of the invoice."""
        valid = bool(super().validate(extra_validators))
        rows = list(self.rows())
        if not rows:
            self.form_errors.append("Please add at least one line.")
        currency = self.currency_code() if is_currency(self.currency_code()) else "USD"
        results = [row.read(currency) for row in rows]
        return valid and bool(rows) and all(results)


class InvoiceForm(CreatingForm, LinesForm):
    """A new invoice."""

    client = SelectField(
        "Client", [InputRequired("Please choose a client.")], coerce=lambda value: int(value) if value else None
    )
    number = text("Number", 40, "Please enter a number.")
    currency = text("Currency", 3, "Please enter a currency.")

    def __init__(self, clients: Sequence[Client], **options: Any) -> None:
        super().__init__(**options)
        self.client.choices = [option("", "Choose a client")]
        self.client.choices += [option(client.id, f"{client.name} ({client.email})") for client in clients]

    def currency_code(self) -> str:
        """The currency that was typed."""
        return (self.currency.data or "").upper()

    def validate_currency(self, field: StringField) -> None:
        """Refuse what is no currency."""
        field.data = self.currency_code()
        if not is_currency(field.data):
            raise ValidationError("Please enter a currency code, such as USD.")


class ChangeForm(LinesForm):
    """The lines of an invoice that is not paid yet."""

    def __init__(self, invoice: Invoice, **options: Any) -> None:
        self.invoice = invoice
        lines = [
            {
                "description": line.description,
                "service": line.service,
                "amount": plain(line.amount_minor, invoice.currency),
                "tax_percent": plain_percent(line.tax_millipercent),
            }
            for line in invoice.lines
        ]
        super().__init__(data={"lines": lines, "draft": invoice.status == "draft"}, **options)

    def currency_code(self) -> str:
        """The currency of the invoice."""
        return self.invoice.currency


class AmountForm(CreatingForm):
    """An amount of money for one invoice; zero only where `most` is zero."""

    amount = AmountField("Amount", filters=[clean], render_kw={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, invoice: Invoice, most: int, **options: Any) -> None:
        self.currency, self.most = invoice.currency, most
        super().__init__(data={"amount": plain(most, invoice.currency)}, **options)

    def validate_amount(self, field: AmountField) -> None:
        """Read the amount in the currency of the invoice."""
        field.read(self.currency, zero=self.most == 0)


class PaymentForm(AmountForm):
    """Money that came in."""

    method = SelectField("Paid by", choices=METHODS)


class RefundForm(AmountForm):
    """Money that goes back."""

    reason = text("Reason", 200, "Please say why.")


class CheckoutForm(AmountForm):
    """A pretend card payment."""

    card_number = text(
        "Card number",
        40,
        default="4242 4242 4242 4242",
        render_kw={"inputmode": "numeric", "autocomplete": "cc-number"},
    )


class CodeForm(BaseForm):
    """A referral code at the checkout."""

    code = text(
        "Referral code", 40, "Please enter a code.", render_kw={"autocomplete": "off", "autocapitalize": "characters"}
    )


class CreditForm(BaseForm):
    """Credit for one invoice: `amount`, or as much as possible."""

    amount = AmountField("Amount", filters=[clean], render_kw={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, invoice: Invoice, **options: Any) -> None:
        self.currency = invoice.currency
        super().__init__(**options)

    def validate_amount(self, field: AmountField) -> None:
        """Read the amount in the currency of the invoice, if there is one."""
        if field.data:
            field.read(self.currency)

    @property
    def asked(self) -> Money | None:
        """How much was asked for, once the form is valid; None for as much as possible."""
        return Money.from_minor(self.amount.minor, self.currency) if self.amount.data else None
