from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required

from bazaar import card_gateway
from bazaar.services import ServiceError, order_service

bp = Blueprint('orders', __name__, url_prefix='/orders')


@bp.route('/')
@login_required
def index():
    return render_template('orders.html', orders=order_service.orders_of_buyer(current_user.id))


@bp.route('/<uuid:order_id>')
@login_required
def detail(order_id):
    return render_template('order.html', order=get_own_order_or_404(order_id))


@bp.route('/<uuid:order_id>/pay', methods=['GET', 'POST'])
@login_required
def pay(order_id):
    order = get_own_order_or_404(order_id)
    if not order.is_payable:
        flash('This order is %s, it cannot be paid.' % order.status.value)
        return redirect(url_for('orders.detail', order_id=order.id))
    errors = []
    if request.method == 'POST':
        form = request.form
        try:
            reference = card_gateway.charge(form.get('card_number'), form.get('expiry'), form.get('cvc'),
                                            order.due_cents)
            order_service.mark_as_paid(order_id, reference)
            flash('Thank you, your order is paid.')
            return redirect(url_for('orders.detail', order_id=order_id))
        except (card_gateway.CardError, ServiceError) as e:
            errors.append(str(e))
    return render_template('pay.html', order=order, errors=errors), 400 if errors else 200


def get_own_order_or_404(order_id):
    order = order_service.find_order(order_id)
    if order is None or order.buyer_id != current_user.id:
        abort(404)
    return order
