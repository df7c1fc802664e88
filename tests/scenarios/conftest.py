"""A fresh world for each story: the example app on a copy of a database that its own commands have prepared."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from jinja2 import FileSystemBytecodeCache
from werkzeug.security import generate_password_hash

from example_app import create_app
from example_app.extensions import db
from example_app.standin import Standin
from flask_referrals.adapters.stripe import StripeGateway
from flask_referrals.testing import FrozenClock
from tests.databases import clone_database, fresh_database

from .cash import SECRETS
from .world import World

#: No story is about passwords, and a strong hash is slow.
cheap_hash = partial(generate_password_hash, method="pbkdf2:sha256:1")


@pytest.fixture(scope="session")
def prepared(backend: str) -> Iterator[str]:
    """A database with the host's tables and ours, made by their migrations, to be copied."""
    with fresh_database(backend) as url:
        app = make_app(url, FrozenClock())
        with app.app_context():
            upgrade()
        result = app.test_cli_runner().invoke(args=["referrals", "db", "upgrade"])
        assert result.exit_code == 0, result.output
        dispose(app)
        yield url


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where templates are kept that were compiled for an earlier story."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def world(
    backend: str, prepared: str, compiled: Path, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A world in which nothing has happened yet."""
    monkeypatch.setattr("example_app.models.generate_password_hash", cheap_hash)
    with clone_database(backend, prepared) as url:
        clock = FrozenClock()
        gateway = StripeGateway(standin.key, webhook_secrets=SECRETS, api=standin.url, retries=0)
        standin.begin(clock)
        app = make_app(url, clock, gateway)
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(compiled))
        yield World(app, clock, standin)
        assert standin.violations == []
        dispose(app)


@pytest.fixture(scope="session")
def standin() -> Iterator[Standin]:
    """A stand-in for Stripe, which each story begins with empty books."""
    found = Standin()
    found.serve()
    yield found
    found.stop()


def make_app(url: str, clock: FrozenClock, gateway: StripeGateway | None = None) -> Flask:
    """The example app on this database; errors of its pages and of the extension are raised."""
    return create_app(
        {
            "SQLALCHEMY_DATABASE_URI": url,
            "SECRET_KEY": "test",
            "TESTING": True,
            "CLOCK": clock,
            "GATEWAY": gateway,
            "REFERRALS_STRICT": True,
        }
    )


def dispose(app: Flask) -> None:
    """Close the connections of an app."""
    with app.app_context():
        db.engine.dispose()
