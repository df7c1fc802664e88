"""Sentences of the staff's pages, in the person's language for amounts and the org's time zone for times."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from babel.dates import format_date, format_datetime

from ..adapters.state import State
from ..domain.codes import spoken
from ..domain.terms import Terms
from ..money import Money
from ..services.chain import Chain, Earned, Step
from ..words import conditions_text, invitation_text, money_text, referee_text, referrer_text

_STATES = {"pending": "Waiting", "qualified": "Qualified", "expired": "Expired", "rejected": "Rejected"}
_REWARDS = {"pending": "On its way", "issued": "Credited", "reversed": "Taken back", "cancelled": "Cancelled"}
_VIA = {"code": "Code typed", "link": "Referral link", "invitation": "Invitation", "staff": "By staff"}
_POINTS = {
    "link": "through a referral link",
    "registration": "when registering",
    "invoice": "at the checkout of the first invoice",
}
_REASONS = {
    "refunded": "the invoice was refunded",
    "voided": "the invoice was voided",
    "changed": "the invoice was changed",
    "dispute": "the bank took the payment back",
    "nothing_to_lower": "there is nothing on the invoice yet",
    "nothing_paid": "nothing was paid for it, in money or credit",
    "below_minimum": "it is below the smallest amount of the terms",
    "other_currency": "it is in another currency than the amounts of the terms",
    "refused_by_staff": "staff refused it",
    "rejected": "staff rejected the referral",
    "per_month": "the limit per month is reached",
    "per_year": "the limit per year is reached",
    "total": "the limit per referrer is reached",
    "budget": "the budget of the program is used up",
}
_WAITS = {
    "approval": " until staff approve it",
    "hold": " until its hold ends",
    "limit": " for a place within the limits",
    "bank_account": " for a linked bank account",
    "min_payout": " for the next payout",
}
#: Who acts when no person does.
_NOBODY = frozenset({"host", "visitor", ""})


@dataclass(frozen=True, slots=True)
class Voice:
    """Speaks for one org to one person; what templates say goes through here."""

    state: State
    org: str
    locale: str
    zone: tzinfo
    _invoices: dict[str, str] = field(default_factory=dict)

    # -- small words -------------------------------------------------------------------------------------------------

    def money(self, money: Money) -> str:
        return money_text(money, self.locale)

    def when(self, time: datetime) -> str:
        return str(format_datetime(time.astimezone(self.zone), "d MMM y, HH:mm", locale=self.locale))

    def day(self, time: datetime) -> str:
        return str(format_date(time.astimezone(self.zone).date(), "d MMM y", locale=self.locale))

    def short(self, day: date) -> str:
        """A day of the calendar, without its year."""
        return str(format_date(day, "d MMM", locale=self.locale))

    def last_day(self, end: datetime) -> str:
        """The day that ends at `end`."""
        return self.day(end - timedelta(microseconds=1))

    def zone_name(self) -> str:
        return str(self.zone)

    def state_name(self, state: str) -> str:
        return _STATES.get(state, state)

    def reward_name(self, state: str) -> str:
        return _REWARDS.get(state, state)

    def via(self, via: str) -> str:
        return _VIA.get(via, via)

    def code(self, code: str) -> str:
        return spoken(code)

    def because(self, reason: str) -> str:
        """Why, from a reason's code; a sentence that staff wrote stays as it is."""
        return f"Because {_REASONS.get(reason, reason)}"

    def wait(self, waits_for: str) -> str:
        """What a reward waits for, as the end of a sentence."""
        return _WAITS.get(waits_for, "")

    def by(self, actor: str) -> str:
        """Which person did it; empty where none did."""
        return "" if actor in _NOBODY else f"By {actor}"

    def client_url(self, client_id: str) -> str | None:
        return self.state.host.client_url(self.org, client_id)

    def invoice_url(self, invoice_id: str) -> str | None:
        return self.state.host.invoice_url(self.org, invoice_id)

    def invoice_name(self, invoice_id: str) -> str:
        """What the host calls the invoice; asks the host once for each, so not for long lists."""
        if invoice_id not in self._invoices:
            record = self.state.host.find_invoice(self.org, invoice_id)
            invoice = None if record is None else self.state.host.invoice(record)
            number = "" if invoice is None else invoice.number
            self._invoices[invoice_id] = number or f"Invoice {invoice_id}"
        return self._invoices[invoice_id]

    # -- terms -------------------------------------------------------------------------------------------------------

    def referrer_gets(self, terms: Terms) -> str:
        return referrer_text(terms, self.locale)

    def conditions(self, terms: Terms) -> list[str]:
        return conditions_text(terms, self.locale)

    def referee_gets(self, terms: Terms, whose: str = "the") -> str:
        return referee_text(terms, self.locale, whose=whose)

    def invitation(self, terms: Terms, name: str) -> str:
        return invitation_text(name, terms, self.locale)

    def points(self, terms: Terms) -> str:
        *most, last = [_POINTS[point] for point in terms.accept_codes_at]
        return f"{', '.join(most)} or {last}" if most else last

    # -- a chain -----------------------------------------------------------------------------------------------------

    def step(self, chain: Chain, step: Step) -> str:
        """What happened, in a sentence."""
        who, other = chain.referrer_name, chain.referee_name
        whose = who if step.side == "referrer" else other
        amount = "" if step.amount is None else self.money(step.amount)
        match step.kind:
            case "touched":
                return f"{other} opened the referral link of {who}"
            case "attributed" if step.data.get("via") == "code":
                return f"{other} used the code of {who}"
            case "attributed":
                return f"{other} became a client, recommended by {who}"
            case "discount_applied":
                return f"{other} got {amount} off"
            case "discount_waits":
                return f"{other} got nothing off this invoice: the discount waits for the next one"
            case "not_qualified":
                return f"{other} paid, but the referral still waits"
            case "discount_released":
                return f"The discount of {amount} is free again for the next invoice"
            case "qualified":
                return f"{other} paid, and the referral counts"
            case "reward_issued" if step.data.get("given_as") == "cash":
                return f"{whose} is paid {amount} in cash"
            case "reward_issued":
                return f"{whose} was credited {amount}"
            case "reward_reversed" if step.data.get("given_as") == "cash":
                return f"{amount} of cash taken back from {whose}"
            case "reward_reversed":
                return f"{amount} of credit taken back from {whose}"
            case "reward_cancelled":
                return f"The reward of {amount} for {whose} was cancelled"
            case "reward_pending":
                wait = self.wait(str(step.data.get("waits_for")))
                return f"The reward of {amount or step.data.get('service')} for {whose} waits{wait}"
            case "voucher_kept":
                return f"The free {step.data.get('service')} had been used already, so it was not taken back"
            case "reward_approved":
                return f"The reward of {whose} was approved"
            case "reward_released":
                return f"The reward of {whose} was let past the limit"
            case "rejected":
                return f"The referral of {other} was rejected"
            case "expired":
                return f"The referral of {other} expired: it did not qualify in time"
            case "credit_held":
                return f"{whose} put {amount} of credit on an invoice"
            case "credit_captured":
                return f"{whose} paid {amount} with credit"
            case "credit_released":
                return f"{amount} of credit went back to {whose}"
            case _:
                return step.kind.replace("_", " ").capitalize() + (f": {amount}" if amount else "")

    def details(self, chain: Chain, step: Step) -> list[str]:
        """What else is known about a step."""
        found = []
        if step.kind == "attributed" and chain.code is not None:
            found.append(f"{self.via(chain.via)}: {self.code(chain.code)}")
        if step.kind == "qualified" and step.data.get("n"):
            found.append(f"Referral no. {step.data['n']} that counts for {chain.referrer_name}")
        if reason := step.data.get("reason"):
            found.append(self.because(reason))
        if note := step.data.get("note"):
            found.append(f"Note: {note}")
        if step.balance is not None:
            found.append(f"Balance after: {self.money(step.balance)}")
        if by := self.by(step.actor):
            found.append(by)
        return found

    def is_undoing(self, step: Step) -> bool:
        return step.kind in ("reward_reversed", "reward_cancelled", "discount_released", "expired", "rejected")

    def earned(self, earned: Earned) -> str:
        """What became of a reward, where there is something to tell."""
        if earned.reason is None or earned.closed_at is None:
            return ""
        return f"{self.day(earned.closed_at)}, because {_REASONS.get(earned.reason, earned.reason)}"


def voice(state: State, org: str) -> Voice:
    """The voice for the person of this request."""
    return Voice(state, org, state.host.locale().replace("-", "_"), state.host.timezone(org))
