"""What a client chooses on its portal: which emails it gets, and whether its credit is used by itself (K6).

- `/settings`: GET shows the form; POST with `mail`, once for each kind that is wanted, and `credit` = `org`, `yes` or
  `no`
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..host import Client
from ..services import preferences
from ..services.portal import NEWS
from ..services.unit import Unit
from ..words_news import kind_text
from .forms import ReferralsForm, check_token
from .pages import for_client, page
from .portal_forms import private

CREDIT = {"org": None, "yes": True, "no": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a client has chosen: `kinds` are news with their label and whether they go by email, None without a mailer.

    `credit` is one of CREDIT, `by_itself` what the org does with credit where the client leaves it to it.
    """

    kinds: list[tuple[str, str, bool]] | None
    credit: str
    by_itself: bool


def look(state: State, client: Client) -> Choices:
    """What the client has chosen."""
    connection = state.session().connection()
    mine = preferences.find(connection, client.org, client.id)
    program = state.programs.get(connection, client.org)
    version = program.at(state.now()) if program.enabled else None
    kinds = sorted(((kind, kind_text(kind), kind not in mine.muted) for kind in NEWS), key=lambda one: one[1])
    return Choices(
        kinds=None if state.mailer is None else kinds,
        credit=next(word for word, value in CREDIT.items() if value is mine.auto_apply),
        by_itself=version is not None and version.terms.auto_apply_credit,
    )


def keep(state: State, client: Client, *, credit: str | None, mail: Collection[str] | None) -> None:
    """Keep what the client chooses: one of CREDIT, and the kinds of news it wants by email; None stays as it is."""

    def use_case(unit: Unit) -> None:
        mine = preferences.find(unit.connection, client.org, client.id)
        auto_apply = mine.auto_apply if credit is None else CREDIT[credit]
        muted = mine.muted if mail is None else NEWS - set(mail)
        preferences.save(unit, client, auto_apply=auto_apply, muted=muted)

    state.run(use_case, actor="client", commit=True)


def add_to(blueprint: Blueprint) -> None:
    """Add the address to the client's blueprint."""
    blueprint.add_url_rule("/settings", "settings", _settings, methods=["GET", "POST"])


@for_client
def _settings(state: State, client: Client) -> Response:
    error = ""
    if request.method == "POST":
        check_token()
        credit = request.form.get("credit", "org")
        if credit in CREDIT:
            wanted = None if state.mailer is None else request.form.getlist("mail")
            keep(state, client, credit=credit, mail=wanted)
            return redirect(url_for("referrals.settings", saved="1"), 303)
        error = "Choose one of the three."
    chosen = look(state, client)
    response = page(
        "referrals/portal_settings.html",
        title="Emails and credit",
        form=ReferralsForm(),
        kinds=chosen.kinds,
        address=client.email,
        credit=chosen.credit,
        by_itself=chosen.by_itself,
        org_name=state.host.org_name(client.org),
        error=error,
        saved=request.args.get("saved") == "1" and not error,
        status=422 if error else 200,
    )
    return private(response)
