"""The verbs by which a host tells us its facts; signals and plain calls end here alike (docs/architecture.md §3.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar, get_args

from flask import has_request_context, request

from ..host import Client, Invoice
from ..money import Money
from ..services import credit, discounts, invitations, invoices, vouchers
from ..services.attribution import Touch, attribute
from ..services.outcomes import Outcome, Verb
from ..services.retries import Retry
from ..services.unit import Unit
from ..words import refusal_text
from . import links
from .sessions import session_of
from .state import State
from .transactions import is_lost

log = logging.getLogger("flask_referrals")
#: The longest text that is looked at as a code; nothing longer is one.
_MAX_TYPED = 100
_DONE = Outcome(ok=True)
_FAILED = Outcome(ok=True, failed=True)
Told = TypeVar("Told")
Rest = ParamSpec("Rest")


def _in_its_session(
    verb: Callable[Concatenate[State, Any, Rest], Told],
) -> Callable[Concatenate[State, Any, Rest], Told]:
    """The verb works in the session that the host's record is in, whichever that is (§3.14)."""

    def told(state: State, record: Any, /, *rest: Rest.args, **named: Rest.kwargs) -> Told:
        with state.session.using(session_of(record)):
            return verb(state, record, *rest, **named)

    return update_wrapper(told, verb)


@_in_its_session
def client_registered(
    state: State, record: Any, code: str | None, link: str | bool | None, *, new: bool = False
) -> Outcome:
    """A client was made: bind it to the referrer whose code it typed, or whose link it followed (A1).

    `new`: its row came with this very transaction, so that what it has paid by now was not paid before (A3).
    """
    value = _link_value(state, link)
    arguments = {"code": code, "link": value}

    def use_case(unit: Unit) -> Outcome:
        client = unit.host.client(record)
        return attribute(unit, client, _touches(state, unit, client, code, value), new=new)

    answer = state.guarded("client_registered", use_case, subject=_client_subject(state, record), arguments=arguments)
    return told(answer)


def _link_value(state: State, link: str | bool | None) -> str | None:
    """The link cookie to go by: the one given, or the request's own, but never one of staff's."""
    if isinstance(link, str):
        return link
    if link is False or not has_request_context() or _is_staff(state):
        return None
    return request.cookies.get(state.settings.link_cookie)


def _is_staff(state: State) -> bool:
    """Whether staff sit there, as the host says; if it cannot say, they do, so that no cookie of theirs is read."""
    try:
        return state.host.is_staff()
    except Exception:
        if state.settings.strict:
            raise
        log.exception("Host.is_staff failed; a referral link's cookie is left alone")
        return True


def _touches(state: State, unit: Unit, client: Client, code: str | None, value: str | None) -> Iterator[Touch]:
    """Each way in its order, looked for only when it comes to it (A1)."""
    if text := _typed(code):
        yield Touch(via="code", text=text, at=unit.now, point="registration")
    followed = links.read(state.app, value, client.org, now=unit.now, life=state.settings.link_life)
    if followed is not None:
        yield Touch(via="link", text=followed.code, at=followed.at, point="link")
    yield from invitations.touches(unit, client)


@_in_its_session
def enter_code(state: State, record: Any, code: str) -> Outcome:
    """A code was entered at the checkout of an invoice: the referral is made, and the discount applied at once (A7)."""

    def use_case(unit: Unit) -> Outcome:
        invoice = _invoice(unit, record)
        client = unit.host.client(unit.host.find_client(invoice.org, invoice.client_id))
        outcome = attribute(unit, client, [Touch(via="code", text=_typed(code), at=unit.now, point="invoice")])
        if outcome.referral is not None:
            invoices.follow(unit, record, invoice, "created")
        return outcome

    subject = _invoice_subject(state, record)
    return told(state.guarded("enter_code", use_case, subject=subject, arguments={"code": code}))


@_in_its_session
def invoice_seen(state: State, record: Any, *, new: Callable[[], bool]) -> Outcome:
    """An invoice was met as it now stands; what happened is told from what we know of it, and whether it is new."""

    def use_case(unit: Unit) -> Outcome:
        invoice = unit.host.invoice(record)
        if invoice is not None:
            invoices.see(unit, record, invoice, new=new)
        return _DONE

    return told(state.guarded("invoice_seen", use_case, subject=_invoice_subject(state, record)))


def invoice_gone(state: State, invoice: Invoice) -> Outcome:
    """An invoice was deleted: it counts as voided, and nothing is put on it any more."""

    def use_case(unit: Unit) -> Outcome:
        invoices.follow_gone(unit, invoice)
        return _DONE

    return told(state.guarded("invoice_gone", use_case, subject=lambda: (invoice.org, invoice.id)))


@_in_its_session
def invoice_event(state: State, record: Any, verb: Verb, reason: str | None = None) -> Outcome:
    """An invoice was created, changed, paid, refunded or voided."""

    def use_case(unit: Unit) -> Outcome:
        invoice = unit.host.invoice(record)
        if invoice is not None:
            invoices.follow(unit, record, invoice, verb, reason)
        return _DONE

    subject = _invoice_subject(state, record)
    return told(state.guarded(f"invoice_{verb}", use_case, subject=subject, arguments={"reason": reason}))


