"""Terms: one immutable version of what the program promises (T2), and which version is in force (T3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from ..errors import MoneyError, TermsError
from ..money import Money, digits, parse_percent

Point = Literal["link", "registration", "invoice"]
#: Where a code may be entered, in the order in which a new client comes by them (T2).
POINTS: tuple[Point, ...] = ("link", "registration", "invoice")
Event = Literal["first_paid_invoice", "registration"]
#: What may qualify a referral (R1).
EVENTS: tuple[Event, ...] = ("first_paid_invoice", "registration")
Approval = Literal["none", "flagged", "all"]
#: Which rewards staff must approve (R8).
APPROVALS: tuple[Approval, ...] = ("none", "flagged", "all")
Kind = Literal["credit", "cash"]
#: As what a client may get a reward of money (R6).
KINDS: tuple[Kind, ...] = ("credit", "cash")
#: No number of days, referrals or rewards in the terms is larger.
MOST = 36500


@dataclass(frozen=True, slots=True)
class Discount:
    """What the referee gets off the first invoice: a percentage with an optional cap, or a flat amount."""

    percent: Decimal | None = None
    cap: Money | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A free service (R7): its name, and the most that it is worth on an invoice, if that is stated."""

    name: str
    value: Money | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """What a reward is: an amount, a percentage of what the qualifying invoice charges before tax, or a free service.

    Exactly one of the three is there; `cap` belongs to the percentage (R3).
    """

    amount: Money | None = None
    percent: Decimal | None = None
    cap: Money | None = None
    service: Service | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """From the `start`-th referral that stands qualified on, the referrer's reward is this (R2)."""

    start: int
    promise: Promise


