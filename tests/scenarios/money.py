"""Verbs of money: invoices, payments, refunds, and credit on an invoice."""

from __future__ import annotations

from uuid import uuid4

from .deeds import Deed, Fields
from .pages import Browser, Form, Page
from .people import refusal, typed_code
from .player import StepFailed
from .world import World


def invoice(world: World, org: str, fields: Fields) -> Deed:
    """Staff write an invoice, and the host announces it."""
    staff = world.staff(org)
    pk = world.client_pk(org, fields["client"])
    form = staff.get(f"/staff/invoices/new?client={pk}").form()
    form.fill(currency=fields.get("currency", world.terms[org].at()["currency"]))
    lines = fields.get("lines") or [{"amount": fields["subtotal"], "tax_percent": fields.get("tax_percent", "0")}]
    for position, line in enumerate(lines):
        _fill_line(form, position, line["amount"], line.get("tax_percent", "0"), line.get("service", ""))

    def deed() -> None:
        page = _done(staff.send(form))
        world.add_invoice(org, fields["id"], int(page.path.rsplit("/", 1)[1]), fields["client"])

    return deed


def change_invoice(world: World, org: str, fields: Fields) -> Deed:
    """Staff change an invoice to its first line with another amount, and it is announced again."""
    staff = world.staff(org)
    form = staff.get(f"/staff/invoices/{world.invoice_pk(org, fields['id'])}/edit").form()
    for name in form.names:
        if name.startswith("lines-") and not name.startswith("lines-0-"):
            form.put({name: ""})
    form.put({"lines-0-amount": fields["subtotal"]})
    return lambda: _ignore(_done(staff.send(form)))


def pay(world: World, org: str, fields: Fields) -> Deed:
    """The client pays all that is due, be it nothing, at the checkout; a part of it is booked by staff."""
    pk = world.invoice_pk(org, fields["invoice"])
    if "amount" in fields:
        return _with_amount(world.staff(org), f"/staff/invoices/{pk}", "payment", fields)
    client = world.client(org, world.owner(org, fields["invoice"]))
    return _with_amount(client, f"/portal/invoices/{pk}", "pay", fields)


def refund(world: World, org: str, fields: Fields) -> Deed:
    """Staff give money back, then credit."""
    pk = world.invoice_pk(org, fields["invoice"])
    return _with_amount(world.staff(org), f"/staff/invoices/{pk}", "refund", fields, reason="Sorry")


def dispute_lost(world: World, org: str, fields: Fields) -> Deed:
    """The bank takes the payment back."""
    return _by_button(world, org, fields, "dispute")


def void(world: World, org: str, fields: Fields) -> Deed:
    """Staff cancel an invoice."""
    return _by_button(world, org, fields, "void")


def enter_code(world: World, org: str, fields: Fields) -> Deed:
    """A client types a code at the checkout of an invoice, and insists on it."""
    browser, page, action = _checkout(world, org, fields["client"], fields["invoice"], "code")
    form = page.form_with(action, "code").fill(code=typed_code(world, org, fields))
    return lambda: refusal(browser.insist(form))


def use_credit(world: World, org: str, fields: Fields) -> Deed:
    """A client puts credit on an open invoice."""
    browser, page, action = _checkout(world, org, fields["client"], fields["invoice"], "credit")
    form = page.form_with(action, "amount", "action").fill(amount=fields.get("amount", ""), action="use")
    return lambda: refusal(browser.send(form))


def use_voucher(world: World, org: str, fields: Fields) -> Deed:
    """A client uses a free service on an open invoice; also where the page offers none."""
    browser, page, action = _checkout(world, org, fields["client"], fields["invoice"], "voucher")
    form = page.form_with(action)
    return lambda: refusal(browser.send(form))


def take_off_credit(world: World, org: str, fields: Fields) -> Deed:
    """The client of an invoice takes the credit off again."""
    browser, page, action = _checkout(world, org, world.owner(org, fields["invoice"]), fields["invoice"], "credit")
    form = page.form_with(action, "action").fill(action="take_off")
    return lambda: refusal(browser.send(form))


def _checkout(world: World, org: str, client: str, invoice: str, what: str) -> tuple[Browser, Page, str]:
    browser = world.client(org, client)
    path = f"/portal/invoices/{world.invoice_pk(org, invoice)}"
    return browser, browser.get(path), f"{path}/{what}"


def _with_amount(browser: Browser, path: str, what: str, fields: Fields, **values: str) -> Deed:
    form = browser.get(path).form_with(f"{path}/{what}", "amount", "request_key", *values)
    if not form.data.get("request_key"):  # a page that offers no such form, since there is nothing to do
        form.fill(request_key=str(uuid4()), amount="0")
    form.fill(**values)
    if "amount" in fields:
        form.fill(amount=fields["amount"])
    return lambda: _ignore(_done(browser.send(form)))


def _by_button(world: World, org: str, fields: Fields, what: str) -> Deed:
    staff = world.staff(org)
    path = f"/staff/invoices/{world.invoice_pk(org, fields['invoice'])}"
    form = staff.get(path).form_with(f"{path}/{what}")
    return lambda: _ignore(_done(staff.send(form)))


def _fill_line(form: Form, position: int, amount: str, tax_percent: str, service: str) -> None:
    line = {"description": service or "Work", "service": service, "amount": amount, "tax_percent": tax_percent}
    names = {f"lines-{position}-{name}": value for name, value in line.items()}
    form.names.update(names)  # the page's own script adds lines as well
    form.put(names)


def _done(page: Page) -> Page:
    if page.status != 200:
        raise StepFailed(f"the host refuses this: {page.text}")
    return page


def _ignore(page: Page) -> None:
    return None
