"""The Flask extensions that the app uses, and what the database needs."""

from __future__ import annotations

from datetime import UTC, datetime
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, current_app
from flask_login import LoginManager
from flask_mailman import Mail
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import DateTime, Dialect
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

db = SQLAlchemy()
migrate = Migrate()
csrf = CSRFProtect()
mail = Mail()
login_manager = LoginManager()

if TYPE_CHECKING:

    class Model(DeclarativeBase):
        """What `db.Model` is to a type checker."""
else:
    Model = db.Model


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC without a zone, which every database keeps as it is."""

    impl = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC, and without the zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """As UTC again."""
        return None if value is None else value.replace(tzinfo=UTC)


def this_app() -> Flask:
    """The app of the moment, who signals are sent by."""
    return cast(Flask, cast(Any, current_app)._get_current_object())


def prepare_sqlite(connection: Connection, record: object) -> None:
    """Let SQLite check foreign keys, read while it writes, and wait for its turn."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
