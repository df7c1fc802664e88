"""Bigbooks: bookkeeping and invoicing for Northfield Trading Ltd."""
import os

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from jinja2 import StrictUndefined

from bigbooks.config import CONFIGS, database_url
from bigbooks.extensions import csrf, db, login_manager, migrate
from bigbooks.utils import day_filter, money_filter, utcnow

HERE = os.path.dirname(os.path.abspath(__file__))

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def create_app(config=None):
    """Make the application.

    ``config`` is the name of one of the config classes, a class, or a dict of settings that are laid over
    the default class. Without it the class is chosen by BIGBOOKS_ENV.
    """
    app = Flask(__name__)
    app.jinja_options = {'undefined': StrictUndefined, 'trim_blocks': True}
    if config is None or isinstance(config, dict):
        app.config.from_object(CONFIGS[os.environ.get('BIGBOOKS_ENV', 'default')])
        app.config.update(config or {})
    elif isinstance(config, str):
        app.config.from_object(CONFIGS[config])
    else:
        app.config.from_object(config)
    if not app.config.get('SQLALCHEMY_DATABASE_URI'):
        app.config['SQLALCHEMY_DATABASE_URI'] = database_url()

    register_extensions(app)
    register_blueprints(app)
    register_template_helpers(app)
    register_error_handlers(app)

    from bigbooks.cli import bill_cli, staff_cli
    app.cli.add_command(bill_cli)
    app.cli.add_command(staff_cli)

    @app.route('/')
    def index():
        return redirect(url_for('invoices.index'))

    @app.after_request
    def security_headers(response):
        response.headers['Content-Security-Policy'] = CONTENT_SECURITY_POLICY
        response.headers['X-Content-Type-Options'] = 'nosniff'
        response.headers['Referrer-Policy'] = 'same-origin'
        return response

    return app


def register_extensions(app):
    from bigbooks import models  # noqa: F401  (the migrations need the tables)
    db.init_app(app)
    migrate.init_app(app, db, directory=os.path.join(HERE, 'migrations'), render_as_batch=True)
    login_manager.init_app(app)
    csrf.init_app(app)


def register_blueprints(app):
    from bigbooks.blueprints import admin, api, auth, clients, estimates, invoices, payments, portal
    app.register_blueprint(auth.bp, url_prefix='/auth')
    app.register_blueprint(clients.bp, url_prefix='/clients')
    app.register_blueprint(invoices.bp, url_prefix='/invoices')
    app.register_blueprint(payments.bp, url_prefix='/payments')
    app.register_blueprint(estimates.bp, url_prefix='/estimates')
    app.register_blueprint(api.bp, url_prefix='/api')
    app.register_blueprint(portal.bp, url_prefix='/portal')
    app.register_blueprint(admin.bp, url_prefix='/admin')


def register_template_helpers(app):
    app.add_template_filter(money_filter, 'money')
    app.add_template_filter(day_filter, 'day')

    @app.context_processor
    def common_variables():
        return {
            'company': {
                'name': app.config['COMPANY_NAME'],
                'address': app.config['COMPANY_ADDRESS'],
                'email': app.config['COMPANY_EMAIL'],
                'vat_number': app.config['COMPANY_VAT_NUMBER'],
            },
            'current_year': utcnow().year,
        }


def register_error_handlers(app):
    @app.errorhandler(CSRFError)
    def csrf_failed(error):
        flash('Your session expired', 'warning')
        return redirect(request.referrer or url_for('auth.login'))

    @app.errorhandler(403)
    def forbidden(error):
        return render_template('errors/error.html', title='Not allowed',
                               message='You do not have the rights for this.'), 403

    @app.errorhandler(404)
    def not_found(error):
        return render_template('errors/error.html', title='Not found',
                               message='There is nothing at this address.'), 404

    @app.errorhandler(500)
    def broken(error):
        db.session.rollback()
        return render_template('errors/error.html', title='Something went wrong',
                               message='The error was logged. Please try again later.'), 500
