"""The terms as staff see and set them: the settings form with its preview, the switch, and every version (T1 to T6)."""

from __future__ import annotations

from datetime import datetime

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..services import staff
from ..services.programs import Program
from .admin_example import example_invoice
from .admin_versions import Dated, dated
from .admin_words import voice
from .forms import check_token
from .pages import for_staff, page
from .settings_form import SUGGESTED, Draft, SettingsForm, values_of

_NO_TERMS = "Save the terms first: without them there is nothing to promise. Then switch the program on."


@for_staff
def settings(state: State, org: str) -> Response:
    """Show the form, preview what was typed, or save it as a new version."""
    program = _program(state, org)
    if request.method == "GET":
        return _form_page(state, org, program, _first_form(program, state.now()))
    check_token()
    form = SettingsForm(request.form)
    draft = form.read(program, state.host.timezone(org), state.now())
    if draft is None:
        return _form_page(state, org, program, form, status=422)
    if request.form.get("action") != "save":
        return _form_page(state, org, program, form, draft=draft)
    times = {"effective_from": draft.effective_from, "ends_at": draft.ends_at}
    saved = state.run(lambda unit: staff.save(unit, org, draft.terms, **times), actor=state.host.actor(), commit=True)
    return redirect(url_for("referrals_admin.versions", saved=saved, _anchor=f"v{saved}"), 303)


@for_staff
def switch(state: State, org: str) -> Response:
    """Switch the program on or off; on only where there are terms."""
    check_token()
    wanted = request.form.get("program")
    if wanted not in ("on", "off"):
        abort(400, "The field `program` is on or off.")
    program = _program(state, org)
    if wanted == "on" and not program.versions:
        return _form_page(state, org, program, _first_form(program, state.now()), refused=_NO_TERMS, status=422)
    state.run(lambda unit: staff.switch(unit, org, on=wanted == "on"), actor=state.host.actor(), commit=True)
    return redirect(url_for("referrals_admin.settings", switched=wanted), 303)


@for_staff
def versions(state: State, org: str) -> Response:
    """Every version: in force, scheduled, past."""
    program = _program(state, org)
    found = dated(program, state.now())
    return page(
        "referrals/admin/versions.html",
        title="Versions of the terms",
        admin=True,
        program=program,
        groups={
            "In force": [one for one in found if one.is_in_force],
            "Scheduled": [one for one in reversed(found) if one.is_scheduled],
            "Past": [one for one in found if not (one.is_in_force or one.is_scheduled)],
        },
        saved=next((one for one in found if str(one.version.id) == request.args.get("saved")), None),
        voice=voice(state, org),
    )


@for_staff
def version(state: State, org: str, version_id: int) -> Response:
    """One version, as promised to everybody who came while it was in force."""
    program = _program(state, org)
    found = next((one for one in dated(program, state.now()) if one.version.id == version_id), None)
    if found is None:
        abort(404)
    return page(
        "referrals/admin/version.html",
        title=f"Version {found.number} of the terms",
        admin=True,
        program=program,
        one=found,
        example=example_invoice(found.version.terms),
        voice=voice(state, org),
    )


def _program(state: State, org: str) -> Program:
    return state.programs.get(state.session().connection(), org)


def _first_form(program: Program, now: datetime) -> SettingsForm:
    """The form as it opens: with the terms in force, or those that come next, or a suggestion."""
    current = program.at(now) or next(iter(program.versions), None)
    return SettingsForm(data=SUGGESTED if current is None else values_of(current.terms))


def _form_page(
    state: State,
    org: str,
    program: Program,
    form: SettingsForm,
    *,
    draft: Draft | None = None,
    refused: str = "",
    status: int = 200,
) -> Response:
    now = state.now()
    current = program.at(now)
    shown = draft.terms if draft is not None else None if current is None else current.terms
    return page(
        "referrals/admin/settings.html",
        title="Referral program",
        admin=True,
        status=status,
        program=program,
        current=current,
        coming=_coming(program, now),
        form=form,
        cash=state.gateway is not None,
        draft=draft,
        overtaken=None if draft is None else _overtaken(program, draft, now),
        shown=shown,
        example=None if shown is None else example_invoice(shown),
        refused=refused,
        switched=request.args.get("switched"),
        voice=voice(state, org),
    )


def _coming(program: Program, now: datetime) -> Dated | None:
    """The next scheduled version."""
    scheduled = [one for one in dated(program, now) if one.is_scheduled]
    return scheduled[-1] if scheduled else None


def _overtaken(program: Program, draft: Draft, now: datetime) -> datetime | None:
    """When a version that is scheduled already takes over from the draft, before the draft's own end."""
    start = draft.effective_from or now
    times = [one.effective_from for one in program.versions if one.effective_from > start]
    return min((time for time in times if draft.ends_at is None or time < draft.ends_at), default=None)