@_in_its_session
def use_credit(state: State, record: Any, amount: Money | None) -> Outcome:
    """Credit of the client's is put on its open invoice, in place of what was there (K4); errors of ours are raised."""
    return told(state.run(lambda unit: credit.use_credit(unit, record, _invoice(unit, record), amount)))


@_in_its_session
def take_off_credit(state: State, record: Any) -> Outcome:
    """What is held on an open invoice is released; errors of ours are raised."""
    return told(state.run(lambda unit: credit.take_off(unit, record, _invoice(unit, record))))


@_in_its_session
def use_voucher(state: State, record: Any) -> Outcome:
    """A voucher of the client's is used on its open invoice (R7); errors of ours are raised."""

    def use_case(unit: Unit) -> Outcome:
        outcome = vouchers.use(unit, record, _invoice(unit, record))
        if outcome.ok:
            invoices.follow(unit, record, _invoice(unit, record), "changed")
        return outcome

    return told(state.run(use_case))


def quote(state: State, subtotal: Money, ask: Callable[[Unit], Money]) -> Money:
    """What would come off; nothing, and a log, where our own look-up fails: an invoice has to be made (§3.5)."""
    try:
        return state.read(ask)
    except Exception as error:
        if state.settings.strict or is_lost(error):
            raise
        log.exception("a discount could not be quoted; the invoice goes on without it")
        return Money.zero(subtotal.currency)


@_in_its_session
def confirm_discount(state: State, record: Any, given: Money | None) -> Outcome:
    """The host has put the discount on this invoice by itself."""

    def use_case(unit: Unit) -> Outcome:
        return discounts.confirm(unit, _invoice(unit, record), given)

    subject = _invoice_subject(state, record)
    arguments = {"minor": None if given is None else given.minor, "currency": None if given is None else given.currency}
    return told(state.guarded("confirm_discount", use_case, subject=subject, arguments=arguments))


@_in_its_session
def release_discount(state: State, record: Any) -> Outcome:
    """The discount is taken off this open invoice."""

    def use_case(unit: Unit) -> Outcome:
        return discounts.release(unit, record, _invoice(unit, record))

    return told(state.guarded("release_discount", use_case, subject=_invoice_subject(state, record)))


def again(state: State, retry: Retry) -> bool:
    """Act once more on a fact that failed, from the host's record as it is now; False where the host has none left."""
    if retry.verb == "client_registered":
        record = state.host.find_client(retry.org, retry.subject_id)
    else:
        record = state.host.find_invoice(retry.org, retry.subject_id)
    if record is None:
        return False
    strict, arguments = _strict(state), retry.arguments
    if retry.verb == "client_registered":
        client_registered(strict, record, arguments["code"], arguments["link"] or False)
    elif retry.verb == "enter_code":
        enter_code(strict, record, arguments["code"])
    elif retry.verb == "confirm_discount":
        given = None if arguments["currency"] is None else Money(arguments["minor"], arguments["currency"])
        confirm_discount(strict, record, given)
    elif retry.verb == "release_discount":
        release_discount(strict, record)
    elif retry.verb in ("invoice_seen", "invoice_gone"):
        invoice_seen(strict, record, new=lambda: False)
    else:
        verb = retry.verb.removeprefix("invoice_")
        known = {name: name for name in get_args(Verb)}
        invoice_event(strict, record, known[verb], arguments.get("reason"))
    return True


def _strict(state: State) -> State:
    return replace(state, settings=replace(state.settings, strict=True))


def _typed(code: str | None) -> str:
    """What was typed, short enough to be kept, and without characters that no database takes."""
    kept = (code or "").strip()[:_MAX_TYPED]
    return "".join(char if char.isprintable() else "\ufffd" for char in kept)


def _invoice(unit: Unit, record: Any) -> Invoice:
    invoice = unit.host.invoice(record)
    if invoice is None:
        raise ValueError("Host.invoice says that this record is no invoice")
    return invoice


def _client_subject(state: State, record: Any) -> Callable[[], tuple[str, str]]:
    def subject() -> tuple[str, str]:
        client = state.host.client(record)
        return client.org, client.id

    return subject


def _invoice_subject(state: State, record: Any) -> Callable[[], tuple[str, str]]:
    def subject() -> tuple[str, str]:
        invoice = state.host.invoice(record)
        if invoice is None:
            raise ValueError("Host.invoice says that this record is no invoice")
        return invoice.org, invoice.id

    return subject


def told(outcome: Outcome | None) -> Outcome:
    """The outcome with the sentence that a person reads."""
    if outcome is None:
        return _FAILED
    tried = tuple(replace(way, message=refusal_text(way.reason)) for way in outcome.tried)
    return replace(outcome, message=refusal_text(outcome.reason), tried=tried)
