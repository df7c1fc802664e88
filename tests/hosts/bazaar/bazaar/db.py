"""The one database object; both apps (storefront and backoffice) are initialised on it."""
import os

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)

DEFAULT_FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'bazaar.sqlite')


def database_uri():
    """URL from the environment, or a SQLite file beside the package."""
    url = os.environ.get('DATABASE_URL')
    if not url:
        return 'sqlite:///' + DEFAULT_FILE
    # what hosters hand out
    for prefix in ('postgres://', 'postgresql://'):
        if url.startswith(prefix):
            return 'postgresql+psycopg://' + url[len(prefix):]
    return url


def init_db():
    """Create all tables that don't exist yet. Needs an app context."""
    from bazaar import models  # noqa: F401 (registers the tables)
    db.create_all()
