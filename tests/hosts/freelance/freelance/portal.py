"""What the customers see: no login, the token in the address is the key."""
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from sqlalchemy import select

from . import totals
from .models import Bill, Customer, Receipt


def find_customer(s, token):
    return s.scalar(select(Customer).where(Customer.portal_token == token)) or abort(404)


def sent_bills(customer):
    return select(Bill).where(Bill.owner_id == customer.owner_id, Bill.customer_id == customer.id,
                              Bill.sent_on.is_not(None))


def make_portal(Session):
    portal = Blueprint("portal", __name__, url_prefix="/p")

    @portal.route("/<token>")
    def bills(token):
        with Session() as s:
            customer = find_customer(s, token)
            found = s.scalars(sent_bills(customer).order_by(Bill.number.desc())).all()
            return render_template("portal/bills.html", customer=customer, owner=customer.owner, bills=found)

    @portal.route("/<token>/bill/<int:bill_id>")
    def bill(token, bill_id):
        with Session() as s:
            customer = find_customer(s, token)
            bill = s.scalar(sent_bills(customer).where(Bill.id == bill_id)) or abort(404)
            return render_template("portal/bill.html", customer=customer, owner=customer.owner, bill=bill)

    @portal.route("/<token>/bill/<int:bill_id>/pay", methods=["POST"])
    def pay(token, bill_id):
        """Pretend that the card was charged with everything that is open."""
        with Session() as s:
            customer = find_customer(s, token)
            bill = s.scalar(sent_bills(customer).where(Bill.id == bill_id)) or abort(404)
            if totals.status(bill) == "open":
                s.add(Receipt(bill_id=bill.id, amount=totals.open_amount(bill), how="card"))
                s.commit()
                flash("Thank you, your payment has arrived.", "ok")
            else:
                flash("There is nothing to pay on this bill.", "error")
            return redirect(url_for("portal.bill", token=token, bill_id=bill_id))

    return portal
