"""The app for merchants."""
import os

from flask import Flask, render_template

from bazaar import announce
from bazaar.cli import register_commands
from bazaar.db import database_uri, db
from bazaar.money import format_money, format_rate


def create_app(config=None):
    app = Flask(__name__)
    app.config['SECRET_KEY'] = os.environ.get('SECRET_KEY', 'dev')
    app.config['SQLALCHEMY_DATABASE_URI'] = database_uri()
    app.config['SESSION_COOKIE_NAME'] = 'bazaar_bo'
    app.config.update(config or {})

    db.init_app(app)
    announce.connect()
    register_commands(app)

    from bazaar.backoffice import views
    app.register_blueprint(views.bp)

    app.jinja_env.filters['money'] = format_money
    app.jinja_env.filters['rate'] = format_rate

    @app.errorhandler(403)
    @app.errorhandler(404)
    def error(e):
        return render_template('bo/error.html', error=e), e.code

    return app
