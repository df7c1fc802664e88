from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required

from bazaar.services import ServiceError, order_service, shop_service
from bazaar.services.order_service import Line

bp = Blueprint('shops', __name__)


@bp.route('/')
def index():
    return render_template('index.html', shops=shop_service.all_shops())


@bp.route('/shops/<slug>')
def show(slug):
    shop = get_shop_or_404(slug)
    return render_template('shop.html', shop=shop, products=shop_service.active_products(shop), errors=[])


@bp.route('/shops/<slug>/order', methods=['POST'])
@login_required
def order(slug):
    """The product form: one field qty_<product id> per product, empty or 0 for none."""
    shop = get_shop_or_404(slug)
    products = shop_service.active_products(shop)
    lines, errors = [], []
    for product in products:
        text = request.form.get('qty_%s' % product.id, '').strip()
        if not text:
            continue
        try:
            quantity = int(text)
        except ValueError:
            quantity = -1
        if not 0 <= quantity <= 999:
            errors.append('The quantity of "%s" is not valid.' % product.name)
        elif quantity:
            lines.append(Line(product.name, quantity, product.unit_cents, product.tax_rate))
    if not errors:
        try:
            placed = order_service.place_order(shop, current_user, lines)
        except ServiceError as e:
            errors.append(str(e))
        else:
            flash('Thank you for your order.')
            return redirect(url_for('orders.detail', order_id=placed.id))
    return render_template('shop.html', shop=shop, products=products, errors=errors), 400


def get_shop_or_404(slug):
    shop = shop_service.find_shop(slug)
    if shop is None:
        abort(404)
    return shop
