"""Hosts with one mistake each, the test that is to find it, and what it is to say.

In what it says, HOST stands for the name of the Host, and SUITE for that of the host's suite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, session
from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_referrals import Client, Invoice, Money, Referrals
from flask_referrals.testing.conformance.functions import HostFunctions
from tests.integration.conforming import PlugHost, Signals, Watched
from tests.minihost import ClientRow, InvoiceRow, db


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and who is to find it."""

    suite: type[Signals]
    test: str
    says: str

    def __str__(self) -> str:
        return self.suite.__name__.removesuffix("Suite")


MISTAKES: list[Mistake] = []


class Shared(Signals):
    """The mistakes are made in one app, so that no time goes into making it; one with a word in `own` has another."""

    __test__ = False
    own = ""

    def make_app(self) -> Flask:
        if self.own not in self.apps:
            self.apps[self.own] = self.made()
        app = self.apps[self.own]
        app.extensions["referrals"].host = self.host()
        self.referrals = Referrals(self.host(), db=db)
        return app


def suite(test: str, says: str) -> Callable[[type[Signals]], type[Signals]]:
    """The mistake is in what the app does, as its suite shows it."""

    def add(kind: type[Signals]) -> type[Signals]:
        kind.__test__ = False
        MISTAKES.append(Mistake(kind, test, says.replace("HOST", kind.host.__name__).replace("SUITE", kind.__name__)))
        return kind

    return add


def host(test: str, says: str) -> Callable[[type[PlugHost]], type[PlugHost]]:
    """The mistake is in the Host."""

    def add(kind: type[PlugHost]) -> type[PlugHost]:
        suite(test, says)(type(f"{kind.__name__}Suite", (Shared,), {"host": kind}))
        return kind

    return add


def reads(name: str, test: str, says: str, **fields: Callable[[Any, Invoice], Any]) -> None:
    """The mistake is in what `Host.invoice` says: in these fields, from the record and the right value."""

    def invoice(self: PlugHost, record: Any) -> Any:
        value = PlugHost.invoice(self, record)
        return value and replace(value, **{field: found(record, value) for field, found in fields.items()})

    host(test, says)(type(name, (PlugHost,), {"invoice": invoice}))


def usd(minor: int) -> Money:
    """Dollars, from cents."""
    return Money(minor, "USD")


# -- ids and look-ups --------------------------------------------------------------------------------------------------


@host("test_clients_are_read", r"^HOST.client\(…\) raised ConfigurationError: id is text .* write str\(...\)")
class IdsAreNumbers(PlugHost):
    """Ids as the database has them."""

    def client(self, record: Any) -> Client:
        return Client(id=record.id, name=record.name)


@host("test_clients_are_read", r"^HOST.client says org 'other', and .* set `org` in SUITE")
class AnotherOrg(PlugHost):
    """The client's org is not the one that was meant."""

    def client(self, record: Any) -> Client:
        return replace(super().client(record), org="other")


@host("test_clients_are_read", r"^HOST.find_client gives a record of another session .* `referrals.session\(\)`")
class ASessionOfItsOwn(PlugHost):
    """What we put on such a record is never committed."""

    def find_client(self, org: str, client_id: str) -> Any | None:
        self.kept = Session(db.engine)
        return self.kept.get(ClientRow, int(client_id))


@suite("test_clients_are_read", r"^SUITE.new_client gives every client the phone number 555 0100, .* leave it out")
class OneTelephone(Shared):
    """As fixtures do everywhere."""

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        row = super().new_client(name, email, code)
        row.phone = "555 0100"
        return row


@suite("test_clients_are_read", r"^SUITE.new_client gave None: return the id of what it made, or its record")
class GivesNothingBack(Shared):
    """As views do."""

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        super().new_client(name, email, code)


@suite("test_clients_are_read", r"^SUITE.new_client was to register jane\..*, and HOST.client says me@example.com")
class OneAddress(Shared):
    """The form has another field for it."""

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        return super().new_client(name, "me@example.com", code)


@host("test_unknown_clients_are_none", r"^HOST.find_client\('default', 'nope'\) raised ValueError: .*isdecimal")
class RaisesOnNope(PlugHost):
    """Text that is no number."""

    def find_client(self, org: str, client_id: str) -> Any | None:
        int(client_id)
        return super().find_client(org, client_id)


