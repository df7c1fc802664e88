"""The app of the tests of our pages."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from flask_referrals.testing import FrozenClock
from tests.databases import fresh_database
from tests.minihost import db
from tests.web.host import Shop, create_app


def _shop(url: str) -> Iterator[Shop]:
    clock = FrozenClock()
    app = create_app(url, clock)
    yield Shop(app, clock)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def shop() -> Iterator[Shop]:
    """The app on SQLite, for what no database can change."""
    with fresh_database("sqlite") as url:
        yield from _shop(url)


@pytest.fixture
def any_shop(database_url: str) -> Iterator[Shop]:
    """The app on each database."""
    yield from _shop(database_url)


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    """Where the app of `shop` is served."""
    server = make_server("127.0.0.1", 0, shop.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def chromium(browser_path: str) -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=browser_path, args=options)
        yield browser
        browser.close()
