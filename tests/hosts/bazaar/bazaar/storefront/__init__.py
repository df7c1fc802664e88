"""The app for buyers."""
import os
from uuid import UUID

from flask import Flask, render_template
from flask_login import LoginManager

from bazaar import announce
from bazaar.cli import register_commands
from bazaar.db import database_uri, db
from bazaar.models import User
from bazaar.money import format_money, format_rate

login_manager = LoginManager()
login_manager.login_view = 'account.login'
login_manager.login_message = 'Please log in first.'


@login_manager.user_loader
def load_user(user_id):
    try:
        return db.session.get(User, UUID(user_id))
    except ValueError:
        return None


def create_app(config=None):
    app = Flask(__name__)
    app.config['SECRET_KEY'] = os.environ.get('SECRET_KEY', 'dev')
    app.config['SQLALCHEMY_DATABASE_URI'] = database_uri()
    # the two apps share a host name, so the cookies need different names
    app.config['SESSION_COOKIE_NAME'] = 'bazaar_store'
    app.config.update(config or {})

    db.init_app(app)
    login_manager.init_app(app)
    announce.connect()
    register_commands(app)

    from bazaar.storefront import account, orders, shops
    app.register_blueprint(shops.bp)
    app.register_blueprint(account.bp)
    app.register_blueprint(orders.bp)

    app.add_template_filter(format_money, 'money')
    app.add_template_filter(format_rate, 'rate')

    @app.errorhandler(404)
    def not_found(e):
        return render_template('not_found.html'), 404

    return app
