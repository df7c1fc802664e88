"""The settings form: every term of the program, and when it takes effect.

The names of the fields are stable. All are text; an empty text means none.

- `currency`: ISO 4217 code of every amount below
- `discount_kind`: `none`, `percent` or `amount`; the fields of another kind are ignored
- `discount_percent`, `discount_cap` (both for `percent`), `discount_amount` (for `amount`)
- `discount_min_invoice`: smallest first invoice for the discount (ignored for `none`)
- `referee_reward`: credit for the new client
- `referrer_reward`: credit for the referrer; the one amount that must be given
- `min_paid`: smallest paid amount that qualifies
- `accept_codes_at`: repeated, any of `link`, `registration`, `invoice`
- `effective_from`: `YYYY-MM-DDTHH:MM[:SS]` in the org's time zone; empty for now
- `until`: `YYYY-MM-DD`, the last day, in the org's time zone; empty for no end
- `action`: `preview` or `save`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

from wtforms import Field, StringField

from ..domain.terms import POINTS, Terms
from ..errors import TermsError
from ..services.programs import Program
from .admin_amounts import Mistake, read_amount, read_currency, read_percent
from .admin_dates import read_end, read_start
from .forms import ReferralsForm

KINDS = ("none", "percent", "amount")
_FIELD_OF = {
    "discount": "discount_kind",
    "discount.percent": "discount_percent",
    "discount.cap": "discount_cap",
    "discount.amount": "discount_amount",
    "referee_reward.amount": "referee_reward",
    "referrer_reward.amount": "referrer_reward",
    "referrer_reward.kinds": "referrer_reward",
}
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form asks to save. Times are UTC; no `effective_from` is now, no `ends_at` is for good."""

    terms: Terms
    effective_from: datetime | None
    ends_at: datetime | None


class TextsField(Field):  # type: ignore[misc]
    """A field that may be sent several times."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist


class SettingsForm(ReferralsForm):
    """Keeps what was typed as it was typed; `read` turns it into a draft or says at each field what is wrong."""

    currency = StringField("Currency")
    discount_kind = StringField("Discount", default="none")
    discount_percent = StringField("Percent off")
    discount_cap = StringField("At most")
    discount_amount = StringField("Amount off")
    discount_min_invoice = StringField("Only on an invoice of at least")
    referee_reward = StringField("Credit for the new client")
    referrer_reward = StringField("Credit for the referrer")
    min_paid = StringField("Only when at least this was paid")
    accept_codes_at = TextsField("Where a code may be used")
    effective_from = StringField("Takes effect")
    until = StringField("Last day")

    def read(self, program: Program, zone: tzinfo, now: datetime) -> Draft | None:
        """The draft, or None once every error stands at its field."""
        currency = self._try("currency", read_currency)
        document: dict[str, Any] = {"currency": currency or ""}
        kind = self.discount_kind.data
        if kind not in KINDS:
            self._wrong("discount_kind", "Choose one: no discount, a percentage, or an amount.")
        elif kind != "none":
            document["discount"] = self._discount(kind, currency)
            document["discount_min_invoice"] = self._amount("discount_min_invoice", currency)
        document["referee_reward"] = {"amount": self._amount("referee_reward", currency)}
        document["referrer_reward"] = {"amount": self._amount("referrer_reward", currency, "the referrer gets")}
        document["min_paid"] = self._amount("min_paid", currency)
        document["accept_codes_at"] = self._points()
        start = self._try("effective_from", lambda text: read_start(text, zone, now))
        begun = None if self.effective_from.errors else start
        end = self._try("until", lambda text: read_end(text, zone, now, begun))
        if end is not None and program.at(end) is None:
            self._wrong("until", "There are no terms to go back to after this day. Save the usual terms first.")
        if self.errors:
            return None
        try:
            return Draft(Terms.from_document(document), start, end)
        except TermsError as error:
            for name, sentence in error.fields.items():
                self._wrong(_FIELD_OF.get(name, name), sentence)
            return None

    def _discount(self, kind: str, currency: str | None) -> dict[str, Decimal | None]:
        if kind == "amount":
            return {"amount": self._amount("discount_amount", currency, "the new client gets off")}
        return {
            "percent": self._try("discount_percent", read_percent),
            "cap": self._amount("discount_cap", currency),
        }

    def _points(self) -> list[str]:
        points = list(dict.fromkeys(self.accept_codes_at.data or []))
        if not points or not set(points) <= set(POINTS):
            self._wrong("accept_codes_at", "Choose at least one place where a code may be used.")
        return points

    def _amount(self, name: str, currency: str | None, needed: str = "") -> Decimal | None:
        found = self._try(name, lambda text: read_amount(text, currency))
        if needed and found is None and not self[name].errors:
            self._wrong(name, f"Write how much {needed}, such as 50.")
        return found

    def _try(self, name: str, read: Callable[[str], Found]) -> Found | None:
        try:
            return read(self[name].data or "")
        except Mistake as mistake:
            self._wrong(name, str(mistake))
            return None

    def _wrong(self, name: str, sentence: str) -> None:
        self[name].errors = [*self[name].errors, sentence]


def values_of(terms: Terms) -> dict[str, Any]:
    """What the form shows for these terms, as `SettingsForm(data=…)` takes it."""
    document = terms.document()
    deal = document.get("discount", {})
    return {
        "currency": terms.currency,
        "discount_kind": "none" if not deal else "percent" if "percent" in deal else "amount",
        "discount_percent": deal.get("percent", ""),
        "discount_cap": deal.get("cap", ""),
        "discount_amount": deal.get("amount", ""),
        "discount_min_invoice": document.get("discount_min_invoice", ""),
        "referee_reward": document.get("referee_reward", {}).get("amount", ""),
        "referrer_reward": document["referrer_reward"]["amount"],
        "min_paid": document.get("min_paid", ""),
        "accept_codes_at": list(terms.accept_codes_at),
    }


#: What the form suggests to an org that has no terms yet.
SUGGESTED: dict[str, Any] = {
    "currency": "USD",
    "discount_kind": "percent",
    "discount_percent": "10",
    "referrer_reward": "25.00",
    "accept_codes_at": list(POINTS),
}
