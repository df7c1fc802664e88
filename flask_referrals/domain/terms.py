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


@dataclass(frozen=True, slots=True)
class Discount:
    """What the referee gets off the first invoice: a percentage with an optional cap, or a flat amount."""

    percent: Decimal | None = None
    cap: Money | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a referral made under these terms is promised, for good (T5). Money is in `currency` throughout (M4)."""

    currency: str
    discount: Discount | None = None
    discount_min_invoice: Money | None = None
    referee_reward: Money | None = None
    referrer_reward: Money
    min_paid: Money | None = None
    accept_codes_at: tuple[Point, ...] = POINTS

    def document(self) -> dict[str, Any]:
        """The terms as plain data for the table: amounts and percentages as decimal texts, absent keys for 'none'."""
        found: dict[str, Any] = {
            "currency": self.currency,
            "referrer_reward": {"kinds": ["credit"], "amount": _text(self.referrer_reward)},
            "accept_codes_at": list(self.accept_codes_at),
        }
        if self.discount is not None:
            found["discount"] = _dropped_none(
                percent=None if self.discount.percent is None else f"{self.discount.percent:f}",
                cap=_text(self.discount.cap),
                amount=_text(self.discount.amount),
            )
        if self.referee_reward is not None:
            found["referee_reward"] = {"amount": _text(self.referee_reward)}
        return found | _dropped_none(
            discount_min_invoice=_text(self.discount_min_invoice), min_paid=_text(self.min_paid)
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


def _dropped_none(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}


_KEYS = (
    "currency",
    "discount",
    "discount_min_invoice",
    "referee_reward",
    "referrer_reward",
    "min_paid",
    "accept_codes_at",
)


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
        try:
            return Discount(percent=parse_percent(percent), cap=self.money("discount.cap", given.get("cap")))
        except MoneyError as error:
            self.wrong["discount.percent"] = str(error)
            return None

    def points(self) -> tuple[Point, ...]:
        given = self.document.get("accept_codes_at", list(POINTS))
        found = tuple(point for point in POINTS if point in given)
        if not found or len(found) != len(set(given)):
            self.wrong["accept_codes_at"] = f"choose at least one of {', '.join(POINTS)}"
        return found

    def referrer_reward(self) -> Money | None:
        given = self.document.get("referrer_reward") or {}
        if list(given.get("kinds", ["credit"])) != ["credit"]:
            self.wrong["referrer_reward.kinds"] = "a reward is account credit"
        if given.get("amount") is None:
            self.wrong["referrer_reward.amount"] = "say how much the referrer gets"
        return self.money("referrer_reward.amount", given.get("amount"))

    def known(self) -> None:
        for name in self.document:
            if name not in _KEYS:
                self.wrong[name] = f"there is no such term; the terms are {', '.join(_KEYS)}"

    def terms(self) -> Terms:
        self.known()
        referrer_reward = self.referrer_reward()
        discount = self.discount()
        referee_reward = self.money("referee_reward.amount", (self.document.get("referee_reward") or {}).get("amount"))
        discount_min_invoice = self.money("discount_min_invoice", self.document.get("discount_min_invoice"))
        min_paid = self.money("min_paid", self.document.get("min_paid"))
        points = self.points()
        if self.wrong or referrer_reward is None:
            raise TermsError(self.wrong)
        return Terms(
            currency=self.currency,
            discount=discount,
            discount_min_invoice=discount_min_invoice,
            referee_reward=referee_reward,
            referrer_reward=referrer_reward,
            min_paid=min_paid,
            accept_codes_at=points,
        )
