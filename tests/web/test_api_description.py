"""The JSON API's description: valid OpenAPI 3.1, of every address, and true to what a stranger to it finds out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from playwright.sync_api import Browser
from schemathesis.config import ChecksConfig, GenerationConfig, SchemathesisConfig, SimpleCheckConfig
from schemathesis.engine import events, from_schema

from flask_referrals.web import api, api_problem
from flask_referrals.web.api_routes import ROUTES
from tests.unit.test_docs import bare, block, table
from tests.web.api_host import API, Front, sqlite_shop
from tests.web.host import Shop

PAGE = "howto/api.md"
FORM = "application/x-www-form-urlencoded"
Wsgi = Callable[[dict[str, Any], Any], Any]


def test_it_is_valid(shop: Shop) -> None:
    """By the specification's own schema; where it is served, and which cookie and header are wanted, is right."""
    document = shop.browser().get(f"{API}/openapi.json").get_json()
    validate(document, cls=OpenAPIV31SpecValidator)
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": API}]
    behind = shop.app.test_client().get(f"{API}/openapi.json", environ_overrides={"SCRIPT_NAME": "/shop"})
    assert behind.get_json()["servers"] == [{"url": f"/shop{API}"}]
    schemes = document["components"]["securitySchemes"]
    assert schemes["session"]["name"] == "session"
    assert schemes["csrf"]["name"] == "X-Referrals-CSRF"


def test_every_address_is_described(shop: Shop) -> None:
    """No address is without a description, and none is described that isn't there; every refusal is a problem."""
    document = Front(shop).description
    found = {str(rule) for rule in shop.app.url_map.iter_rules() if rule.endpoint.startswith("referrals.api_")}
    wanted = {API + re.sub(r"\{(\w+)\}", r"<\1>", path).removesuffix("/") for path in document["paths"]}
    assert found - {f"{API}/<path:rest>"} == wanted
    for methods in document["paths"].values():
        for operation in methods.values():
            answers = {status: answer["content"] for status, answer in operation["responses"].items()}
            assert list(answers.pop("200")) == ["application/json"]
            assert "default" in answers
            assert all(list(content) == ["application/problem+json"] for content in answers.values())


def test_what_a_change_wants_is_described(shop: Shop) -> None:
    """Every POST wants the session and the token, and closes its body; what visitors may ask wants neither."""
    document = Front(shop).description
    for route in ROUTES:
        operation = document["paths"][route.path or "/"][route.method.lower()]
        wanted = {"session", "csrf"} if route.method == "POST" else set() if route.visitors else {"session"}
        assert {name for one in operation["security"] for name in one} == wanted
        if route.method == "POST":
            kinds = operation["requestBody"]["content"]
            assert set(kinds) == {"application/json", FORM}
            body = document["components"]["schemas"][route.body]
            assert body["additionalProperties"] is False


def test_the_page_of_the_docs() -> None:
    """It lists every route, and every code of ours that a refusal may have."""
    rows = table(PAGE, "api")
    assert [(row["Method"], bare(row["Address"])) for row in rows] == [
        (route.method, route.path or "/") for route in ROUTES
    ]
    sources = "".join(path.read_text() for path in Path(api.__file__).parent.glob("api*.py"))
    codes = set(re.findall(r'Problem\(\s*\d+, "(\w+)"', sources)) | set(api_problem._CODES.values())
    codes |= {"refused", "failed"}
    assert {bare(row["`code`"]) for row in table(PAGE, "api errors")} - {"the reason"} == codes


@pytest.mark.browser
def test_the_example_of_the_docs(shop: Shop, address: str, chromium: Browser) -> None:
    """It runs as it stands there, in a browser, under a strict policy."""
    context = chromium.new_context()
    signer = shop.app.session_interface.get_signing_serializer(shop.app)  # type: ignore[attr-defined]
    cookie = signer.dumps({"client": shop.client()})
    context.add_cookies([{"name": "session", "value": cookie, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/portal/referrals/")
    script = "\n".join(block(PAGE, "api example"))
    assert page.evaluate(f"async () => {{ {script}\n return words; }}") == "Your code is GREENLAWN"
    context.close()


@contextmanager
def furnished() -> Iterator[tuple[Shop, Front]]:
    """A shop with a gateway and a mailer, and a client with a referral, a reward and credit."""
    with sqlite_shop(cash=True, mails=True, REFERRALS_INVITATIONS="sent") as shop:
        jane = shop.client()
        shop.referee(shop.code(jane).text, paid=20000)
        yield shop, Front(shop, jane)


def logged_in(front: Front) -> Wsgi:
    """The app, for somebody whose session and token come along with every request."""
    headers = front.token
    session = front.browser.get_cookie("session")
    assert session is not None

    def served(environ: dict[str, Any], start: Any) -> Any:
        environ["HTTP_COOKIE"] = f"session={session.value}"
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": token for name, token in headers.items()}
        return front.shop.app.wsgi_app(environ, start)

    return served


def faults(served: Wsgi, *, examples: int, inside: bool) -> tuple[set[int], list[str]]:
    """The statuses that schemathesis got, and what it finds wrong, always by the same requests.

    Its WSGI transport leaves objects out of a form, and then wonders that they were not refused.
    """
    config = SchemathesisConfig(seed=1)
    project = config.projects.default
    project.generation = GenerationConfig(
        max_examples=examples, deterministic=True, database="none", with_security_parameters=not inside
    )
    if inside:
        project.checks = ChecksConfig(ignored_auth=SimpleCheckConfig(enabled=False))
    schema = schemathesis.openapi.from_wsgi(f"{API}/openapi.json", served, config=config)
    statuses: set[int] = set()
    found: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            found.append(str(event))
        if not isinstance(event, events.ScenarioFinished):
            continue
        recorder = event.recorder
        statuses |= {one.response.status_code for one in recorder.interactions.values() if one.response is not None}
        for case_id, checks in recorder.checks.items():
            form = getattr(recorder.cases[case_id].value, "media_type", "") == FORM
            for check in checks:
                lost = form and check.name == "negative_data_rejection"
                if check.failure_info is not None and not lost:
                    found.append(f"{recorder.label}: {check.failure_info.failure}")
    return statuses, found


@pytest.mark.slow
def test_a_stranger_who_is_logged_in() -> None:
    """Whatever is sent, no server error; each answer is as described, what fits is taken, and what doesn't is not."""
    with furnished() as (_, front):
        statuses, found = faults(logged_in(front), examples=10, inside=True)
    assert found == []
    assert {200, 400, 404, 405, 409, 415, 422} <= statuses


@pytest.mark.slow
def test_a_stranger_who_is_not() -> None:
    """Nobody gets anywhere but to the check of a code, with whatever cookie or token."""
    with furnished() as (shop, _):
        statuses, found = faults(shop.app.wsgi_app, examples=5, inside=False)
    assert found == []
    assert {200, 401, 405, 422} <= statuses
