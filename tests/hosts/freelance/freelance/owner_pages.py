"""The pages of the owners: sign-up, login, customers, bills and receipts."""
from datetime import date
from functools import wraps

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from sqlalchemy import func, select
from werkzeug.security import check_password_hash, generate_password_hash

from . import totals
from .forms import ROW_FIELDS, read_amount, read_date, read_email, read_item, read_rows
from .models import Bill, Customer, Owner, Receipt

CURRENCIES = ("EUR", "USD", "GBP", "CHF")


def login_needed(view):
    @wraps(view)
    def wrapped(*args, **kwargs):
        if "owner_id" not in session:
            return redirect(url_for("owner.login"))
        return view(*args, **kwargs)
    return wrapped


def the_owner(s):
    owner = s.get(Owner, session["owner_id"])
    if owner is None:
        # a cookie that is older than the database
        session.clear()
        abort(redirect(url_for("owner.login")))
    return owner


def get_customer(s, customer_id):
    """A customer of the logged-in owner, otherwise 404."""
    query = select(Customer).where(Customer.id == customer_id, Customer.owner_id == session["owner_id"])
    return s.scalar(query) or abort(404)


def get_bill(s, bill_id):
    """A bill of the logged-in owner, otherwise 404."""
    query = select(Bill).where(Bill.id == bill_id, Bill.owner_id == session["owner_id"])
    return s.scalar(query) or abort(404)


def owners_customers(s):
    query = select(Customer).where(Customer.owner_id == session["owner_id"]).order_by(Customer.name, Customer.id)
    return s.scalars(query).all()


def to_bill(bill_id, problem=None):
    """Back to the page of the bill, with an error message if there was a problem."""
    if problem:
        flash(problem, "error")
    return redirect(url_for("owner.bill", bill_id=bill_id))


def with_spare_rows(rows):
    spare = 3 if rows else 4
    return rows + [dict.fromkeys(ROW_FIELDS, "") for _ in range(spare)]


