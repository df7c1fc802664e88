"""A code on the host's own registration and checkout forms, answered there (A6).

`ReferralCodeField` for forms of WTForms, `read_code` for all others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import has_request_context, request
from markupsafe import Markup
from wtforms import StringField
from wtforms.validators import ValidationError
from wtforms.widgets import TextInput, html_params

from ..adapters.state import State, get_state
from ..domain.terms import Point
from ..services.checks import Checked, check
from ..words import code_error_text

log = logging.getLogger("flask_referrals")
#: The longest text that the field takes from a browser that heeds it.
MAX_LENGTH = 40
#: The query parameter that a landing page passes a code on by, where no cookie may be set.
PREFILL = "ref"
#: The name of the field on forms without WTForms.
FIELD = "referral_code"


def look_at(state: State, org: str, text: str, point: Point) -> Checked | None:
    """What is known of the text as a code; None, and a log, where our own look-up fails (A6).

    In a savepoint, since a failed statement would spoil the host's transaction.
    """
    try:
        connection = state.session().connection()
        with connection.begin_nested():
            return check(connection, state.programs, org, text, point, state.now())
    except Exception:
        if state.settings.strict:
            raise
        log.exception("a referral code could not be checked; the form goes on without the check")
        return None


def refusal_of(text: str, told: str, point: Point, org: str | None) -> str | None:
    """Why a code would be refused; None for a good one, for none, and for the one that the person insists on."""
    if not text or text == told:
        return None
    state = get_state()
    found = look_at(state, state.host.current_org() if org is None else org, text, point)
    return None if found is None else found.reason


def given_code() -> str | None:
    """The code that the address of this request brings along, if it may be one."""
    given = request.args.get(PREFILL, "").strip() if has_request_context() else ""
    return given if given and given.isprintable() and len(given) <= MAX_LENGTH else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCode:
    """A code as it was typed: `text` is what `client_registered` and `enter_code` take, None for an empty field.

    `error` is the sentence to show at the field, None where the form may go on, and `reason` its code.
    """

    text: str | None
    error: str | None = None
    reason: str | None = None


def read_code(
    text: str | None = None, *, field: str = FIELD, point: Point = "registration", org: str | None = None
) -> TypedCode:
    """Read and check the code of the form that was sent, where the host has no WTForms; `text` for any other source.

    As at `ReferralCodeField`, a code that is refused is answered once: sent again as it was, it has no `error`.
    """
    typed = (request.form.get(field, "") if text is None else text).strip()
    told = request.form.get(told_name(field), "") if has_request_context() else ""
    reason = refusal_of(typed, told, point, org)
    return TypedCode(text=typed or None, error=None if reason is None else code_error_text(reason), reason=reason)


def told_name(field: str) -> str:
    """The name of the hidden input that remembers which code was refused."""
    return f"{field}-told"


class CodeInput(TextInput):  # type: ignore[misc]
    """A text input for a code and, once one was refused, a hidden one that remembers which."""

    def __call__(self, field: ReferralCodeField, **attributes: Any) -> Markup:
        defaults = {
            "autocapitalize": "characters",
            "autocomplete": "off",
            "spellcheck": "false",
            "maxlength": MAX_LENGTH,
        }
        shown = super().__call__(field, **(defaults | attributes))
        if not field.told:
            return Markup(shown)
        hidden = html_params(type="hidden", name=field.told_name, value=field.told)
        return Markup("{}<input {}>").format(shown, Markup(hidden))


class ReferralCodeField(StringField):  # type: ignore[misc]
    """A referral code, which may be left empty.

    One that is mistyped, unknown or not to be used now is answered with a sentence, so that it can be corrected or
    emptied. Sent once more as it was, it passes, and is refused and logged when the client is attributed: it never
    keeps anybody from registering or paying. `point` is "registration" or "invoice"; `org` a text or a callable, by
    default `Host.current_org()`. Comes filled in where the address has a `ref`.
    """

    widget = CodeInput()
    data: str | None

    def __init__(
        self,
        label: str | None = "Referral code",
        validators: Any = None,
        *,
        point: Point = "registration",
        org: str | Callable[[], str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(label, validators, **options)
        self._point: Point = point
        self._org = org
        #: The text that the person was told about already; empty for none.
        self.told = ""
        #: The reason's code of the refusal that is shown at the field, such as `code_mistyped`; None for none.
        self.refused: str | None = None

    @property
    def told_name(self) -> str:
        """The name of the hidden input."""
        return told_name(self.name)

    def process(self, formdata: Any, *args: Any, **options: Any) -> None:
        """Read the field, and what was refused before; fill in the code of the address on a form not yet sent."""
        super().process(formdata, *args, **options)
        self.told = ""
        if formdata is not None and self.told_name in formdata:
            self.told = str(formdata.getlist(self.told_name)[0])
        if not self.data and not self.raw_data and has_request_context() and request.method in ("GET", "HEAD"):
            self.data = given_code() or self.data

    def pre_validate(self, form: Any) -> None:
        """Answer a code that would be refused, unless the person insists on it."""
        text = (self.data or "").strip()
        if not text:
            self.told = ""
            return
        if text == self.told:
            return
        self.refused = refusal_of(text, self.told, self._point, self._org() if callable(self._org) else self._org)
        self.told = "" if self.refused is None else text
        if self.refused is not None:
            raise ValidationError(code_error_text(self.refused))


__all__ = ["ReferralCodeField", "TypedCode", "read_code"]