@host("test_unknown_invoices_are_none", r"^HOST.find_invoice\('default', ''\) gives <InvoiceRow .*>, not None")
class AnyInvoiceWillDo(PlugHost):
    """An id that is left out of the query."""

    def find_invoice(self, org: str, invoice_id: str) -> Any | None:
        return super().find_invoice(org, invoice_id) if invoice_id else db.session.scalar(select(InvoiceRow).limit(1))


@host("test_orgs_are_apart", r"^HOST.find_client\('other', '\d+'\) gives a record of org 'default'")
class CrossesOrgs(PlugHost):
    """The id alone."""

    def find_client(self, org: str, client_id: str) -> Any | None:
        return db.session.get(ClientRow, int(client_id)) if client_id.isdecimal() else None


@host("test_client_ids_are_paged", r"^HOST.client_ids\('default', …, 1000\) gives '\d+' again after '\d+'")
class RepeatsIds(PlugHost):
    """From, and not after."""

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        return super().client_ids(org, str(int(after or 1) - 1), limit)


@host("test_client_ids_are_paged", r"^HOST.client_ids gives \[.*\] in pages of two, .*: order by the id")
class PagesWithGaps(PlugHost):
    """A page is turned before it is read."""

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        return super().client_ids(org, after if limit > 10 else str(int(after or 0) + 1), limit)


@host(
    "test_client_ids_are_paged", r"^HOST.client_ids\('default', …, \d+\) gives more than \d+ ids: add .limit\(limit\)"
)
class AllAtOnce(PlugHost):
    """No limit."""

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        return super().client_ids(org, after, 10**6)


@host("test_client_ids_are_paged", r"^HOST.client_ids\('default', …, 1000\) gives \d+, which is no text: write str\(")
class NumbersForIds(PlugHost):
    """As the database has them."""

    def client_ids(self, org: str, after: str | None, limit: int) -> Any:
        return [int(found) for found in super().client_ids(org, after, limit)]


@host("test_client_ids_are_paged", r"^HOST.client_ids leaves out '\d+', whom SUITE.new_client made")
class OnlyThoseWhoPaid(PlugHost):
    """A client is who has an invoice."""

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        return []


@host("test_a_client_s_invoices_are_listed", r"^HOST.client_invoices gives invoice '\d+', which is another client's")
class EverybodysInvoices(PlugHost):
    """The client is left out of the query."""

    def client_invoices(self, client: Client) -> Sequence[InvoiceRow]:
        return db.session.scalars(select(InvoiceRow)).all()


# -- amounts -----------------------------------------------------------------------------------------------------------

