"""`Referrals`: the extension. The constructor takes the choices of the code, `init_app` those of the deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import WeakSet

from blinker import Signal
from flask import Flask
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from .adapters import receivers, transactions, verbs
from .adapters.hearing import Fact, Hearing, hear
from .adapters.sessions import Sessions, close_own
from .adapters.state import KEY, State, get_state
from .adapters.tables import copy_into, create_all, hide_from_migrate
from .adapters.watch import Watch, code_finder
from .adapters.watch import add as add_watch
from .adapters.worker import Done, work
from .cli import group
from .config import Settings, read_settings
from .domain.terms import KINDS, Kind, Terms
from .errors import ConfigurationError
from .host import Client, Host
from .money import Money
from .services import (
    cashbook,
    codes,
    decisions,
    discounts,
    invitations,
    ledger,
    moderation,
    payees,
    portal,
    settling,
    staff,
    vanity,
)
from .services.codes import Code
from .services.outcomes import Outcome
from .services.portal import News, RewardLine
from .services.ports import Gateway, Mailer
from .services.programs import Program
from .services.unit import Unit
from .web import blueprints, macros
from .web.fields import FIELD, typed_code
from .web.sharing import portal_link


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Referrals:
    """The referral program of an app.

    `host` answers what we ask the app. `db` is its Flask-SQLAlchemy object; an app without one gives `session`, a
    callable that returns the SQLAlchemy session of the moment. `mailer` sends emails to clients; without one there are
    none (docs/howto/mail.md). `gateway` pays cash; without one there is none (docs/howto/stripe.md); a function is
    called with the app, for a gateway that hangs on its config. `clock` returns the time as an aware datetime in UTC.
    Further keywords are settings, `link_days=30` for `REFERRALS_LINK_DAYS`, for every app that has not its own.
    Nothing of an app is kept on the object, so one object may serve several apps. The verbs need an app context.
    """

    def __init__(
        self,
        host: Host,
        app: Flask | None = None,
        *,
        db: Any = None,
        session: Callable[[], Session] | None = None,
        mailer: Mailer | None = None,
        gateway: Gateway | Callable[[Flask], Gateway | None] | None = None,
        clock: Callable[[], datetime] = _utc_now,
        **settings: Any,
    ) -> None:
        if not isinstance(host, Host):
            raise ConfigurationError("host is an object of a subclass of flask_referrals.Host; did you pass the class?")
        if (db is None) == (session is None):
            raise ConfigurationError("pass either db (your Flask-SQLAlchemy object) or session (a callable), not both")
        self._host = host
        self._db = db
        self._session = Sessions(db.session if session is None else session)
        if not hasattr(host, "session"):
            host.session = self._session
        self._watch: Watch | None = None
        self._hears = False
        self._apps: WeakSet[Flask] = WeakSet()
        self._mailer = mailer
        self._gateway = gateway
        self._clock = clock
        self._settings = settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, **settings: Any) -> None:
        """Set the extension up in an app: settings, pages, commands, signals, and our tables beside the host's.

        Reads every `REFERRALS_*` of the app's config; ConfigurationError names what is wrong and what to write. A
        setting may be passed as well, `link_days=30` for `REFERRALS_LINK_DAYS`: the app's config goes before it, and it
        before one that the constructor got.
        """
        if KEY in app.extensions:
            raise ConfigurationError("flask_referrals is set up in this app already: did you call init_app twice?")
        given = {f"REFERRALS_{name.upper()}": value for name, value in {**self._settings, **settings}.items()}
        self._set_up(app, read_settings({**given, **app.config}))

    def _set_up(self, app: Flask, settings: Settings) -> None:
        if self._mailer is not None and settings.site_url is None:
            raise ConfigurationError(
                "emails carry links, and no request says where: set REFERRALS_SITE_URL to your site's address, such as "
                "'https://bills.example.com'",
                key="REFERRALS_SITE_URL",
            )
        if settings.invitations == "sent" and self._mailer is None:
            raise ConfigurationError(
                "REFERRALS_INVITATIONS is 'sent', and there is nobody to send: pass a mailer to Referrals",
                key="REFERRALS_INVITATIONS",
            )
        gateway = self._gateway(app) if callable(self._gateway) else self._gateway
        app.extensions[KEY] = State(
            app, self._host, settings, self._session, self._clock, mailer=self._mailer, gateway=gateway, owner=self
        )
        close_own(app)
        self._apps.add(app)
        if self._db is not None:
            copy_into(self._db.metadata)
            hide_from_migrate(app)
        transactions.listen()
        receivers.listen()
        blueprints.register(app, settings, hears_stripe=bool(getattr(gateway, "webhook_secrets", ())))
        macros.register(app)
        app.cli.add_command(group)

    def watch(
        self,
        *,
        client: type | tuple[type, ...] | None = None,
        invoice: type | tuple[type, ...] | None = None,
        parts: Mapping[type, Callable[[Any], Any]] | None = None,
        is_client: Callable[[Any], bool] | None = None,
        code: str | Callable[[Any], str | None] | None = None,
    ) -> Referrals:
        """Observe your mapped classes on your own session, in your own commit, so that no view needs a line (§3.3).

        `client` and `invoice` are classes, or tuples of classes; without them those of your `ModelHost`. `parts` names
        rows that an invoice is made of or paid by, such as lines and payments, each with a function from the row to its
        invoice. `is_client` tells clients from other rows of the same table. `code` is the form field in which the code
        of a new client is typed, by default ours, `referral_code`, or a function that finds it. Call it once, before or
        after `init_app`; ConfigurationError for a class that is not mapped, or a second call. Answers with the object
        itself.
        """
        if self._watch is not None:
            raise ConfigurationError("watch() was called already: name all classes in one call")
        one = Watch(
            self._classes(client, "client_model"),
            self._classes(invoice, "invoice_model"),
            dict(parts or {}),
            is_client or (lambda record: True),
            code_finder(code or FIELD),
            self._apps,
        )
        self._watch = add_watch(one)
        return self

    def hear(
        self,
        *,
        client: Callable[..., Any | None] | None = None,
        invoice: Callable[..., Any | None] | None = None,
        code: Callable[..., str | None] | None = None,
        client_registered: Signal | Sequence[Signal] = (),
        invoice_created: Signal | Sequence[Signal] = (),
        invoice_changed: Signal | Sequence[Signal] = (),
        invoice_paid: Signal | Sequence[Signal] = (),
        invoice_refunded: Signal | Sequence[Signal] = (),
        invoice_voided: Signal | Sequence[Signal] = (),
    ) -> None:
        """Go by signals of your own, in place of ours (§3.3): `hear(invoice_paid=order_paid, invoice=find_order)`.

        Each fact takes a blinker signal, or several. `client` and `invoice` are called with what the signal carries
        and answer with your record, or None if it is none of ours; `code` answers with a new client's typed code, by
        default with what the form that was sent has in our own field, `referral_code`. Connected once for all apps.
        Call it once; ConfigurationError for what is no signal, a function that is missing, or a second call.
        """
        if self._hears:
            raise ConfigurationError("hear() was called already: name all signals in one call")
        told: dict[Fact, Signal | Sequence[Signal]] = {
            "client_registered": client_registered,
            "invoice_created": invoice_created,
            "invoice_changed": invoice_changed,
            "invoice_paid": invoice_paid,
            "invoice_refunded": invoice_refunded,
            "invoice_voided": invoice_voided,
        }
        hear(Hearing(client, invoice, code or typed_code, self._apps), told)
        self._hears = True

    def _classes(self, given: type | tuple[type, ...] | None, default: str) -> tuple[type, ...]:
        found = getattr(self._host, default, ()) if given is None else given
        return found if isinstance(found, tuple) else (found,)

    def session(self) -> Session:
        """The SQLAlchemy session that we work in at this moment, for the look-ups of your Host."""
        return self._session()

    # -- the host's facts --------------------------------------------------------------------------------------------

    def client_registered(self, client: Any, code: str | None = None, *, link: str | bool | None = None) -> Outcome:
        """A new client was made: bind it to the owner of the typed `code`, or else of the link it followed (A1).

        `link`: None for the request's own cookie (never a staff member's), False for none, or a cookie's value.
        A refusal is in the outcome and on the log, and stops nothing (A6).
        """
        return verbs.client_registered(get_state(), client, code, link)

    def enter_code(self, invoice: Any, code: str) -> Outcome:
        """A code was entered at the checkout of this open invoice; its discount is applied to it at once (A7)."""
        return verbs.enter_code(get_state(), invoice, code)

    def invoice_created(self, invoice: Any) -> Outcome:
        """An invoice was made: the referee's discount is put on it (D1)."""
        return verbs.invoice_event(get_state(), invoice, "created")

    def invoice_changed(self, invoice: Any) -> Outcome:
        """An unpaid invoice was changed: the discount is worked out again (D3)."""
        return verbs.invoice_event(get_state(), invoice, "changed")

    def invoice_paid(self, invoice: Any) -> Outcome:
        """An invoice was paid in full: credit on it is captured, and a referral that it qualifies is rewarded (R1)."""
        return verbs.invoice_event(get_state(), invoice, "paid")

    def invoice_refunded(self, invoice: Any, reason: str | None = None) -> Outcome:
        """Money went back, in part or in full, by a refund or a lost dispute (U1, U2)."""
        return verbs.invoice_event(get_state(), invoice, "refunded", reason)

    def invoice_voided(self, invoice: Any) -> Outcome:
        """An invoice was cancelled (D5, U1, K4)."""
        return verbs.invoice_event(get_state(), invoice, "voided")

    # -- credit on invoices ------------------------------------------------------------------------------------------

    def use_credit(self, invoice: Any, amount: Money | None = None) -> Outcome:
        """Hold credit of the client's on its open invoice: `amount`, or as much as possible (K4).

        Replaces what was held there; `Host.apply_credit` is called with the new sum. Refused with `no_credit`,
        `currency_mismatch`, `not_enough_credit` or `more_than_due`; MoneyError for an amount of nothing or less.
        """
        return verbs.use_credit(get_state(), invoice, amount)

    def take_off_credit(self, invoice: Any) -> Outcome:
        """Release the credit that is held on an open invoice; ok and without effect where none is."""
        return verbs.take_off_credit(get_state(), invoice)

    def use_voucher(self, invoice: Any) -> Outcome:
        """Use the client's oldest voucher for a free service that this open invoice has a line for (R7).

        `Host.apply_voucher` is called with what comes off. Refused with `no_voucher` or `more_than_due`.
        """
        return verbs.use_voucher(get_state(), invoice)

    # -- questions ---------------------------------------------------------------------------------------------------

    def discount(self, invoice: Any) -> Money:
        """The discount before tax that this invoice has or would get now, for a host that pulls it (D2).

        Changes nothing, and is nothing where our own look-up fails. ValueError for a record that is no invoice.
        """
        state = get_state()
        value = state.host.invoice(invoice)
        if value is None:
            raise ValueError("Host.invoice says that this record is no invoice")
        return verbs.quote(state, value.subtotal, lambda unit: discounts.quote(unit, value))

    def quote(self, client: Client, subtotal: Money) -> Money:
        """The discount that the client's next invoice would get at this subtotal before tax, while it is built (D2)."""
        return verbs.quote(get_state(), subtotal, lambda unit: discounts.quote_next(unit, client, subtotal))

    def confirm_discount(self, invoice: Any, amount: Money | None = None) -> Outcome:
        """You have put the discount on this invoice by yourself: `amount` of it, or all; it is used by that (D3).

        Instead of `invoice_created`, where discounts are pulled. Refused with `no_discount` or `more_than_promised`:
        then take it off again. Repeated with another amount, that one holds.
        """
        return verbs.confirm_discount(get_state(), invoice, amount)

    def release_discount(self, invoice: Any) -> Outcome:
        """The discount comes off this open invoice, and is free for another one of the client's (D5).

        `Host.apply_discount` is called with nothing. Refused with `no_discount`.
        """
        return verbs.release_discount(get_state(), invoice)

    def code(self, client: Client) -> Code:
        """The client's current code, made now if it has none (C1)."""
        return get_state().run(lambda unit: codes.current_code(unit, client.org, client.id))

    def link(self, code: Code) -> str:
        """The link that carries the code, as an absolute address; needs a request, or REFERRALS_SITE_URL."""
        return portal_link(code.org, code.text)

    def balance(self, client: Client, currency: str) -> portal.Balance:
        """The client's credit in one currency: what can be spent, maybe negative (K5), and what is held on invoices."""
        return portal.balance(get_state().session().connection(), client.org, client.id, currency, get_state().now())

    def referral_of(self, referee: Client) -> portal.ReferralLine | None:
        """The newest referral of this referee, or None."""
        return portal.referral_of(get_state().session().connection(), referee.org, referee.id)

    def rewards(self, client: Client) -> list[RewardLine]:
        """Every reward of this client, oldest first."""
        return portal.rewards(get_state().session().connection(), client.org, client.id)

    def payouts(self, client: Client) -> list[cashbook.PayoutLine]:
        """Every payout of this client, oldest first (P)."""
        return cashbook.of_client(get_state().session().connection(), client.org, client.id)

    def activity(self, client: Client) -> list[News]:
        """Everything on the client's log, oldest first (G1)."""
        return portal.activity(get_state().session().connection(), client.org, client.id)

    def news(self, client: Client) -> list[News]:
        """What the client was told lately, newest first."""
        return portal.news(get_state().session().connection(), client.org, client.id)

    def unread(self, client: Client) -> int:
        """How much of its news the client has not seen on its portal yet; 100 stands for that many or more."""
        return portal.unread(get_state().session().connection(), client.org, client.id)

    # -- the program -------------------------------------------------------------------------------------------------

    def program(self, org: str) -> Program:
        """The org's program: its switch and every version of its terms."""
        state = get_state()
        return state.programs.get(state.session().connection(), org)

    def save_terms(self, org: str, terms: Terms, *, effective_from: datetime | None = None, by: str = "host") -> int:
        """Save a version of the terms, in force from now or from `effective_from` (T3); its id. The caller commits."""
        return get_state().run(lambda unit: staff.save(unit, org, terms, effective_from=effective_from), actor=by)

    def switch(self, org: str, *, on: bool, by: str = "host") -> None:
        """Switch the org's program on or off (T1). The caller commits."""
        get_state().run(lambda unit: staff.switch(unit, org, on=on), actor=by)

    def approve(self, referee: Client, *, by: str, reason: str = "") -> Outcome:
        """Approve the rewards of this referee's referral that wait for it (R8). The caller commits."""

        def use_case(unit: Unit) -> Outcome:
            found = decisions.waiting_of(unit, referee.org, referee.id)
            return Outcome(ok=bool(decisions.approve_rewards(unit, referee.org, found, reason)))

        return get_state().run(use_case, actor=by)

    def refuse(self, referee: Client, *, by: str, reason: str) -> Outcome:
        """Refuse the rewards of this referee's referral that wait for approval; the referral stands (R8)."""

        def use_case(unit: Unit) -> Outcome:
            found = decisions.waiting_of(unit, referee.org, referee.id)
            return Outcome(ok=bool(decisions.refuse_rewards(unit, referee.org, found, reason)))

        return get_state().run(use_case, actor=by)

    def reject(self, referee: Client, *, by: str, reason: str) -> Outcome:
        """Reject this referee's referral for good: its rewards are cancelled or reversed (U4). The caller commits.

        NotFoundError if there is none that is not rejected.
        """

        def use_case(unit: Unit) -> Outcome:
            found = decisions.live_referral(unit, referee.org, referee.id)
            decisions.reject(unit, referee.org, found or 0, reason)
            return Outcome(ok=True)

        return get_state().run(use_case, actor=by)

    def attribute(self, referee: Client, referrer: Client, *, by: str, note: str) -> Outcome:
        """Bind a client to a referrer by hand (A8); refused as `client_registered` is. The caller commits."""
        outcome = get_state().run(lambda unit: decisions.attribute(unit, referee, referrer, note), actor=by)
        return verbs.told(outcome)

    def adjust(self, client: Client, amount: Money, *, by: str, note: str, key: str | None = None) -> Outcome:
        """Book an adjustment of the client's credit, up or down (K6); the same `key` twice books once.

        ValueError for an amount of nothing. The caller commits.
        """
        return get_state().run(lambda unit: decisions.adjust(unit, client.org, client.id, amount, note, key), actor=by)

    def disable_code(self, client: Client, *, by: str) -> None:
        """Switch the client's present code off, a leaked one say; what it earned stays (C4). The caller commits."""
        get_state().run(lambda unit: moderation.disable_code(unit, client.org, client.id), actor=by)

    def choose_code(self, client: Client, text: str, *, by: str) -> Outcome:
        """Make `text` the client's current code; the old one keeps working (C4). The caller commits.

        Refused with `code_not_allowed`, `code_taken` or `too_many_codes`.
        """
        return verbs.told(get_state().run(lambda unit: vanity.choose(unit, client, text), actor=by))

    def choose(self, client: Client, kind: Kind, *, by: str = "client") -> int:
        """The client wants its rewards of money as `credit` or as `cash` from now on (R6). The caller commits.

        Goes for every reward that is not issued yet, as far as its terms allow; how many there are. ValueError for
        another kind.
        """
        if kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {kind!r}")
        return get_state().run(lambda unit: settling.choose(unit, client.org, client.id, kind), actor=by)

    def pause_payouts(self, org: str, client: Client | None = None, *, on: bool, by: str) -> None:
        """Pause the payouts to a client, or all of the org's, or let them go on (P7). The caller commits."""
        client_id = "" if client is None else client.id
        get_state().run(lambda unit: payees.pause(unit, org, client_id, on=on), actor=by)

    def tax_details(self, client: Client, year: int, *, by: str) -> None:
        """The client's tax details for that calendar year are there, so that payouts go past the limit (P7)."""
        get_state().run(lambda unit: payees.clear_tax(unit, client.org, client.id, year), actor=by)

    def invite(self, client: Client, email: str, message: str | None = None) -> Outcome:
        """Keep that the client invites this address, which is recognised at registration (A1). The caller commits.

        With a `message`, which is to hold the link, the mailer sends it; without one the client's own mail app does.
        Refused with `email_invalid`, `self_referral`, `already_invited`, `too_many_invitations`, or as a code is; with
        a message also with `message_invalid` (empty, or over 1,000 characters) and `no_invitations` (opted out).
        """

        def use_case(unit: Unit) -> Outcome:
            return invitations.invite(unit, client, email, message)

        return verbs.told(get_state().run(use_case, actor="client"))

    def block(self, client: Client, *, by: str) -> None:
        """Refuse the codes of this referrer from now on (A3 `referrer_blocked`). The caller commits."""
        get_state().run(lambda unit: moderation.block(unit, client.org, client.id), actor=by)

    def unblock(self, client: Client, *, by: str) -> None:
        """Accept the codes of this referrer again. The caller commits."""
        get_state().run(lambda unit: moderation.unblock(unit, client.org, client.id), actor=by)

    # -- upkeep ------------------------------------------------------------------------------------------------------

    def create_all(self) -> None:
        """Make our tables and triggers, for a host without migrations; what is there already stays."""
        create_all(self._engine())

    def work(self) -> Done:
        """Do all that waits: facts that failed, and deliveries. Safe to run twice at once."""
        return work(get_state())

    def verify_ledger(self, org: str | None = None) -> Iterator[ledger.Fault]:
        """Everything that is wrong in the books; nothing, if they are right (K1)."""
        connection = get_state().session().connection()
        yield from ledger.verify(connection, org)
        yield from ledger.unheld(connection, org)

    @staticmethod
    def _engine() -> Engine:
        bind = get_state().session().get_bind()
        return bind if isinstance(bind, Engine) else bind.engine
