"""What probably went wrong, told in one line with the method or line that mends it."""

from __future__ import annotations

from sqlalchemy.orm.exc import DetachedInstanceError

from ...host import Host, Invoice
from ...money import Money

_MONEY = "amounts are Money: Money.of('12.50', 'USD') from exact decimals, Money.from_float from floats"
_NONE = "give None for an id that is none of yours, such as `if not {0}.isdecimal(): return None`"
#: What an app that is watched has left out.
CODES = "let its `code` find what the new client has typed"
PARTS = "name the class of the invoice, and in `parts` the rows that it is made of or paid by"


def said(error: BaseException, host: Host | None = None) -> str:
    """The error in one line; with `host`, also the method of the Host that it came out of."""
    text = f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")
    method = None if host is None else _method(error, host)
    return text if method is None else f"{text} (in {type(host).__name__}.{method})"


def _method(error: BaseException, host: Host) -> str | None:
    """The innermost method of the Host that was at work."""
    found, step = None, error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_name
        if step.tb_frame.f_locals.get("self") is host and not name.startswith("_") and hasattr(Host, name):
            found = name
        step = step.tb_next
    return found


def hint(method: str, error: BaseException) -> str:
    """What to write, where the error tells."""
    if isinstance(error, NotImplementedError):
        return "; write it"
    if isinstance(error, DetachedInstanceError):
        return "; its session is closed: let the function return its id"
    if method == "invoice" and isinstance(error, AttributeError | TypeError):
        return f"; {_MONEY}"
    if method in ("find_client", "find_invoice"):
        return f"; {_NONE.format(method.replace('find_', '') + '_id')}"
    return ""


def why_not_due(invoice: Invoice, credit: Money, discount: Money) -> str:
    """What was probably forgotten where `due` is not `total - paid - credit`."""
    due, total, paid = invoice.due.minor, invoice.total.minor, invoice.paid.minor
    left = total - paid - credit.minor
    if credit and due == left + credit.minor:
        return "did you forget the credit in due?"
    if paid and due == left + paid:
        return "did you forget the payments in due?"
    if discount and total >= invoice.subtotal.minor and due < left:
        return "did you forget the discount in total?"
    if due > left and total <= invoice.subtotal.minor:
        return "did you forget the tax?"
    return "take both from the same sums"


def why_refused(suite: str, host: str, reason: str) -> str:
    """What to change where a new client's code was refused."""
    known = {
        "self_referral": f"{suite}.new_client makes clients that look like one person: give each its own email address",
        "existing_client": f"{host}.has_paid_invoice says that somebody who has just registered has paid before",
        "code_not_found": f"{suite}.new_client hands another code on than it was given",
        "code_mistyped": f"{suite}.new_client hands another code on than it was given",
    }
    return f"{known.get(reason, f'the code that {suite}.new_client handed on was refused')} ({reason})"