reads(
    "FloatDue",
    "test_invoices_are_read",
    r"^HOST.invoice\(…\) raised AttributeError: .*; amounts are Money: .* Money.from_float from floats",
    due=lambda record, value: (record.total - record.paid) / 100,
)
reads(
    "SomebodyElses",
    "test_invoices_are_read",
    r"^HOST.invoice says client '0' of org 'default', and HOST.client says '\d+'",
    client_id=lambda record, value: "0",
)
reads(
    "SentIsSettled",
    "test_invoices_are_read",
    r"^HOST.invoice: settled is True for an invoice that nobody has paid",
    settled=lambda record, value: True,
)
reads(
    "ForgetsTheTax",
    "test_amounts_add_up",
    r"^HOST.invoice: due is 238.00 USD, but total - paid - credit is 200.00 USD; did you forget the tax\?",
    due=lambda record, value: usd(value.due.minor * 119 // 100),
)
reads(
    "CreditInEuros",
    "test_amounts_add_up",
    r"^HOST.invoice: credit is in EUR, and the invoice in USD",
    credit=lambda record, value: Money(record.credit, "EUR"),
)
reads(
    "NeverSettled",
    "test_payment_settles",
    r"^HOST.invoice: settled is False after SUITE.pay, and 0.00 USD are due",
    settled=lambda record, value: False,
)
reads(
    "NothingIsPaid",
    "test_payment_settles",
    r"^HOST.invoice: paid is 0.00 USD after SUITE.pay, and the total is 200.00 USD",
    paid=lambda record, value: usd(0),
)
reads(
    "SettledOnlyInFull",
    "test_a_partial_refund_leaves_it_settled",
    r"^HOST.invoice: settled is False after SUITE.refund_part; only a full refund",
    settled=lambda record, value: value.settled and record.paid + record.credit == record.total,
)
reads(
    "ForgetsTheDiscount",
    "test_a_discount_lowers_the_total",
    r"^HOST.invoice: due is 180.00 USD, but .* is 200.00 USD; did you forget the discount in total\?",
    total=lambda record, value: value.subtotal,
)
reads(
    "PriceAfterDiscount",
    "test_a_discount_lowers_the_total",
    r"^HOST.invoice: subtotal was 200.00 USD, and is 180.00 USD with a discount of 20.00 USD; it is the price before",
    subtotal=lambda record, value: value.total,
)
reads(
    "ForgetsTheCredit",
    "test_credit_lowers_what_is_due",
    r"^HOST.invoice: due is 200.00 USD, but total - paid - credit is 100.00 USD; did you forget the credit in due\?",
    due=lambda record, value: usd(max(0, record.total - record.paid)),
)


@host("test_who_has_paid_is_known", r"^HOST.has_paid_invoice says False of a client whose invoice is settled")
class NobodyHasPaid(PlugHost):
    """So everybody is a new client."""

    def has_paid_invoice(self, client: Client) -> bool:
        return False


@host("test_an_undone_payment_unsettles", r"^HOST.invoice: settled is still True after SUITE.undo_payment")
class SettledForGood(PlugHost):
    """Once paid, always paid."""

    paid: set[int] = set()

    def invoice(self, record: Any) -> Any:
        if record.settled:
            self.paid.add(record.id)
        value = super().invoice(record)
        return value and replace(value, settled=record.id in self.paid)


@host("test_a_void_invoice_says_so", r"^HOST.invoice gives None after SUITE.void: it is an invoice")
class VoidIsNone(PlugHost):
    """Cancelled, and so no invoice any more."""

    def invoice(self, record: Any) -> Any:
        return None if record.void else super().invoice(record)


@host("test_a_deleted_invoice_is_gone", r"^HOST.find_invoice gives .* after SUITE.delete")
class KeptInABin(PlugHost):
    """Deleted is a mark, which is not looked at."""

    seen: dict[str, Any] = {}

    def find_invoice(self, org: str, invoice_id: str) -> Any | None:
        found = super().find_invoice(org, invoice_id)
        if found is not None:
            self.seen[invoice_id] = invoice_id
        return found or (self.seen.get(invoice_id) if org == "default" else None)


@suite("test_a_draft_is_no_invoice", r"^HOST.invoice gives Invoice\(.* for what SUITE.new_draft made, not None")
class DraftsCount(Shared):
    """A draft is told from nothing."""

    def new_draft(self, client: Any) -> Any:
        return super().new_invoice(client)


@host("test_a_discount_lowers_the_total", r"^HOST.apply_discount: total is 200.00 USD before and after a discount")
class IgnoresTheDiscount(PlugHost):
    """To be written some day."""

    def apply_discount(self, record: Any, discount: Money) -> None:
        pass


@host("test_a_discount_lowers_the_total", r"^HOST.apply_discount gave 21.00 USD, and was asked for 20.00 USD")
class GivesMore(PlugHost):
    """Rounded in favour of the client."""

    def apply_discount(self, record: Any, discount: Money) -> Money:
        record.discount = (discount.minor // 100 + 1) * 100
        return usd(record.discount)


@host("test_a_discount_lowers_the_total", r"^HOST.apply_discount: the same 20.00 USD once more makes .* in place of")
class DiscountsAddUp(PlugHost):
    """One more line for each call."""

    def apply_discount(self, record: Any, discount: Money) -> None:
        record.discount += discount.minor


@host("test_a_discount_lowers_the_total", r"^HOST.apply_discount: .* lowers the total by 20.00 USD, .* before tax")
class AfterTax(PlugHost):
    """19% of tax on all of the price, discounted or not."""

    def invoice(self, record: Any) -> Any:
        value = super().invoice(record)
        tax = usd(record.subtotal * 19 // 100)
        if value is None or record.settled:
            return value and replace(value, total=value.total + tax, paid=value.paid + tax)
        return replace(value, total=value.total + tax, due=value.due + tax)


@host("test_credit_lowers_what_is_due", r"^HOST.apply_credit: the same 100.00 USD once more makes .* in place of")
class CreditsAddUp(PlugHost):
    """One more payment for each call."""

    def apply_credit(self, record: Any, credit: Money) -> None:
        record.credit += credit.minor


@host("test_credit_lowers_what_is_due", r"^HOST.apply_credit: 50.00 USD in place of 100.00 USD makes 100.00 USD out of")
class OnlyMoreCredit(PlugHost):
    """A part of it cannot be taken off."""

    def apply_credit(self, record: Any, credit: Money) -> None:
        record.credit = max(record.credit, credit.minor)


@host("test_credit_lowers_what_is_due", r"^HOST.apply_credit: zero leaves 150.00 USD of 200.00 USD; it takes off")
class NeverTakenOff(PlugHost):
    """Zero is not told from nothing."""

    def apply_credit(self, record: Any, credit: Money) -> None:
        record.credit = credit.minor or record.credit


@host("test_credit_lowers_what_is_due", r"^HOST.apply_credit: total was 200.00 USD, and is 100.00 USD .* no discount")
class CreditIsADiscount(PlugHost):
    """It lowers the price."""

    def apply_credit(self, record: Any, credit: Money) -> None:
        record.discount = credit.minor


# -- who tells us, and when --------------------------------------------------------------------------------------------


class Mute(Shared):
    """The app does not tell us what is in `untold`."""

    __test__ = False
    untold: tuple[str, ...] = ()

    def tell(self, signal: str, **facts: Any) -> None:
        if signal not in self.untold:
            super().tell(signal, **facts)


@suite("test_a_code_is_handed_on", r"^SUITE.new_client was given a code, .* call referrals.client_registered\(")
class NoRegistration(Mute):
    """Forgotten in the view."""

    untold = ("client_registered",)


@suite("test_a_code_is_handed_on", r"^SUITE.new_client hands another code on than it was given \(code_mistyped\)")
class CodeMangled(Shared):
    """One character is another one."""

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        return super().new_client(name, email, code and ("3" if code[0] == "2" else "2") + code[1:])


@suite("test_a_new_invoice_is_told", r"^SUITE.new_invoice: .* were not told .*: call referrals.invoice_created\(")
class NoInvoice(Mute):
    """Forgotten in the view."""

    untold = ("invoice_created",)


@suite(
    "test_a_code_is_handed_on", r"^SUITE.new_client was given .* referrals.watch\(…\) does not see it: let its `code`"
)
class NoCodeSeen(Watched):
    """What was typed is somewhere else."""

    def tell(self, signal: str, **facts: Any) -> None:
        db.session.flush()


@suite("test_a_new_invoice_is_told", r"^SUITE.new_invoice: .* referrals.watch\(…\) does not see it: name the class of")
class OnlyClientsAreWatched(Watched):
    """Half of the line."""

    def plug(self, referrals: Referrals, app: Flask) -> None:
        referrals.init_app(app)
        referrals.watch(client=ClientRow, code=lambda row: self.codes.get(row.email))


@suite("test_a_new_invoice_is_told", r"^SUITE.new_invoice: HOST.apply_discount was called .* write over it after")
class WritesOverIt(Shared):
    """The view knows better what the invoice is."""

    def new_invoice(self, client: Any) -> Any:
        number = super().new_invoice(client)
        db.session.get_one(InvoiceRow, number).discount = 0
        return number


@suite("test_a_change_is_told", r"^SUITE.change_amount: .* last worked out 20.00 USD: call referrals.invoice_changed")
class NoChange(Mute):
    """Forgotten in the view."""

    untold = ("invoice_changed",)


@suite("test_a_payment_is_told", r"^SUITE.pay: the invoice is settled, and no reward .*: call referrals.invoice_paid\(")
class NoPayment(Mute):
    """Forgotten in the view."""

    untold = ("invoice_paid",)


@suite(
    "test_an_undone_payment_is_told", r"^SUITE.undo_payment: the reward of 36.00 USD is still there: call .*refunded"
)
class TellsTooEarly(Shared):
    """Before the money is booked as gone."""

    def undo_payment(self, invoice: Any) -> None:
        self.tell("invoice_refunded", invoice=invoice)
        invoice.paid, invoice.settled = 0, False
        db.session.commit()


@suite("test_paid_again_is_told", r"^SUITE.pay: no reward came of a payment after SUITE.undo_payment: call .*paid\(")
class OnlyTheFirstPayment(Shared):
    """Told once for each invoice."""

    told: set[int] = set()

    def tell(self, signal: str, **facts: Any) -> None:
        if signal == "invoice_paid":
            if facts["invoice"].id in self.told:
                return
            self.told.add(facts["invoice"].id)
        super().tell(signal, **facts)


@suite("test_a_partial_refund_is_told", r"^SUITE.refund_part: the reward is still 36.00 USD: call .*invoice_refunded\(")
class NoPartialRefund(Shared):
    """Forgotten in the view."""

    def refund_part(self, invoice: Any) -> None:
        invoice.paid -= 5000
        db.session.commit()


@suite(
    "test_a_void_is_told", r"^SUITE.void: the discount is still kept .*: call referrals.invoice_voided\(invoice\) when"
)
class NoVoid(Mute):
    """Forgotten in the view."""

    untold = ("invoice_voided",)


@suite("test_a_deletion_is_told", r"^SUITE.delete: the discount is still kept .* before you delete it")
class NoDeletion(Shared):
    """Forgotten in the view."""

    def delete(self, invoice: Any) -> None:
        db.session.delete(invoice)
        db.session.commit()


@suite("test_our_work_is_committed", r"^SUITE.new_client tells us after its commit, .*_TRANSACTION = 'after_commit'")
class TellsAfterTheCommit(Shared):
    """As hooks do that run when all is over."""

    def tell(self, signal: str, **facts: Any) -> None:
        self.late = (signal, facts)

    def new_client(self, name: str, email: str, code: str | None) -> Any:
        row = super().new_client(name, email, code)
        super().tell(self.late[0], **self.late[1])
        return row


@host(
    "test_our_work_is_committed", r"^during SUITE.new_invoice our log says: invoice_created failed; .*in HOST.apply_d"
)
class FailsForReferees(PlugHost):
    """What nobody sees, since the invoice goes out all the same."""

    def apply_discount(self, record: Any, discount: Money) -> None:
        if db.session.get_one(ClientRow, record.client_id).name.startswith("Kiera"):
            raise LookupError("no such tax code")
        super().apply_discount(record, discount)


@suite("test_credit_is_spent", r"^HOST.invoice: paid is 200.00 USD after SUITE.pay, and 164.00 USD were due beside")
class PaysItAll(Shared):
    """Whatever was covered by credit."""

    def pay(self, invoice: Any) -> None:
        invoice.paid, invoice.settled = invoice.total, True
        self.tell("invoice_paid", invoice=invoice)
        db.session.commit()


@suite("test_nothing_is_left_to_reconcile", r"^after a loop by SUITE, .* .*missed: reward_reversed 36.00 USD")
class ForgetsItLater(Shared):
    """Each new invoice makes the latest unpaid, and nobody hears of it."""

    def new_invoice(self, client: Any) -> Any:
        for row in db.session.scalars(select(InvoiceRow).order_by(InvoiceRow.id.desc()).limit(5)):
            row.settled, row.paid = False, 0
        return super().new_invoice(client)


@host(
    "test_a_settled_invoice_keeps_its_amounts", r"^HOST.invoice says .* after referrals.invoice_created of a paid inv"
)
class WearsOut(PlugHost):
    """Reading it changes it."""

    def invoice(self, record: Any) -> Any:
        if record.settled and record.discount:
            record.paid -= 1
        return super().invoice(record)


# -- what goes wrong in the middle -------------------------------------------------------------------------------------


@suite(
    "test_our_failure_leaves_the_payment", r"^our part of a payment failed, and the payment with it: SUITE.pay raised"
)
class AllOrNothing(Shared):
    """No reward, no payment."""

    def pay(self, invoice: Any) -> None:
        invoice.paid, invoice.settled = invoice.total - invoice.credit, True
        if self.referrals.invoice_paid(invoice).failed:
            raise RuntimeError("no reward, no payment")
        db.session.commit()


@suite("test_our_failure_leaves_the_payment", r"^`flask referrals work` did not make up for a failure: .* by SUITE.pay")
class StartsAgain(Shared):
    """Without us, and without what was kept for later."""

    def pay(self, invoice: Any) -> None:
        invoice.paid, invoice.settled = invoice.total - invoice.credit, True
        if self.referrals.invoice_paid(invoice).failed:
            db.session.rollback()
            invoice.paid, invoice.settled = invoice.total - invoice.credit, True
        db.session.commit()


@suite("test_a_rollback_takes_our_work_along", r"^SUITE.pay: the payment was rolled back, and the reward of 36.00 USD")
class TwoTransactions(Shared):
    """What we are told is committed before the payment is."""

    def pay(self, invoice: Any) -> None:
        due = invoice.total - invoice.credit
        invoice.paid, invoice.settled = due, True
        self.tell("invoice_paid", invoice=invoice)
        invoice.paid, invoice.settled = 0, False
        db.session.commit()
        invoice.paid, invoice.settled = due, True
        db.session.commit()


# -- the app and its pages ---------------------------------------------------------------------------------------------


@suite("test_the_app_is_set_up", r"^the app of SUITE.make_app has no program yet: call referrals.init_app\(app\)")
class NotPluggedIn(Shared):
    """The line is missing."""

    def make_app(self) -> Flask:
        return Flask("bare")


@host("test_the_app_is_set_up", r"^HOST.orgs\(\) is empty: make an org in SUITE.make_app")
class NoOrgs(PlugHost):
    """An empty database."""

    def orgs(self) -> Sequence[str]:
        return ()


@suite("test_the_app_is_set_up", r"^SUITE.org is 'acme', and HOST.orgs\(\) are \['default', 'other'\]")
class NoSuchOrg(Shared):
    """Made in another app."""

    org = "acme"


@suite("test_the_app_is_set_up", r"^SUITE.make_app raised KeyError: 'DATABASE_URL'")
class NoEnvironment(Shared):
    """The factory needs more."""

    def make_app(self) -> Flask:
        raise KeyError("DATABASE_URL")


@suite("test_payment_settles", r"^SUITE.pay raised AssertionError: 403")
class NotAllowed(Shared):
    """The view refuses."""

    def pay(self, invoice: Any) -> None:
        raise AssertionError("403")


@suite("test_payment_settles", r"^write `def pay\(self, invoice\)` in SUITE: pay all that is due on the invoice")
class NotWritten(Shared):
    """One of the four."""

    pay = HostFunctions.pay


@suite("test_the_doctor_has_nothing_to_mend", "^the app has no secret key, .*: set SECRET_KEY")
class NoSecret(Shared):
    """In the test's config."""

    own = "no secret"
    config = {"SECRET_KEY": None}


@host("test_the_portal_answers", r"^/portal/referrals/ raised KeyError: 'client' \(in HOST.current_client\)")
class SomebodyIsAlwaysThere(PlugHost):
    """Only clients come to the portal."""

    def current_client(self) -> Client | None:
        return self.client(db.session.get_one(ClientRow, session["client"]))


@host(
    "test_the_portal_answers", r"^HOST.login_url: nobody is logged in, .* answers 404; give the address where your cl"
)
class NoLoginThere(PlugHost):
    """The default, in an app whose login is elsewhere."""

    def login_url(self, org: str) -> str:
        return "/login"


@host(
    "test_the_staff_s_pages_answer", r"^HOST.staff_login_url: nobody is logged in, .* answers 404; .* where your staff"
)
class NoStaffLoginThere(PlugHost):
    """An address that is gone."""

    def staff_login_url(self) -> str:
        return "/staff/login"


@host("test_a_client_sees_its_own_portal", r"^the portal does not show the code of the client .* HOST.current_client")
class EverybodyIsOne(PlugHost):
    """The first client that is found."""

    def current_client(self) -> Client | None:
        return self.client(db.session.scalars(select(ClientRow).limit(1)).one()) if "client" in session else None


@host("test_staff_see_the_referrals", r"^the staff's page answers 302 to whom SUITE.log_in_staff .* HOST.is_staff")
class NobodyIsStaff(PlugHost):
    """The default."""

    def is_staff(self) -> bool:
        return False


@host("test_a_client_is_no_staff", r"^the staff's page answers a client whom SUITE.log_in logged in: HOST.is_staff")
class EverybodyIsStaff(PlugHost):
    """Whoever is logged in."""

    def is_staff(self) -> bool:
        return bool(session)