def make_owner_pages(Session):
    pages = Blueprint("owner", __name__)

    @pages.route("/")
    def home():
        return redirect(url_for("owner.bills" if "owner_id" in session else "owner.login"))

    # --- accounts

    @pages.route("/signup", methods=["GET", "POST"])
    def signup():
        errors = []
        if request.method == "POST":
            business_name = request.form.get("business_name", "").strip()
            email = read_email(request.form.get("email", ""))
            password = request.form.get("password", "")
            currency = request.form.get("currency", "EUR")
            if not business_name or len(business_name) > 200:
                errors.append("Please give the name of your business.")
            if not email:
                errors.append("Please give a valid email address.")
            if len(password) < 8:
                errors.append("The password needs at least 8 characters.")
            if currency not in CURRENCIES:
                errors.append("Please choose a currency.")
            with Session() as s, s.begin():
                if email and s.scalar(select(Owner.id).where(Owner.email == email)):
                    errors.append("There is already an account with this email address.")
                if not errors:
                    owner = Owner(email=email, password_hash=generate_password_hash(password),
                                  business_name=business_name, currency=currency)
                    s.add(owner)
                    s.flush()
                    session["owner_id"] = owner.id
                    return redirect(url_for("owner.bills"))
        return render_template("signup.html", errors=errors, form=request.form, currencies=CURRENCIES)

    @pages.route("/login", methods=["GET", "POST"])
    def login():
        errors = []
        if request.method == "POST":
            email = request.form.get("email", "").strip().lower()
            with Session() as s:
                owner = s.scalar(select(Owner).where(Owner.email == email))
            if owner and check_password_hash(owner.password_hash, request.form.get("password", "")):
                session["owner_id"] = owner.id
                return redirect(url_for("owner.bills"))
            errors.append("Email or password is wrong.")
        return render_template("login.html", errors=errors, form=request.form)

    @pages.route("/logout", methods=["POST"])
    def logout():
        session.clear()
        return redirect(url_for("owner.login"))

    # --- customers

    @pages.route("/customers")
    @login_needed
    def customers():
        with Session() as s:
            return render_template("customers.html", owner=the_owner(s), customers=owners_customers(s))

    @pages.route("/customers/new", methods=["GET", "POST"])
    @login_needed
    def new_customer():
        errors = []
        with Session() as s:
            owner = the_owner(s)
            if request.method == "POST":
                name = request.form.get("name", "").strip()
                email = read_email(request.form.get("email", ""))
                phone = request.form.get("phone", "").strip()
                if not name or len(name) > 200:
                    errors.append("Please give a name.")
                if not email:
                    errors.append("Please give a valid email address.")
                elif s.scalar(select(Customer.id).where(Customer.owner_id == owner.id, Customer.email == email)):
                    errors.append("You already have a customer with this email address.")
                if len(phone) > 50:
                    errors.append("The phone number is too long.")
                if not errors:
                    customer = Customer(owner_id=owner.id, name=name, email=email, phone=phone)
                    s.add(customer)
                    s.commit()
                    flash("Customer saved.", "ok")
                    return redirect(url_for("owner.customer", customer_id=customer.id))
            return render_template("customer_form.html", errors=errors, form=request.form)

    @pages.route("/customers/<int:customer_id>")
    @login_needed
    def customer(customer_id):
        with Session() as s:
            return render_template("customer.html", owner=the_owner(s), customer=get_customer(s, customer_id))

    # --- bills

    @pages.route("/bills")
    @login_needed
    def bills():
        with Session() as s:
            owner = the_owner(s)
            found = s.scalars(select(Bill).where(Bill.owner_id == owner.id).order_by(Bill.id.desc())).all()
            return render_template("bills.html", owner=owner, bills=found)

    def save_bill(s, bill):
        """Put the posted bill form into the bill. Returns (rows as typed, errors)."""
        rows, items, errors = read_rows(request.form)
        customer_id = request.form.get("customer_id", type=int)
        if customer_id not in [c.id for c in owners_customers(s)]:
            errors.insert(0, "Please choose a customer.")
        if not errors:
            bill.customer_id = customer_id
            bill.note = request.form.get("note", "").strip()
            bill.items = items
        return rows, errors

    @pages.route("/bills/new", methods=["GET", "POST"])
    @login_needed
    def new_bill():
        rows, errors = [], []
        with Session() as s, s.begin():
            owner = the_owner(s)
            if request.method == "POST":
                bill = Bill(owner_id=owner.id)
                rows, errors = save_bill(s, bill)
                if not errors:
                    s.add(bill)
                    s.flush()
                    return to_bill(bill.id)
            return render_template(
                "bill_form.html", heading="New bill", customers=owners_customers(s), errors=errors,
                rows=with_spare_rows(rows), note=request.form.get("note", ""),
                chosen=request.values.get("customer_id", type=int))

    @pages.route("/bills/<int:bill_id>")
    @login_needed
    def bill(bill_id):
        with Session() as s:
            return render_template("bill.html", owner=the_owner(s), bill=get_bill(s, bill_id),
                                   ways=Receipt.HOW_IN, today=date.today())

    @pages.route("/bills/<int:bill_id>/edit", methods=["GET", "POST"])
    @login_needed
    def edit_bill(bill_id):
        errors = []
        with Session() as s, s.begin():
            bill = get_bill(s, bill_id)
            if bill.sent_on:
                return to_bill(bill.id, "A sent bill cannot be edited any more.")
            note, chosen = bill.note, bill.customer_id
            if request.method == "POST":
                rows, errors = save_bill(s, bill)
                if not errors:
                    flash("Draft saved.", "ok")
                    return to_bill(bill.id)
                note, chosen = request.form.get("note", ""), request.form.get("customer_id", type=int)
            else:
                rows = [{field: getattr(item, field) for field in ROW_FIELDS} for item in bill.items]
            return render_template("bill_form.html", heading="Edit draft", customers=owners_customers(s),
                                   errors=errors, rows=with_spare_rows(rows), note=note, chosen=chosen)

    @pages.route("/bills/<int:bill_id>/items", methods=["POST"])
    @login_needed
    def add_item(bill_id):
        """Add one item, also to a bill that was sent already but is not paid yet."""
        with Session() as s, s.begin():
            bill = get_bill(s, bill_id)
            if bill.cancelled or totals.is_paid(bill):
                return to_bill(bill.id, "Nothing can be added to a paid or cancelled bill.")
            item, error = read_item({field: request.form.get(field, "") for field in ROW_FIELDS})
            if error:
                return to_bill(bill.id, error)
            bill.items.append(item)
            if bill.sent_on and totals.gross(bill) < 0:
                bill.items.remove(item)
                return to_bill(bill.id, "The total of a bill cannot be below zero.")
            flash("Item added.", "ok")
            return to_bill(bill.id)

    @pages.route("/bills/<int:bill_id>/send", methods=["POST"])
    @login_needed
    def send_bill(bill_id):
        with Session() as s, s.begin():
            bill = get_bill(s, bill_id)
            if bill.sent_on:
                return to_bill(bill.id, "This bill has been sent already.")
            if totals.gross(bill) < 0:
                return to_bill(bill.id, "The total of a bill cannot be below zero.")
            last = s.scalar(select(func.max(Bill.number)).where(Bill.owner_id == bill.owner_id))
            bill.number = (last or 0) + 1
            bill.sent_on = date.today()
            flash("The bill is sent, your customer sees it at the customer link now.", "ok")
            return to_bill(bill.id)

    @pages.route("/bills/<int:bill_id>/cancel", methods=["POST"])
    @login_needed
    def cancel_bill(bill_id):
        with Session() as s, s.begin():
            bill = get_bill(s, bill_id)
            if not bill.sent_on:
                return to_bill(bill.id, "A draft cannot be cancelled, delete it instead.")
            bill.cancelled = True
            flash("The bill is cancelled.", "ok")
            return to_bill(bill.id)

    @pages.route("/bills/<int:bill_id>/delete", methods=["POST"])
    @login_needed
    def delete_bill(bill_id):
        with Session() as s, s.begin():
            bill = get_bill(s, bill_id)
            if bill.sent_on:
                return to_bill(bill.id, "A sent bill cannot be deleted, cancel it instead.")
            s.delete(bill)
            flash("Draft deleted.", "ok")
            return redirect(url_for("owner.bills"))

    # --- money

    @pages.route("/bills/<int:bill_id>/receipts", methods=["POST"])
    @login_needed
    def add_receipt(bill_id):
        with Session() as s:
            bill = get_bill(s, bill_id)
            amount = read_amount(request.form.get("amount", ""))
            how = request.form.get("how", "bank")
            on = read_date(request.form.get("on", ""))
            if not bill.sent_on or bill.cancelled:
                return to_bill(bill.id, "Receipts can only be recorded for a sent bill.")
            if amount is None:
                return to_bill(bill.id, "The amount must be a number above zero.")
            if how not in Receipt.HOW_IN:
                return to_bill(bill.id, "Please choose how the money came in.")
            if on is None:
                return to_bill(bill.id, "The date is not valid.")
            # more than what is open is fine, people do pay too much
            s.add(Receipt(bill_id=bill.id, amount=amount, how=how, on=on))
            s.commit()
            flash("Receipt recorded.", "ok")
            return to_bill(bill.id)

    @pages.route("/bills/<int:bill_id>/back", methods=["POST"])
    @login_needed
    def give_back(bill_id):
        with Session() as s:
            bill = get_bill(s, bill_id)
            amount = read_amount(request.form.get("amount", ""))
            on = read_date(request.form.get("on", ""))
            if amount is None:
                return to_bill(bill.id, "The amount must be a number above zero.")
            if on is None:
                return to_bill(bill.id, "The date is not valid.")
            if amount > totals.paid(bill):
                return to_bill(bill.id, "You cannot give back more than came in.")
            s.add(Receipt(bill_id=bill.id, amount=amount, how=Receipt.BACK, on=on))
            s.commit()
            flash("Money given back.", "ok")
            return to_bill(bill.id)

    @pages.route("/bills/<int:bill_id>/receipts/<int:receipt_id>/delete", methods=["POST"])
    @login_needed
    def delete_receipt(bill_id, receipt_id):
        with Session() as s:
            bill = get_bill(s, bill_id)
            receipt = s.scalar(select(Receipt).where(Receipt.id == receipt_id, Receipt.bill_id == bill.id))
            if receipt is None:
                abort(404)
            if receipt.how != Receipt.BACK and round(totals.paid(bill) - receipt.amount, 2) < 0:
                return to_bill(bill.id, "Part of this money was given back, delete that entry first.")
            s.delete(receipt)
            s.commit()
            flash("Receipt deleted.", "ok")
            return to_bill(bill.id)

    return pages
