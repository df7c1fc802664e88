"""Our pages inside the host's: its base template and block, its CSRF scheme, its logins (architecture §3.11)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import quote

from flask import Flask, abort, current_app, redirect, render_template, request
from jinja2 import Template
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from ..adapters.state import State, get_state
from ..host import Client
from .org_paths import refuse_unknown

View = Callable[..., Any]


def page(template: str, *, title: str, admin: bool = False, status: int = 200, **context: Any) -> BaseResponse:
    """Render one of our templates into the block of the host's base template that the settings name."""
    settings = get_state().settings
    body = Markup(render_template(template, title=title, **context))
    base = (settings.admin_base_template if admin else None) or settings.base_template
    frame = _frame(current_app._get_current_object(), base, settings.title_block, settings.base_block)  # type: ignore[attr-defined]
    return current_app.make_response((render_template(frame, body=body, title=title), status))


@lru_cache(maxsize=32)
def _frame(app: Flask, base: str, title_block: str, base_block: str) -> Template:
    """A template that puts a ready body into a block of a base template; block names cannot be variables in Jinja."""
    heading = f"{{% block {title_block} %}}{{{{ title }}}}{{% endblock %}}" if title_block else ""
    body = f"{{% block {base_block} %}}{{{{ body }}}}{{% endblock %}}"
    return app.jinja_env.from_string(f"{{% extends {base!r} %}}{heading}{body}")


def for_client(view: View) -> View:
    """The view gets the state and the client who is on the portal; nobody is sent to the host's login."""

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> Any:
        state = get_state()
        refuse_unknown(state)
        client = state.host.current_client()
        if client is None:
            return redirect(_with_next(state.host.login_url(state.host.current_org())))
        return view(state, client, *args, **values)

    return guarded


def for_staff(view: View) -> View:
    """The view gets the state and the org; who is not staff is sent to the host's staff login, a client is refused."""

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> Any:
        state = get_state()
        refuse_unknown(state)
        if not state.host.is_staff():
            if state.host.current_client() is not None:
                abort(403)
            return redirect(_with_next(state.host.staff_login_url()))
        return view(state, state.host.current_org(), *args, **values)

    return guarded


def _with_next(url: str) -> str:
    """The login's address with the page to come back to, a path of this site, for hosts that read `next`."""
    path = request.full_path if request.query_string else request.path
    return f"{url}{'&' if '?' in url else '?'}next={quote(path)}" if request.method == "GET" else url


__all__ = ["Client", "State", "for_client", "for_staff", "page"]
