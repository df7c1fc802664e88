"""What went wrong, as JSON: problem details (RFC 9457) with a `code` for programs and a sentence for people."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, g, request
from werkzeug.http import HTTP_STATUS_CODES

from .forms import FIELD, csrf_token

PROBLEM = "application/problem+json"
TOKEN_MISSING = (
    "The request carries no token, or one that is no longer good. Ask for the summary, and send the token that it "
    "names in `csrf`."
)
#: What is said where nothing more is known.
_SENTENCES = {
    401: "Log in first.",
    403: "This is not for you.",
    404: "There is nothing here.",
    405: "This can't be done here.",
    413: "That is too much at once.",
    415: "Send JSON, or a form.",
    429: "That is too much in a short time. Please try again later.",
    500: "Something went wrong on our side. Please try again in a few minutes.",
}
_CODES = {401: "not_logged_in", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Problem(Exception):
    """Stops a view; `more` are further members of the answer."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.more = more


def answer(problem: Problem) -> Response:
    """The response that tells it."""
    members = {
        "type": "about:blank",
        "title": HTTP_STATUS_CODES.get(problem.status, "Refused"),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    return Response(json.dumps(members | problem.more), problem.status, mimetype=PROBLEM)


def retold(response: Response) -> Response:
    """A refusal that is none of ours, such as of the host's CSRFProtect before a view is reached, told like ours."""
    if response.status_code < 400 or (response.mimetype or "").endswith("json"):
        return response
    status = response.status_code
    if status in (400, 403) and request.method == "POST" and _wants_token():
        code, detail = "csrf", TOKEN_MISSING
    elif status >= 500:
        code, detail = "failed", _SENTENCES[500]
    else:
        code, detail = _CODES.get(status, "refused"), _SENTENCES.get(status, "The request was refused.")
    response.set_data(answer(Problem(status, code, detail)).get_data())
    response.mimetype = PROBLEM
    return response


def _wants_token() -> bool:
    """Whether a scheme of the host's has not let this change pass, so that its token is the likely cause."""
    return csrf_token().field != FIELD and not g.get("csrf_valid", False)
