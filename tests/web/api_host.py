"""A front end of a host's own, for the tests of the JSON API: every answer it gets is as the description says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator
from sqlalchemy import event
from werkzeug.test import TestResponse

from flask_referrals import Mail
from flask_referrals.testing import FakeGateway, FrozenClock
from tests.databases import fresh_database
from tests.minihost import db
from tests.web.host import Shop, create_app

API = "/portal/referrals/api"
Json = dict[str, Any]


class Mailbox:
    """A mailer that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    def send(self, mail: Mail) -> None:
        self.mails.append(mail)


@contextmanager
def shop_with(url: str, *, cash: bool = False, mails: bool = False, **config: Any) -> Iterator[Shop]:
    """The app, with a gateway or a mailer where that is wanted."""
    clock = FrozenClock()
    if mails:
        config |= {"REFERRALS_SITE_URL": "http://localhost"}
    gateway = FakeGateway(clock) if cash else None
    app = create_app(url, clock, gateway=gateway, mailer=Mailbox() if mails else None, **config)
    app.extensions["gateway"] = gateway
    yield Shop(app, clock)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@contextmanager
def sqlite_shop(**options: Any) -> Iterator[Shop]:
    """The same on SQLite, for what no database can change."""
    with fresh_database("sqlite") as url, shop_with(url, **options) as shop:
        yield shop


class Front:
    """What a front end does for one client, or for a visitor."""

    def __init__(self, shop: Shop, client_id: int | None = None) -> None:
        self.shop = shop
        self.browser = shop.browser(client_id)

    @cached_property
    def description(self) -> Json:
        """The description, its objects closed, so that a member that it does not name is found."""
        found: Json = deepcopy(self.browser.get(f"{API}/openapi.json").get_json())
        _close(found["components"]["schemas"])
        return found

    @cached_property
    def token(self) -> dict[str, str]:
        """The header that a change carries."""
        csrf = self.browser.get(API).get_json()["csrf"]
        return {csrf["header"]: csrf["token"]}

    def get(self, path: str = "", status: int = 200, **query: Any) -> Any:
        """What is there."""
        return self.told(self.browser.get(API + path, query_string=query), path, status)

    def post(self, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        """Change something; `body` goes as JSON."""
        if "headers" not in options:
            options["headers"] = self.token
        if body is not None:
            options["json"] = body
        return self.told(self.browser.post(API + path, **options), path, status)

    def told(self, response: TestResponse, path: str, status: int) -> Any:
        """The JSON of a response with that status, which is as the description says."""
        assert response.status_code == status, response.text
        self.conforms(response, path)
        return response.get_json()

    def conforms(self, response: TestResponse, path: str) -> None:
        """The response is described, by its status, type and shape, and holds nothing that UTF-8 can't say."""
        json.dumps(response.get_json(), ensure_ascii=False).encode()
        [answers] = [
            methods[response.request.method.lower()]["responses"]
            for pattern, methods in self.description["paths"].items()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path or "/")
        ]
        answer = answers.get(str(response.status_code)) or answers["default"]
        [(kind, content)] = answer["content"].items()
        assert response.mimetype == kind
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        schema = {**content["schema"], "components": self.description["components"]}
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(response.get_json())


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    if isinstance(schema, dict):
        for one in schema.values():
            _close(one)
        if isinstance(schema.get("properties"), dict) and "type" in schema:
            schema.setdefault("additionalProperties", False)


@contextmanager
def statements(shop: Shop) -> Iterator[list[str]]:
    """The statements that touch our tables meanwhile."""
    found: list[str] = []

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "referrals_" in statement:
            found.append(statement)

    with shop.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", executed)
