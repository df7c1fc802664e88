"""All pages of the backoffice. Everything about a shop is below /<shop_slug>/."""
from functools import wraps
from uuid import UUID

from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for

from bazaar.db import db
from bazaar.models import OrderStatus, User
from bazaar.money import parse_cents, parse_rate
from bazaar.services import ServiceError, order_service, shop_service, user_service

bp = Blueprint('bo', __name__)


@bp.before_app_request
def load_merchant():
    g.merchant = None
    g.shop = None
    if 'merchant_id' in session:
        user = db.session.get(User, UUID(session['merchant_id']))
        if user is not None and user.is_merchant:
            g.merchant = user


def merchant_required(view):
    """Needs a merchant; if the URL names a shop, one that the merchant runs (it is put into g.shop)."""
    @wraps(view)
    def wrapped(**kwargs):
        if g.merchant is None:
            return redirect(url_for('bo.login'))
        if 'shop_slug' in kwargs:
            shop = shop_service.find_shop(kwargs.pop('shop_slug'))
            if shop is None:
                abort(404)
            if not g.merchant.runs(shop):
                abort(403)
            g.shop = shop
        return view(**kwargs)
    return wrapped


@bp.route('/login', methods=['GET', 'POST'])
def login():
    error = None
    if request.method == 'POST':
        user = user_service.authenticate(request.form.get('email'), request.form.get('password'))
        if user is not None and user.is_merchant:
            session['merchant_id'] = str(user.id)
            return redirect(url_for('bo.shops'))
        error = 'Wrong e-mail address or password, or not a merchant.'
    return render_template('bo/login.html', error=error), 400 if error else 200


@bp.route('/logout', methods=['POST'])
def logout():
    session.pop('merchant_id', None)
    return redirect(url_for('bo.login'))


@bp.route('/')
@merchant_required
def shops():
    return render_template('bo/shops.html', shops=shop_service.shops_of(g.merchant.id))


@bp.route('/<shop_slug>/')
@merchant_required
def shop_home():
    return redirect(url_for('bo.orders', shop_slug=g.shop.slug))


@bp.route('/<shop_slug>/orders')
@merchant_required
def orders():
    try:
        status = OrderStatus(request.args['status'])
    except (KeyError, ValueError):
        status = None
    return render_template('bo/orders.html', orders=order_service.orders_of_shop(g.shop.id, status),
                           status=status, statuses=list(OrderStatus))


@bp.route('/<shop_slug>/orders/<uuid:order_id>')
@merchant_required
def order(order_id):
    return render_template('bo/order.html', order=get_order_or_404(order_id), error=None)


@bp.route('/<shop_slug>/orders/<uuid:order_id>/paid', methods=['POST'])
@merchant_required
def mark_paid(order_id):
    reference = request.form.get('reference', '').strip()[:80]
    return do_with_order(order_id, 'The order is paid.',
                         lambda: order_service.mark_as_paid(order_id, reference or 'manual'))


@bp.route('/<shop_slug>/orders/<uuid:order_id>/refund', methods=['POST'])
@merchant_required
def refund(order_id):
    """An empty amount means: all of it."""
    def do_refund():
        amount = request.form.get('amount', '').strip()
        order_service.refund(order_id, parse_cents(amount) if amount else None)
    return do_with_order(order_id, 'The money is refunded.', do_refund)


@bp.route('/<shop_slug>/orders/<uuid:order_id>/cancel', methods=['POST'])
@merchant_required
def cancel(order_id):
    return do_with_order(order_id, 'The order is canceled.', lambda: order_service.cancel(order_id))


@bp.route('/<shop_slug>/products', methods=['GET', 'POST'])
@merchant_required
def products():
    error = None
    if request.method == 'POST':
        form = request.form
        try:
            shop_service.add_product(g.shop.id, form.get('name'), parse_cents(form.get('price')),
                                     parse_rate(form.get('tax_rate')))
            flash('The product is added.')
            return redirect(url_for('bo.products', shop_slug=g.shop.slug))
        except (ServiceError, ValueError) as e:
            error = str(e)
    return render_template('bo/products.html', products=g.shop.products, error=error), 400 if error else 200


@bp.route('/<shop_slug>/products/<uuid:product_id>/toggle', methods=['POST'])
@merchant_required
def toggle_product(product_id):
    try:
        shop_service.toggle_product(g.shop.id, product_id)
    except ServiceError:
        abort(404)
    return redirect(url_for('bo.products', shop_slug=g.shop.slug))


def get_order_or_404(order_id):
    order = order_service.find_order(order_id)
    if order is None or order.shop_id != g.shop.id:
        abort(404)
    return order


def do_with_order(order_id, message, action):
    """Do something to an order of this shop; shows the order again, with the error if there was one."""
    order = get_order_or_404(order_id)
    try:
        action()
    except (ServiceError, ValueError) as e:
        return render_template('bo/order.html', order=order, error=str(e)), 400
    flash(message)
    return redirect(url_for('bo.order', shop_slug=g.shop.slug, order_id=order_id))
