from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required, login_user, logout_user

from bazaar.services import ServiceError, shop_service, user_service

bp = Blueprint('account', __name__)


@bp.route('/sign-up', methods=['GET', 'POST'])
def sign_up():
    """?shop=<slug> says from which shop the person comes (and where to go back to)."""
    if current_user.is_authenticated:
        return redirect(url_for('shops.index'))
    shop = shop_service.find_shop(request.values.get('shop', ''))
    if request.method == 'GET':
        return render_template('sign_up.html', shop=shop, errors=[])

    form = request.form
    errors = []
    if form.get('password') != form.get('password2'):
        errors.append('The two passwords are not the same.')
    else:
        try:
            user = user_service.register(form.get('email'), form.get('full_name'), form.get('password'),
                                         phone=form.get('phone'), shop_slug=shop.slug if shop else None)
        except ServiceError as e:
            errors.append(str(e))
    if errors:
        return render_template('sign_up.html', shop=shop, errors=errors), 400
    login_user(user)
    flash('Welcome, %s!' % user.full_name)
    if shop:
        return redirect(url_for('shops.show', slug=shop.slug))
    return redirect(url_for('shops.index'))


@bp.route('/login', methods=['GET', 'POST'])
def login():
    errors = []
    if request.method == 'POST':
        user = user_service.authenticate(request.form.get('email'), request.form.get('password'))
        if user:
            login_user(user, remember=bool(request.form.get('remember')))
            return redirect(safe_next() or url_for('shops.index'))
        errors.append('Wrong e-mail address or password.')
    return render_template('login.html', errors=errors), 400 if errors else 200


@bp.route('/logout', methods=['POST'])
def logout():
    logout_user()
    flash('You are logged out.')
    return redirect(url_for('shops.index'))


@bp.route('/account', methods=['GET', 'POST'])
@login_required
def profile():
    errors = []
    form = request.form
    if request.method == 'POST':
        try:
            if form.get('action') == 'password':
                user_service.change_password(current_user.id, form.get('old_password'),
                                             form.get('new_password'))
                flash('Your password is changed.')
            else:
                user_service.update_profile(current_user.id, form.get('full_name'), form.get('phone'))
                flash('Your data are saved.')
            return redirect(url_for('account.profile'))
        except ServiceError as e:
            errors.append(str(e))
    return render_template('account.html', errors=errors), 400 if errors else 200


def safe_next():
    target = request.args.get('next', '')
    # only paths of ours, and not a GET on a page that only takes POST
    if not target.startswith('/') or target.startswith(('//', '/\\')):
        return None
    if target.startswith('/shops/') and target.endswith('/order'):
        return target[:-len('/order')]
    return target
