"""Log in and log out of staff."""
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required, login_user, logout_user

from bigbooks.forms import LoginForm
from bigbooks.models import Staff

bp = Blueprint('auth', __name__)


def safe_next():
    """Only go on to addresses of our own."""
    target = request.args.get('next', '')
    if target.startswith('/') and not target.startswith(('//', '/\\')):
        return target
    return url_for('invoices.index')


@bp.route('/login', methods=['GET', 'POST'])
def login():
    if current_user.is_authenticated:
        return redirect(url_for('invoices.index'))
    form = LoginForm()
    if form.validate_on_submit():
        staff = Staff.query.filter_by(email=form.email.data).first()
        if staff and staff.check_password(form.password.data) and login_user(staff, remember=form.remember.data):
            return redirect(safe_next())
        flash('Wrong e-mail or password', 'error')
    return render_template('auth/login.html', form=form)


@bp.route('/logout', methods=['POST'])
@login_required
def logout():
    logout_user()
    flash('You are logged out')
    return redirect(url_for('auth.login'))