@dataclass(frozen=True, slots=True)
class Milestone:
    """An extra reward once `at` referrals stand qualified (R3)."""

    at: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rewards one referrer may get, and how much all rewards together may come to (L1); None for no limit."""

    per_month: int | None = None
    per_year: int | None = None
    total: int | None = None
    budget: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a referral made under these terms is promised, for good (T5). Money is in `currency` throughout (M4).

    `kinds` says as what the referrer may get money, the default first (R6); the referee's reward is always credit.
    `approval`, `limits`, `auto_apply_credit`, `min_payout` and `yearly_limit` are those in force when they are needed,
    whatever the referral's (L1, P7): payouts are at least `min_payout`, and from `yearly_limit` on in a calendar year
    they wait for the client's tax details.
    """

    currency: str
    discount: Discount | None = None
    discount_min_invoice: Money | None = None
    referee_reward: Money | None = None
    referrer_reward: Promise | None = None
    kinds: tuple[Kind, ...] = ("credit",)
    tiers: tuple[Tier, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    qualifies_on: Event = "first_paid_invoice"
    min_paid: Money | None = None
    hold_days: int | None = None
    qualify_within_days: int | None = None
    credit_expires_days: int | None = None
    approval: Approval = "none"
    limits: Limits = Limits()
    accept_codes_at: tuple[Point, ...] = POINTS
    auto_apply_credit: bool = False
    min_payout: Money | None = None
    yearly_limit: Money | None = None

    def document(self) -> dict[str, Any]:
        """The terms as plain data for the table: amounts and percentages as decimal texts, absent keys for 'none'."""
        found: dict[str, Any] = {"currency": self.currency, "accept_codes_at": list(self.accept_codes_at)}
        if self.discount is not None:
            found["discount"] = _dropped(
                percent=_decimal(self.discount.percent),
                cap=_text(self.discount.cap),
                amount=_text(self.discount.amount),
            )
        if self.referee_reward is not None:
            found["referee_reward"] = {"amount": _text(self.referee_reward)}
        if self.referrer_reward is not None:
            kinds = list(self.kinds) if self.referrer_reward.service is None else ["service"]
            found["referrer_reward"] = {"kinds": kinds, **_promise(self.referrer_reward)}
        if self.tiers:
            found["tiers"] = [{"from": tier.start, **_promise(tier.promise)} for tier in self.tiers]
        if self.milestones:
            found["milestones"] = [{"at": one.at, "amount": _text(one.amount)} for one in self.milestones]
        limits = self.limits
        counted = _dropped(per_month=limits.per_month, per_year=limits.per_year, total=limits.total)
        return found | _dropped(
            discount_min_invoice=_text(self.discount_min_invoice),
            qualifies_on=None if self.qualifies_on == "first_paid_invoice" else self.qualifies_on,
            min_paid=_text(self.min_paid),
            hold_days=self.hold_days,
            qualify_within_days=self.qualify_within_days,
            credit_expires_days=self.credit_expires_days,
            approval=None if self.approval == "none" else self.approval,
            limits=(counted | _dropped(budget=_text(limits.budget))) or None,
            auto_apply_credit=self.auto_apply_credit or None,
            min_payout=_text(self.min_payout),
            yearly_limit=_text(self.yearly_limit),
        )

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> Terms:
        """Terms from plain data, checked as a whole; TermsError says which fields are wrong, and why."""
        return _Reader(document).terms()


@dataclass(frozen=True, slots=True)
class Version:
    """One saved version: the terms, when they take effect (UTC), and when and by whom they were saved (T6)."""

    id: int
    org: str
    terms: Terms
    effective_from: datetime
    saved_at: datetime
    saved_by: str


def in_force(versions: Iterable[Version], at: datetime) -> Version | None:
    """The newest version whose `effective_from` is not after `at`; of equal ones the one saved later (T3)."""
    begun = [version for version in versions if version.effective_from <= at]
    return max(begun, key=lambda version: (version.effective_from, version.id), default=None)


def _text(money: Money | None) -> str | None:
    return None if money is None else f"{money.amount:f}"


def _decimal(percent: Decimal | None) -> str | None:
    return None if percent is None else f"{percent:f}"


def _promise(promise: Promise) -> dict[str, Any]:
    service = promise.service
    return _dropped(
        amount=_text(promise.amount),
        percent=_decimal(promise.percent),
        cap=_text(promise.cap),
        service=None if service is None else _dropped(name=service.name, value=_text(service.value)),
    )


def _is_choice(kinds: list[Any]) -> bool:
    return bool(kinds) and len(set(kinds)) == len(kinds) and set(kinds) <= set(KINDS)


def _dropped(**values: Any) -> dict[str, Any]:
    """Without what is None."""
    return {key: value for key, value in values.items() if value is not None}


_KEYS = (
    "currency", "discount", "discount_min_invoice", "referee_reward", "referrer_reward", "tiers", "milestones",
    "qualifies_on", "min_paid", "hold_days", "qualify_within_days", "credit_expires_days", "approval", "limits",
    "accept_codes_at", "auto_apply_credit", "min_payout", "yearly_limit",
)  # fmt: skip


class _Reader:
    """Reads a document field by field and collects what is wrong, so that a form can show all of it at once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.wrong: dict[str, str] = {}
        self.currency = str(document.get("currency") or "")
        try:
            digits(self.currency)
        except MoneyError as error:
            raise TermsError({"currency": str(error)}) from None

    def money(self, field: str, value: object) -> Money | None:
        if value is None:
            return None
        try:
            money = Money.of(value, self.currency)  # type: ignore[arg-type]
        except MoneyError as error:
            self.wrong[field] = str(error)
            return None
        if money.minor <= 0:
            self.wrong[field] = "an amount must be above zero; leave it empty for none"
            return None
        return money

    def percent(self, field: str, value: Any) -> Decimal | None:
        try:
            return None if value is None else parse_percent(value)
        except MoneyError as error:
            self.wrong[field] = str(error)
            return None

    def whole(self, field: str, value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST:
            self.wrong[field] = f"this is a whole number from 1 to {MOST}; leave it empty for none"
            return None
        return value

    def choice(self, field: str, among: tuple[str, ...]) -> Any:
        value = self.document.get(field) or among[0]
        if value not in among:
            self.wrong[field] = f"this is one of {', '.join(among)}"
            return among[0]
        return value

    def discount(self) -> Discount | None:
        given = self.document.get("discount")
        if not given:
            return None
        percent, amount = given.get("percent"), given.get("amount")
        if (percent is None) == (amount is None):
            self.wrong["discount"] = "a discount is either a percentage or an amount"
            return None
        if percent is None:
            if given.get("cap") is not None:
                self.wrong["discount.cap"] = "only a percentage has a cap"
            return Discount(amount=self.money("discount.amount", amount))
        found = self.percent("discount.percent", percent)
        return Discount(percent=found, cap=self.money("discount.cap", given.get("cap")))

    def points(self) -> tuple[Point, ...]:
        given = self.document.get("accept_codes_at", list(POINTS))
        found = tuple(point for point in POINTS if point in given)
        if not found or len(found) != len(set(given)):
            self.wrong["accept_codes_at"] = f"choose at least one of {', '.join(POINTS)}"
        return found

    def promise(self, field: str, given: Mapping[str, Any], cap: Money | None = None) -> Promise:
        """An amount, a percentage (of which `cap` is the most), or a service."""
        there = [name for name in ("amount", "percent", "service") if given.get(name) is not None]
        if len(there) != 1:
            text = "say how much the referrer gets: an amount, a percentage, or a free service"
            self.wrong[f"{field}.{there[0] if there else 'amount'}"] = text
            return Promise()
        if there == ["service"]:
            return Promise(service=self.service(f"{field}.service", given["service"]))
        if there == ["amount"]:
            return Promise(amount=self.money(f"{field}.amount", given["amount"]))
        percent = self.percent(f"{field}.percent", given["percent"])
        if self.document.get("qualifies_on") == "registration":
            self.wrong[f"{field}.percent"] = "a percentage is of an invoice, and at registration there is none"
        return Promise(percent=percent, cap=cap)

    def service(self, field: str, given: Mapping[str, Any]) -> Service | None:
        name = str(given.get("name") or "").strip()
        if not 0 < len(name) <= 100:
            self.wrong[f"{field}.name"] = "name the service, in at most 100 characters"
        return Service(name, self.money(f"{field}.value", given.get("value")))

    def referrer_reward(self) -> Promise | None:
        given = self.document.get("referrer_reward")
        if not given:
            return None
        kinds = list(given.get("kinds", ["credit"]))
        if kinds != ["service"] and not _is_choice(kinds):
            self.wrong["referrer_reward.kinds"] = "a reward is credit, cash, a choice of the two, or a free service"
        if (given.get("service") is not None) != (kinds == ["service"]):
            self.wrong["referrer_reward.kinds"] = "a free service, and nothing else, is named and may have a value"
        cap = self.money("referrer_reward.cap", given.get("cap"))
        if given.get("cap") is not None and not self._has_percent():
            self.wrong["referrer_reward.cap"] = "only a percentage has a cap"
        return self.promise("referrer_reward", given, cap)

    def kinds(self) -> tuple[Kind, ...]:
        given = list((self.document.get("referrer_reward") or {}).get("kinds", ["credit"]))
        return tuple(given) if _is_choice(given) else ("credit",)

    def _has_percent(self) -> bool:
        given = [self.document.get("referrer_reward") or {}, *(self.document.get("tiers") or ())]
        return any(one.get("percent") is not None for one in given)

    def tiers(self) -> tuple[Tier, ...]:
        cap = (self.document.get("referrer_reward") or {}).get("cap")
        most = None if cap is None else self.money("referrer_reward.cap", cap)
        found = []
        for position, given in enumerate(self.document.get("tiers") or ()):
            field = f"tiers.{position}"
            start = self.whole(f"{field}.from", given.get("from"))
            found.append(Tier(start or 0, self.promise(field, given, most)))
        self.no_twins("tiers", "from", [tier.start for tier in found])
        return tuple(sorted(found, key=lambda tier: tier.start))

    def milestones(self) -> tuple[Milestone, ...]:
        found = []
        for position, given in enumerate(self.document.get("milestones") or ()):
            field = f"milestones.{position}"
            at = self.whole(f"{field}.at", given.get("at"))
            amount = self.money(f"{field}.amount", given.get("amount"))
            if amount is None:
                self.wrong.setdefault(f"{field}.amount", "say how much the extra reward is")
            else:
                found.append(Milestone(at or 0, amount))
        self.no_twins("milestones", "at", [one.at for one in found])
        return tuple(sorted(found, key=lambda one: one.at))

    def no_twins(self, field: str, key: str, numbers: list[int]) -> None:
        for position, number in enumerate(numbers):
            if number and number in numbers[:position]:
                self.wrong[f"{field}.{position}.{key}"] = f"there is another one for {number} already"

    def limits(self) -> Limits:
        given = self.document.get("limits") or {}
        return Limits(
            per_month=self.whole("limits.per_month", given.get("per_month")),
            per_year=self.whole("limits.per_year", given.get("per_year")),
            total=self.whole("limits.total", given.get("total")),
            budget=self.money("limits.budget", given.get("budget")),
        )

    def known(self) -> None:
        for name in self.document:
            if name not in _KEYS:
                self.wrong[name] = f"there is no such term; the terms are {', '.join(_KEYS)}"

    def terms(self) -> Terms:
        self.known()
        document = self.document
        referrer_reward = self.referrer_reward()
        found = Terms(
            currency=self.currency,
            discount=self.discount(),
            discount_min_invoice=self.money("discount_min_invoice", document.get("discount_min_invoice")),
            referee_reward=self.money("referee_reward.amount", (document.get("referee_reward") or {}).get("amount")),
            referrer_reward=referrer_reward,
            kinds=self.kinds(),
            tiers=self.tiers(),
            milestones=self.milestones(),
            qualifies_on=self.choice("qualifies_on", EVENTS),
            min_paid=self.money("min_paid", document.get("min_paid")),
            hold_days=self.whole("hold_days", document.get("hold_days") or None),
            qualify_within_days=self.whole("qualify_within_days", document.get("qualify_within_days")),
            credit_expires_days=self.whole("credit_expires_days", document.get("credit_expires_days")),
            approval=self.choice("approval", APPROVALS),
            limits=self.limits(),
            accept_codes_at=self.points(),
            auto_apply_credit=bool(document.get("auto_apply_credit")),
            min_payout=self.money("min_payout", document.get("min_payout")),
            yearly_limit=self.money("yearly_limit", document.get("yearly_limit")),
        )
        if self.wrong:
            raise TermsError(self.wrong)
        return found
