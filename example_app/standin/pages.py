"""The stand-in's own pages: the onboarding that Stripe would do, and the client's Express page; without scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from .server import Standin

_STYLE = """
body{font:1.05rem/1.5 system-ui,sans-serif;margin:0;background:#f4f5fb;color:#1b1c2e}
main{max-width:34rem;margin:0 auto;padding:1.25rem}
.flag{border-radius:.5rem;margin-top:0;background:#5a2a00;color:#fff;padding:.75rem 1.25rem;font-weight:600}
section{background:#fff;border-radius:.75rem;padding:1.25rem;margin:1rem 0;box-shadow:0 1px 3px #0002}
button{font:inherit;font-weight:600;width:100%;padding:.8rem;border-radius:.5rem;border:1px solid #4338ca;
background:#4338ca;color:#fff;margin:.3rem 0;cursor:pointer}
button.quiet{background:#fff;color:#4338ca}
table{width:100%;border-collapse:collapse}td{padding:.4rem 0;border-top:1px solid #ddd}td:last-child{text-align:right}
"""


def answer(standin: Standin, request: Request) -> Response:
    """The page at this address."""
    parts = request.path.strip("/").split("/")
    if len(parts) == 2 and parts[0] == "onboarding":
        return _onboarding(standin, request, parts[1])
    if len(parts) == 2 and parts[0] == "dashboard":
        return _dashboard(standin, request, parts[1])
    return _page("Nothing here", "<p>This address is none of the stand-in's.</p>", 404)


def _onboarding(standin: Standin, request: Request, token: str) -> Response:
    link = standin.books.links.get(token)
    if link is None:
        return _page("This link is none of ours", "<p>Go back to the portal and try again.</p>", 404)
    if request.method == "POST":
        if request.form.get("action") == "finish":
            standin.onboard(link["account"])
        else:
            standin.restrict(link["account"], "external_account")
        return redirect(link["back"], 303)
    if link["used"] or link["ends"] <= standin.now():
        return redirect(link["again"], 303)
    link["used"] = True
    account = standin.books.accounts[link["account"]]
    body = (
        f"<section><p>Here Stripe would ask {escape(account.email)} for a name, a date of birth and a bank account."
        " The stand-in asks for nothing.</p>"
        f'<form method="post" action="/onboarding/{escape(token)}">'
        '<button name="action" value="finish">Link a test bank account</button>'
        '<button class="quiet" name="action" value="stop">Stop halfway</button></form></section>'
    )
    return _page("Link your bank account", body)


def _dashboard(standin: Standin, request: Request, account_id: str) -> Response:
    account = standin.books.accounts.get(account_id)
    if account is None:
        return _page("No such account", "", 404)
    if request.method == "POST":
        action = request.form.get("action")
        if action == "deauthorise":
            standin.deauthorise(account_id)
        elif action in ("land", "bounce"):
            for currency in list(account.balance) or ["usd"]:
                (standin.land if action == "land" else standin.bounce)(account_id, currency)
        return redirect(f"/dashboard/{account_id}", 303)
    rows = "".join(
        f"<tr><td>{row['id']}</td><td>{row['amount'] - row['amount_reversed']} {row['currency'].upper()}</td></tr>"
        for row in standin.transfers()
        if row["destination"] == account_id
    )
    held = [f"<p>On this account: {minor} {name.upper()} (minor units)</p>" for name, minor in account.balance.items()]
    gone = f"<p><strong>This account is {escape(account.gone)}.</strong></p>" if account.gone else ""
    body = (
        f"<section>{gone}<h2>What arrived</h2><table>{rows or '<tr><td>Nothing yet</td></tr>'}</table>"
        f"{''.join(held)}</section>"
        f'<section><form method="post" action="/dashboard/{escape(account_id)}">'
        '<button name="action" value="land">The bank got it</button>'
        '<button class="quiet" name="action" value="bounce">The bank sent it back</button>'
        '<button class="quiet" name="action" value="deauthorise">Disconnect</button></form></section>'
    )
    return _page("Your account", body)


def _page(title: str, body: str, status: int = 200) -> Response:
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<link rel="icon" href="data:,">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        '<main><p class="flag">A stand-in for Stripe, on this computer. Nothing here is real, and no money moves.</p>'
        f"<h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return Response(html, status, mimetype="text/html")
