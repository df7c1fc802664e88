"""Our pages inside the host's: its base template and block, its CSRF scheme, its logins (architecture §3.11)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from flask import abort, has_request_context, redirect, render_template, request
from jinja2 import Environment
from markupsafe import escape
from werkzeug.wrappers import Response as BaseResponse

from ..adapters.state import State, get_state
from ..adapters.templates import get_templates
from ..host import Client, token_of_address
from .joining import variables
from .org_paths import refuse_unknown

View = Callable[..., Any]


def page(template: str, *, title: str, admin: bool = False, status: int = 200, **context: Any) -> BaseResponse:
    """Render one of our templates into the block of the host's base template that the settings name."""
    state = get_state()
    templates = get_templates(state.app)
    base, block, title_block = state.settings.frame(admin=admin)
    body = templates.render(template, title=title, **context)
    values = {
        **variables(state.settings.admin_blueprint if admin else state.settings.portal_blueprint),
        **state.host.page_context(staff=admin),
        "title": title if _escapes(state.app.jinja_env, base) else escape(title),
        "referrals_base": base,
        "referrals_title": escape(title),
        "referrals_body": body,
    }
    return state.app.make_response((render_template(templates.frame(base, block, title_block), **values), status))


def _escapes(environment: Environment, base: str) -> bool:
    """Whether the host's base template escapes what it shows; else its title, which holds names, comes escaped."""
    rule = environment.autoescape
    return bool(rule(base) if callable(rule) else rule)


def locale_of(state: State, client: Client | None = None) -> str:
    """The language of the person of this request; without one, the client's, or that of the settings."""
    found = state.host.locale() if has_request_context() else (client and client.locale) or state.settings.locale
    return found.replace("-", "_")


def for_client(view: View) -> View:
    """The view gets the state and the client who is on the portal; nobody is sent to the host's login."""

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> Any:
        state = get_state()
        refuse_unknown(state)
        client = state.host.current_client()
        if client is None:
            if token_of_address() is not None:
                abort(404)  # there is no login; the app says the same of a page of its own
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
    path = request.script_root + (request.full_path if request.query_string else request.path)
    return f"{url}{'&' if '?' in url else '?'}next={quote(path)}" if request.method == "GET" else url


__all__ = ["Client", "State", "for_client", "for_staff", "locale_of", "page"]
