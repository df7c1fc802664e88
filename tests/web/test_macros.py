"""The macros for templates of the host's, in any house, and the plain field for a code (architecture §3.11, A6)."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string, request
from jinja2 import DictLoader, StrictUndefined
from sqlalchemy import text

from flask_referrals import Client, Referrals, read_code
from flask_referrals.testing import FrozenClock
from tests.databases import clone_database
from tests.minihost import ClientRow, MiniHost, db, prepare_sqlite
from tests.web.houses import HOUSES, SITE, Home, House, HouseHost, apart, prepared, spelled, visit
from tests.worlds import World

IMPORT = """{% from "referrals/_macros.html" import link, link_card, news_link, invitation_badge, code_field,
client_chain %}"""
ALL = (
    IMPORT
    + """|{{ link(client) }}|{{ link_card(client) }}|{{ news_link(client) }}|{{ invitation_badge() }}|
{{ code_field() }}|{{ client_chain("1") }}|"""
)
FORM = (
    IMPORT
    + """<form method="post">{{ invitation_badge() }}{{ code_field(input_class="wide") }}{% if wrong %}
<p>Please give your name.</p>{% endif %}<button>Register</button></form>"""
)


@pytest.fixture(scope="module")
def house_url() -> Iterator[str]:
    """The prepared database, to be copied."""
    with prepared() as found:
        yield found


def _respelled(source: str) -> str:
    for ours, theirs in (("{%", "<%"), ("%}", "%>"), ("{{", "[["), ("}}", "]]")):
        source = source.replace(ours, theirs)
    return source


def _render(home: Home, source: str, **values: Any) -> str:
    return html.unescape(render_template_string(source, client=db.session.get(ClientRow, 1), **values))


@pytest.mark.parametrize("name", ["plain", "strict", "spelled", "waiting", "suspicious"])
def test_every_macro_in_every_house(house_url: str, name: str) -> None:
    """By one line of import, whatever the house's spelling, sandbox, async, or names."""
    house = House() if name == "plain" else HOUSES[name]
    with visit(house, house_url) as home:
        source = _respelled(ALL) if name == "spelled" else ALL
        code = home.code()

        def render() -> str:
            with home.app.test_request_context(f"/?ref={code}"):
                return _render(home, source)

        shown = apart(render)
    assert shown.count(f'value="http://localhost/r/{code}"') == 2
    assert "you get $50.00" in shown
    assert 'href="/portal/referrals/news"' in shown
    assert "You were recommended by Jane S." in shown
    assert f'name="referral_code" value="{code}"' in shown
    assert "Kiera Lopez" in shown
    assert 'href="/admin/referrals/referrals/1"' in shown
    assert "&lt;p" not in shown


def test_a_name_of_ours_that_the_house_uses_stays_the_houses(house_url: str) -> None:
    """A global `referrals` of the house's is left alone; without one it is ours."""

    def named(app: Flask, host: HouseHost) -> None:
        app.jinja_env.globals["referrals"] = ["a list of the house's"]

    with visit(House(after=named), house_url) as home, home.app.test_request_context():
        assert "a list of the house's" in html.unescape(render_template_string(IMPORT + "{{ referrals }}"))
    with visit(House(), house_url) as home, home.app.test_request_context():
        assert render_template_string("{{ referrals.invitation() is none }}") == "True"


def test_macros_escape_where_the_house_does_not(house_url: str) -> None:
    """Names are escaped by us, also where nothing else is."""
    with visit(House(before=spelled), house_url) as home, home.app.test_request_context():
        source = _respelled(IMPORT + '{{ client_chain("1") }}{{ client_chain("2") }}')
        assert "Jane Smi&lt;i&gt;th" in render_template_string(source)


