"""The settings form: every term of the program, and when it takes effect.

The names of the fields are stable. All are text; an empty text means none.

- `currency`: ISO 4217 code of every amount below
- `discount_kind`: `none`, `percent` or `amount`; the fields of another kind are ignored
- `discount_percent`, `discount_cap` (both for `percent`), `discount_amount` (for `amount`)
- `discount_min_invoice`: smallest first invoice for the discount (ignored for `none`)
- `referee_reward`: credit for the new client
- `reward_kind`: `amount` (as without it), `percent`, `service` or `none`; the fields of another kind are ignored
- `referrer_reward` (for `amount`), `reward_percent`, `service_name`, `service_value`: what the referrer gets
- `reward_as`: `credit` (as without it), `cash`, `credit,cash` or `cash,credit`: as what a reward of money is given, the
  default first where the client chooses
- `min_payout`: the smallest payout; `yearly_limit`: from so much a year on payouts wait for tax details
- `reward_cap`: the most that a percentage comes to, the tiers' too
- `tier_from_N` and `tier_reward_N`, N from 0 to 7: from which referral on, and what: `80`, `10%`, `Lawn mowing (45)`
- `milestone_at_N` and `milestone_amount_N`, N from 0 to 5: for which referral there is an extra, and how much
- `qualifies_on`: `first_paid_invoice` (as without it) or `registration`
- `min_paid`: smallest paid amount that qualifies
- `hold_days`, `qualify_within_days`, `credit_expires_days`: whole numbers of days
- `approval`: `none` (as without it), `flagged` or `all`
- `limit_per_month`, `limit_per_year`, `limit_total`: rewards of one referrer; `limit_budget`: of all rewards together
- `auto_apply_credit`: `y` to use credit by itself on new invoices
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
from functools import partial
from typing import Any, TypeVar

from wtforms import Field, StringField

from ..domain.terms import APPROVALS, EVENTS, POINTS, Promise, Terms
from ..errors import TermsError
from ..services.programs import Program
from .admin_amounts import Mistake, read_amount, read_currency, read_percent, read_promise, read_whole
from .admin_dates import read_end, read_start
from .forms import ReferralsForm

KINDS = ("none", "percent", "amount")
REWARD_KINDS = ("amount", "percent", "service", "none")
#: As what a reward of money is given; the default first where the client chooses (R6).
AS = ("credit", "cash", "credit,cash", "cash,credit")
#: So many rows the form has for tiers and for milestones.
TIERS = 8
MILESTONES = 6
_FIELD_OF = {
    "discount": "discount_kind",
    "discount.percent": "discount_percent",
    "discount.cap": "discount_cap",
    "discount.amount": "discount_amount",
    "referee_reward.amount": "referee_reward",
    "referrer_reward.amount": "referrer_reward",
    "referrer_reward.kinds": "reward_as",
    "referrer_reward.percent": "reward_percent",
    "referrer_reward.cap": "reward_cap",
    "referrer_reward.service.name": "service_name",
    "referrer_reward.service.value": "service_value",
    **{f"limits.{name}": f"limit_{name}" for name in ("per_month", "per_year", "total", "budget")},
    **{
        f"tiers.{row}.{name}": f"tier_{'from' if name == 'from' else 'reward'}_{row}"
        for row in range(TIERS)
        for name in ("from", "amount", "percent", "service.name", "service.value")
    },
    **{f"milestones.{row}.{name}": f"milestone_{name}_{row}" for row in range(MILESTONES) for name in ("at", "amount")},
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
    reward_kind = StringField("Reward", default="amount")
    reward_as = StringField("Given as", default="credit")
    min_payout = StringField("Smallest payout")
    yearly_limit = StringField("Ask for tax details from")
    reward_percent = StringField("Percent of the invoice")
    reward_cap = StringField("At most, whatever the percentage")
    service_name = StringField("Name of the service")
    service_value = StringField("Worth at most")
    qualifies_on = StringField("Earned by", default="first_paid_invoice")
    min_paid = StringField("Only when at least this was paid")
    hold_days = StringField("Days to hold it")
    qualify_within_days = StringField("Days to pay the first invoice")
    credit_expires_days = StringField("Days until credit expires")
    approval = StringField("Approval by staff", default="none")
    limit_per_month = StringField("Rewards of one client a month")
    limit_per_year = StringField("Rewards of one client a year")
    limit_total = StringField("Rewards of one client in all")
    limit_budget = StringField("Budget for all rewards")
    auto_apply_credit = StringField("Use credit by itself")
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
        document["referrer_reward"] = self._reward(currency)
        document["tiers"] = self._rows("tier_from_{}", "tier_reward_{}", TIERS, "3", partial(self._tier, currency))
        document["milestones"] = self._rows(
            "milestone_at_{}", "milestone_amount_{}", MILESTONES, "10", partial(self._milestone, currency)
        )
        document["qualifies_on"] = self._choice("qualifies_on", EVENTS)
        document["approval"] = self._choice("approval", APPROVALS)
        for name in ("hold_days", "qualify_within_days", "credit_expires_days"):
            document[name] = self._whole(name, "30")
        document["limits"] = {
            **{name: self._whole(f"limit_{name}", "5") for name in ("per_month", "per_year", "total")},
            "budget": self._amount("limit_budget", currency),
        }
        document["auto_apply_credit"] = bool(self.auto_apply_credit.data)
        document["min_payout"] = self._amount("min_payout", currency)
        document["yearly_limit"] = self._amount("yearly_limit", currency)
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
                self._wrong(_FIELD_OF.get(name, name), self._sentence(sentence))
            return None

    @staticmethod
    def _sentence(text: str) -> str:
        return f"{text[:1].upper()}{text[1:].rstrip('.')}."

    def _reward(self, currency: str | None) -> dict[str, Any] | None:
        """What the referrer gets, of the kind that was chosen."""
        kind = self.reward_kind.data or "amount"
        cap = self._amount("reward_cap", currency)
        if kind == "none":
            return None
        if kind == "service":
            name = (self.service_name.data or "").strip()
            if not 0 < len(name) <= 100:
                self._wrong("service_name", "Name the service, in at most 100 characters.")
            return {"kinds": ["service"], "service": {"name": name, "value": self._amount("service_value", currency)}}
        kinds = self._kinds()
        if kind == "percent":
            return {"kinds": kinds, "percent": self._try("reward_percent", read_percent), "cap": cap}
        if kind != "amount":
            self._wrong("reward_kind", "Choose one: an amount, a percentage, a free service, or nothing.")
        return {
            "kinds": kinds,
            "amount": self._amount("referrer_reward", currency, "the referrer gets"),
            "cap": cap,
        }

    def _kinds(self) -> list[str]:
        """As what a reward of money is given."""
        found = self.reward_as.data or AS[0]
        if found not in AS:
            self._wrong("reward_as", "Choose one: credit, cash, or a choice of the two.")
            return ["credit"]
        return str(found).split(",")

    def _rows(
        self, first: str, second: str, count: int, example: str, read: Callable[[str], dict[str, Any] | None]
    ) -> list[dict[str, Any]]:
        """The rows of which something was filled in; an empty one between them is no mistake, half a one is."""
        found = []
        for row in range(count):
            number, what = first.format(row), second.format(row)
            if not (self[number].data or "").strip() and not (self[what].data or "").strip():
                continue
            start, value = self._whole(number, example), read(what)
            if start is None and not self[number].errors:
                self._wrong(number, f"Write from which referral on, such as {example}, or empty the row.")
            if value is None and not self[what].errors:
                self._wrong(what, "Write what the referrer gets, or empty the row.")
            found.append({("from" if "tier" in number else "at"): start, **(value or {})})
        return found

    def _tier(self, currency: str | None, name: str) -> dict[str, Any] | None:
        return self._try(name, lambda text: read_promise(text, currency))

    def _milestone(self, currency: str | None, name: str) -> dict[str, Any] | None:
        amount = self._amount(name, currency)
        return None if amount is None else {"amount": amount}

    def _whole(self, name: str, example: str) -> int | None:
        return self._try(name, lambda text: read_whole(text, example))

    def _choice(self, name: str, among: tuple[str, ...]) -> str:
        found = self[name].data or among[0]
        if found not in among:
            self._wrong(name, f"Choose one of {', '.join(among)}.")
        return str(found)

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


for _row in range(TIERS):
    setattr(SettingsForm, f"tier_from_{_row}", StringField("From referral number"))
    setattr(SettingsForm, f"tier_reward_{_row}", StringField("The reward is"))
for _row in range(MILESTONES):
    setattr(SettingsForm, f"milestone_at_{_row}", StringField("For referral number"))
    setattr(SettingsForm, f"milestone_amount_{_row}", StringField("An extra of"))


def _promise_typed(promise: Promise) -> str:
    """A reward as `read_promise` reads it."""
    if promise.service is not None:
        worth = promise.service.value
        return promise.service.name + ("" if worth is None else f" ({worth.amount:f})")
    if promise.percent is not None:
        return f"{promise.percent:f}%"
    return "" if promise.amount is None else f"{promise.amount.amount:f}"


def values_of(terms: Terms) -> dict[str, Any]:
    """What the form shows for these terms, as `SettingsForm(data=…)` takes it."""
    document = terms.document()
    deal = document.get("discount", {})
    reward = document.get("referrer_reward", {})
    return {
        "currency": terms.currency,
        "discount_kind": "none" if not deal else "percent" if "percent" in deal else "amount",
        "discount_percent": deal.get("percent", ""),
        "discount_cap": deal.get("cap", ""),
        "discount_amount": deal.get("amount", ""),
        "discount_min_invoice": document.get("discount_min_invoice", ""),
        "referee_reward": document.get("referee_reward", {}).get("amount", ""),
        "reward_kind": next((kind for kind in ("amount", "percent", "service") if kind in reward), "none"),
        "referrer_reward": reward.get("amount", ""),
        "reward_as": ",".join(terms.kinds),
        "min_payout": document.get("min_payout", ""),
        "yearly_limit": document.get("yearly_limit", ""),
        "reward_percent": reward.get("percent", ""),
        "reward_cap": reward.get("cap", ""),
        "service_name": reward.get("service", {}).get("name", ""),
        "service_value": reward.get("service", {}).get("value", ""),
        **{f"tier_from_{row}": str(tier.start) for row, tier in enumerate(terms.tiers)},
        **{f"tier_reward_{row}": _promise_typed(tier.promise) for row, tier in enumerate(terms.tiers)},
        **{f"milestone_at_{row}": str(one.at) for row, one in enumerate(terms.milestones)},
        **{f"milestone_amount_{row}": f"{one.amount.amount:f}" for row, one in enumerate(terms.milestones)},
        **{name: document.get(name, "") for name in ("min_paid", "hold_days", "qualify_within_days")},
        "credit_expires_days": document.get("credit_expires_days", ""),
        "qualifies_on": terms.qualifies_on,
        "approval": terms.approval,
        **{f"limit_{name}": value for name, value in document.get("limits", {}).items()},
        "auto_apply_credit": "y" if terms.auto_apply_credit else "",
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
