"""A browser: pages, their forms and what they say, over the app's test client with a cookie jar of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from .player import StepFailed

#: How much of a page is shown in a message.
LONGEST = 2000


@dataclass(slots=True)
class Form:
    """A form of a page as a browser would send it; `fill` refuses a field that the form does not have."""

    action: str
    names: set[str] = field(default_factory=set)
    data: MultiDict[str, str] = field(default_factory=MultiDict)

    def fill(self, **values: str | list[str]) -> Form:
        """Type into fields; a list is what is chosen of several boxes."""
        return self.put(values)

    def put(self, values: Mapping[str, str | list[str]]) -> Form:
        """The same for names that are no Python names."""
        for name, value in values.items():
            if name not in self.names:
                raise StepFailed(f"the form to {self.action} has no field {name!r}; it has {sorted(self.names)}")
            self.data.setlist(name, value if isinstance(value, list) else [value])
        return self


@dataclass(slots=True)
class Page:
    """A page that was read: its forms, the reasons that it gives, and its lists of terms with their values."""

    path: str
    status: int
    forms: list[Form] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""

    def find_form(self, action: str) -> Form | None:
        """The form to that address; None if the page has none."""
        return next((form for form in self.forms if form.action == action), None)

    def form(self, action: str | None = None) -> Form:
        """The form to that address, by default the page's own; StepFailed if the page has none."""
        found = self.find_form(action or self.path)
        if found is None:
            raise StepFailed(f"{self.path} has no form to {action or self.path}: {self.text[:LONGEST]}")
        return found

    def form_with(self, action: str, *names: str) -> Form:
        """The form to that address; where the page has none by now, the one of a page that was opened before."""
        found = self.find_form(action)
        if found is None:
            found = Form(action)
            found.data["csrf_token"] = next(form.data["csrf_token"] for form in self.forms if "csrf_token" in form.data)
        found.names.update(names)
        return found

    def fact(self, name: str) -> Decimal:
        """The amount that stands at this term."""
        found = [value for term, value in self.facts if term == name]
        if len(found) != 1:
            raise StepFailed(f"{self.path} has {len(found)} amounts called {name}")
        return number(found[0])


def number(text: str) -> Decimal:
    """The number in an amount as people read it."""
    kept = "".join(char for char in text.replace("\N{MINUS SIGN}", "-") if char in "0123456789.-")
    return Decimal(kept)


class Browser:
    """Somebody's browser. Redirects are followed; an answer that is neither a page nor a form with errors fails."""

    def __init__(self, app: Flask, user: str | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        if user is not None:
            with self.client.session_transaction() as session:
                session.update(_user_id=user, _fresh=True)

    def user(self) -> str | None:
        """Who is logged in here, such as `client:7`."""
        with self.client.session_transaction() as session:
            found: str | None = session.get("_user_id")
        return found

    def get(self, path: str) -> Page:
        """Open a page."""
        return _page(self.client.get(path, follow_redirects=True))

    def send(self, form: Form) -> Page:
        """Send a form."""
        return _page(self.client.post(form.action, data=form.data, follow_redirects=True))

    def insist(self, form: Form, **typed_again: str) -> Page:
        """Send a form, and once more as it was where it answers that the code is wrong."""
        page = self.send(form)
        again = page.find_form(form.action) if page.status == 422 else None
        if again is None or not any(name.endswith("-told") for name in again.data):
            return page
        return self.send(again.fill(**typed_again))


def _page(response: TestResponse) -> Page:
    page = Page(response.request.path, response.status_code)
    reader = _Reader(page)
    text = response.get_data(as_text=True)
    reader.feed(text)
    reader.close()
    page.text = " ".join(reader.words)
    if response.status_code not in (200, 422):
        raise StepFailed(f"{page.path} answers {response.status_code}: {page.text[:LONGEST]}")
    return page


class _Reader(HTMLParser):
    """Takes from a page what tests look at."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.words: list[str] = []
        self.form: Form | None = None
        self.select: tuple[str, list[str], str | None] | None = None
        self.area: tuple[str, str] | None = None
        self.cell: str | None = None
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "data-reason" in found:
            self.page.reasons.append(found["data-reason"])
        if tag == "form":
            action = urlsplit(found.get("action") or self.page.path).path
            self.form = Form(action)
            self.page.forms.append(self.form)
        elif tag in ("dt", "dd"):
            self.cell, self.cells = tag, []
        elif self.form is not None:
            self._control(tag, found)

    def _control(self, tag: str, found: dict[str, str]) -> None:
        assert self.form is not None
        name = found.get("name", "")
        if name:
            self.form.names.add(name)
        if tag == "input" and name and "disabled" not in found:
            kind = found.get("type", "text")
            if kind not in ("checkbox", "radio", "submit") or "checked" in found:
                self.form.data.add(name, found.get("value", "on" if kind in ("checkbox", "radio") else ""))
        elif tag == "select":
            self.select = (name, [], None)
        elif tag == "option" and self.select is not None:
            name, options, chosen = self.select
            value = found.get("value", "")
            self.select = (name, [*options, value], value if "selected" in found else chosen)
        elif tag == "textarea":
            self.area = (name, "")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(" ".join(data.split()))
        if self.cell:
            self.cells.append(data)
        if self.area:
            self.area = (self.area[0], self.area[1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select" and self.select is not None and self.form is not None:
            name, options, chosen = self.select
            if chosen is not None or options:
                self.form.data.add(name, options[0] if chosen is None else chosen)
            self.select = None
        elif tag == "textarea" and self.area is not None and self.form is not None:
            self.form.data.add(*self.area)
            self.area = None
        elif tag == self.cell:
            text = " ".join("".join(self.cells).split())
            if tag == "dt":
                self.page.facts.append((text, ""))
            elif self.page.facts:
                self.page.facts[-1] = (self.page.facts[-1][0], text)
            self.cell = None