def test_a_macro_that_fails_says_nothing(house_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Missing tables are logged, and the page stands."""
    with (
        visit(House(config={"REFERRALS_STRICT": False}), house_url) as home,
        home.app.test_request_context("/?ref=ABCD"),
    ):
        db.session.execute(text("ALTER TABLE referrals_program RENAME TO elsewhere"))
        with caplog.at_level(logging.ERROR, "flask_referrals"):
            shown = re.sub(r"\s", "", _render(home, ALL))
        assert shown.startswith("|||<a")
        assert shown.endswith("||")
        assert 'name="referral_code"' in shown
        assert "the macro client_chain of referrals/_macros.html could not be shown" in caplog.text


def test_a_macro_that_fails_spoils_no_transaction(world: World) -> None:
    """A failed statement of ours is undone by itself, on databases that would go no further after it too."""
    jane = world.client("Jane Smith")
    with world.app.test_request_context():
        db.session.execute(text("ALTER TABLE referrals_program RENAME TO elsewhere"))
        jane.phone = "1"
        db.session.flush()
        assert render_template_string(IMPORT + "{{ link(client) }}", client=jane).strip() == ""
        db.session.commit()
        assert db.session.get(ClientRow, jane.id, populate_existing=True).phone == "1"  # type: ignore[union-attr]


def test_a_macro_for_nobody_says_nothing(house_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """A page that is shown to visitors too passes None for the client, which is no mistake."""
    source = IMPORT + "[{{ link(none) }}{{ link_card(none) }}{{ news_link(none) }}{{ invitation_badge() }}]"
    with visit(House(), house_url) as home, home.app.test_request_context():
        assert re.sub(r"\s", "", render_template_string(source)) == "[]"
    assert not caplog.records


def test_nothing_to_share_yet(house_url: str) -> None:
    """A client without a code has no link, and none is made by looking; a card leads to the page that makes one."""
    with visit(House(), house_url) as home, home.app.test_request_context():
        client = db.session.get(ClientRow, 3)
        shown = render_template_string(IMPORT + "[{{ link(client) }}]{{ link_card(client) }}", client=client)
        assert re.sub(r"\s", "", shown).startswith("[]")
        assert "Get your code" in shown
        home.referrals.switch("default", on=False)
        assert re.sub(r"\s", "", render_template_string(IMPORT + "{{ link_card(client) }}", client=client)) == ""


def test_macros_without_a_request(house_url: str) -> None:
    """In an email or on a cron, links are absolute by REFERRALS_SITE_URL, and nothing in them needs a script."""

    class Foreign(HouseHost):
        """Speaks as the browser wishes, so only where there is one."""

        def locale(self) -> str:
            return request.accept_languages.best or "en_US"

    with visit(House(host=Foreign), house_url) as home:
        code = home.code()
        with home.app.app_context():
            shown = _render(home, ALL)
    assert f'<a href="{SITE}/r/{code}">{SITE}/r/{code}</a>' in shown
    assert f'<a href="{SITE}/portal/referrals/">Share it</a>' in shown
    assert f'href="{SITE}/portal/referrals/news"' in shown
    assert f'href="{SITE}/admin/referrals/referrals/1"' in shown
    assert "<script" not in shown
    assert "hidden>" not in shown


# -- a form without WTForms ------------------------------------------------------------------------------------------


def _shop(app: Flask, host: HouseHost) -> None:
    """A registration as such a host writes it."""

    @app.route("/register", methods=["GET", "POST"])
    def register() -> Any:
        code = read_code() if request.method == "POST" else None
        if code is None or code.error or not request.form["name"]:
            return render_template_string(FORM, wrong=code is not None)
        return f"registered with {code.text}"


def _hidden(page: str) -> str | None:
    found = re.search(r'<input type="hidden" name="referral_code-told" value="([^"]*)">', page)
    return None if found is None else found[1]


def test_the_plain_field_comes_filled_in(house_url: str) -> None:
    """With the code of the address, or of the link that was followed; not for staff, whose cookies are their own."""
    with visit(House(before=_shop), house_url) as home:
        visitor, code = home.browser(), home.code()
        assert 'name="referral_code" value="" class="wide"' in visitor.get("/register").text
        assert f'value="{code}"' in visitor.get(f"/register?ref={code}").text
        assert 'value=""' in visitor.get("/register?ref=%00").text
        visitor.get(f"/r/{code}")
        page = visitor.get("/register").text
        assert f'value="{code}"' in page
        assert "You were recommended by Jane S." in page
        visitor.environ_base["HTTP_X_PERSON"] = "staff"
        assert 'name="referral_code" value=""' in visitor.get("/register").text


def test_the_plain_field_answers_once(house_url: str) -> None:
    """A code that is refused is told at the field, and passes when it is sent once more as it was (A6)."""
    with visit(House(before=_shop), house_url) as home:
        browser, code = home.browser(), home.code()
        first = browser.post("/register", data={"name": "Noa", "referral_code": " NO-SUCH "}).text
        assert 'role="alert" data-reason="code_not_found"' in first
        assert 'value="NO-SUCH"' in first
        assert 'aria-invalid="true"' in first
        assert 'aria-describedby="rf-referral_code-error rf-referral_code-hint"' in first
        assert _hidden(first) == "NO-SUCH"
        told = {"name": "Noa", "referral_code-told": "NO-SUCH"}
        assert browser.post("/register", data=told | {"referral_code": "NO-SUCH"}).text == "registered with NO-SUCH"
        assert browser.post("/register", data=told | {"referral_code": code}).text == f"registered with {code}"
        assert browser.post("/register", data={"name": "Noa", "referral_code": " "}).text == "registered with None"
        assert browser.post("/register", data={"name": "Noa"}).text == "registered with None"
        kept = browser.post("/register", data=told | {"name": "", "referral_code": "NO-SUCH"}).text
        assert "Please give your name" in kept
        assert "role=" not in kept
        assert _hidden(kept) == "NO-SUCH"


def test_a_code_from_another_source(house_url: str) -> None:
    """`read_code` of a text, such as one that came as JSON, in another org or at the checkout."""
    with visit(House(), house_url) as home:
        code = home.code()
        with home.app.test_request_context():
            assert read_code(f" {code} ").text == code
            assert read_code(code).error is None
            assert read_code(code, org="another").reason == "code_not_found"
            assert read_code("").text is None
        with home.app.app_context():
            assert read_code("NOPE", point="invoice").reason == "code_not_found"


def test_the_form_of_the_docs(house_url: str) -> None:
    """The template and the view of docs/howto/templates.md are what such a host writes, and work."""
    page = (Path(__file__).parents[2] / "docs/howto/templates.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"<!-- checked: (\S+) -->\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))

    def before(app: Flask, host: HouseHost) -> None:
        app.jinja_env.undefined = StrictUndefined
        app.jinja_loader = DictLoader({"register.html": blocks["register.html"]})

    with visit(House(before=before), house_url) as home:
        exec(blocks["register"], {"app": home.app, "db": db, "Client": ClientRow, "referrals": home.referrals})
        browser, code = home.browser(), home.code()
        browser.get(f"/r/{code}")
        assert "You were recommended by Jane S." in browser.get("/register").text
        wrong = browser.post("/register", data={"name": "Noa Elm", "referral_code": "NO-SUCH"})
        assert (wrong.status_code, "code_not_found" in wrong.text) == (422, True)
        assert browser.post("/register", data={"name": "Noa Elm", "referral_code": code}).location == "/welcome"
        with home.app.app_context():
            noa = db.session.query(ClientRow).filter_by(name="Noa Elm").one()
            referral = home.referrals.referral_of(home.host.client(noa))
        assert referral is not None
        assert referral.referrer_id == "1"


def test_a_host_on_plain_sqlalchemy(house_url: str) -> None:
    """The macros read through whatever session the host has given us, and leave its transaction open."""
    with clone_database("sqlite", house_url) as copy:
        app = Flask("plain", static_folder=None)
        app.config.update(SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=copy, REFERRALS_STRICT=True)
        db.init_app(app)
        Referrals(MiniHost(), app, session=lambda: db.session(), clock=FrozenClock())
        with app.test_request_context():
            prepare_sqlite(db.engine)
            client = Client(id="1", name="Jane")
            assert "/r/" in render_template_string(IMPORT + "{{ link(client) }}", client=client)
            assert db.session().in_transaction()
            db.session.remove()
            db.engine.dispose()
