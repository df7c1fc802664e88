"""What a client chooses on its portal: which emails it gets, and whether its credit is used by itself (K6).

- `/settings`: GET shows the form; POST with `mail`, once for each kind that is wanted, and `credit` = `org`, `yes` or
  `no`
"""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..host import Client
from ..services import preferences
from ..services.portal import NEWS
from ..words_news import kind_text
from .forms import ReferralsForm
from .pages import for_client, page
from .portal_forms import check_token, private

_CREDIT = {"org": None, "yes": True, "no": False}


def add_to(blueprint: Blueprint) -> None:
    """Add the address to the client's blueprint."""
    blueprint.add_url_rule("/settings", "settings", _settings, methods=["GET", "POST"])


@for_client
def _settings(state: State, client: Client) -> Response:
    error = ""
    if request.method == "POST":
        check_token()
        credit = request.form.get("credit", "org")
        if credit in _CREDIT:
            mine = preferences.find(state.session().connection(), client.org, client.id)
            wanted = NEWS & set(request.form.getlist("mail"))
            muted = mine.muted if state.mailer is None else NEWS - wanted  # what was not shown stays as it is
            state.run(
                lambda unit: preferences.save(unit, client, auto_apply=_CREDIT[credit], muted=muted),
                actor="client",
                commit=True,
            )
            return redirect(url_for("referrals.settings", saved="1"), 303)
        error = "Choose one of the three."
    connection = state.session().connection()
    mine = preferences.find(connection, client.org, client.id)
    program = state.programs.get(connection, client.org)
    version = program.at(state.now()) if program.enabled else None
    response = page(
        "referrals/portal_settings.html",
        title="Emails and credit",
        form=ReferralsForm(),
        kinds=None
        if state.mailer is None
        else sorted(((kind, kind_text(kind), kind not in mine.muted) for kind in NEWS), key=lambda one: one[1]),
        address=client.email,
        credit=next(word for word, value in _CREDIT.items() if value is mine.auto_apply),
        by_itself=version is not None and version.terms.auto_apply_credit,
        org_name=state.host.org_name(client.org),
        error=error,
        saved=request.args.get("saved") == "1" and not error,
        status=422 if error else 200,
    )
    return private(response)
