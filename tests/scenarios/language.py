"""The language of the stories (README.md) as data: what a head, each verb and each expectation may hold."""

from __future__ import annotations

from typing import Any

from .reading import (
    Reader,
    StoryError,
    amount,
    boolean,
    by_id,
    choice,
    each,
    moment,
    number,
    optional,
    record,
    text,
    whole,
)

CODE_WAYS = ("code_of", "code", "typo_of", "sloppy_code_of")
_CODE: dict[str, Reader] = dict.fromkeys(CODE_WAYS, text)
_SERVICE = record(needs={"name": text}, may={"value": amount})

TERMS: dict[str, Reader] = {
    "currency": text,
    "discount": record(may={"percent": amount, "amount": amount, "cap": amount}, one_of=("percent", "amount")),
    "discount_min_invoice": amount,
    "referee_reward": record(needs={"amount": amount}),
    "referrer_reward": record(
        needs={"kinds": each(choice("credit", "cash", "service"))},
        may={"amount": amount, "percent": amount, "cap": amount, "service": _SERVICE},
        one_of=("amount", "percent", "service"),
    ),
    "tiers": each(
        record(
            needs={"from": whole},
            may={"amount": amount, "percent": amount, "service": _SERVICE},
            one_of=("amount", "percent", "service"),
        )
    ),
    "milestones": each(record(needs={"at": whole, "amount": amount})),
    "qualifies_on": choice("first_paid_invoice", "registration"),
    "min_paid": amount,
    "hold_days": whole,
    "qualify_within_days": whole,
    "credit_expires_days": whole,
    "approval": choice("none", "flagged", "all"),
    "limits": record(may={"per_month": whole, "per_year": whole, "total": whole, "budget": amount}),
    "accept_codes_at": each(choice("link", "registration", "invoice")),
    "auto_apply_credit": boolean,
    "min_payout": amount,
}
HEAD = record(
    needs={
        "title": text,
        "clock": moment,
        "terms": record(needs={"currency": text}, may=TERMS),
        "steps": each(lambda value, where: value),
    },
    may={"orgs": each(text)},
)


def _step(*, needs: dict[str, Reader] | None = None, may: dict[str, Reader] | None = None, **options: Any) -> Reader:
    return record(needs=needs, may={**(may or {}), "org": text}, **options)


def _advance(value: Any, where: str) -> dict[str, Any]:
    found: dict[str, Any] = _step(may={"days": number, "hours": number, "to": moment})(value, where)
    if ("to" in found) is bool({"days", "hours"} & set(found)):
        raise StoryError(f"{where}: say days, hours or to")
    return found


_PERSON: dict[str, Reader] = {"id": text, "name": text, "email": text}
_LINE = record(needs={"amount": amount}, may={"tax_percent": amount, "service": text})
_OF_CLIENT = _step(needs={"client": text})
_OF_INVOICE = _step(needs={"invoice": text})
_DECISION = _step(needs={"referee": text}, may={"reason": text})

VERBS: dict[str, Reader] = {
    "client": _step(needs=_PERSON, may={"phone": text, "has_paid": boolean}),
    "register": _step(needs=_PERSON, may={"phone": text, "browser": text, **_CODE}, at_most_one_of=CODE_WAYS),
    "visit": _step(needs={"link_of": text, "browser": text}),
    "invite": _step(needs={"from": text, "email": text}),
    "invoice": _step(
        needs={"id": text, "client": text},
        may={"subtotal": amount, "tax_percent": amount, "currency": text, "lines": each(_LINE)},
        one_of=("subtotal", "lines"),
    ),
    "change_invoice": _step(needs={"id": text, "subtotal": amount}),
    "enter_code": _step(needs={"client": text, "invoice": text}, may=_CODE, one_of=CODE_WAYS),
    "pay": _step(needs={"invoice": text}, may={"amount": amount}),
    "refund": _step(needs={"invoice": text}, may={"amount": amount}),
    "dispute_lost": _OF_INVOICE,
    "void": _OF_INVOICE,
    "repeat": optional(_step()),
    "use_credit": _step(needs={"client": text, "invoice": text}, may={"amount": amount}),
    "take_off_credit": _OF_INVOICE,
    "use_voucher": _step(needs={"client": text, "invoice": text}),
    "choose": _step(needs={"client": text, "kind": choice("credit", "cash")}),
    "link_bank": _OF_CLIENT,
    "stripe_fails": _step(
        needs={
            "next": each(
                choice(
                    "rate_limit",
                    "server_error",
                    "timeout_but_done",
                    "timeout_not_done",
                    "account_closed",
                    "low_balance",
                )
            )
        }
    ),
    "payout_lands": _OF_CLIENT,
    "payout_bounces": _OF_CLIENT,
    "set_terms": _step(may={**{name: optional(reader) for name, reader in TERMS.items()}, "from": moment}),
    "switch": _step(needs={"program": choice("on", "off")}),
    "advance": _advance,
    "approve": _DECISION,
    "refuse": _DECISION,
    "reject": _DECISION,
    "attribute": _step(needs={"referee": text, "referrer": text}, may={"note": text}),
    "vanity": _step(needs={"client": text, "code": text}),
    "disable_code": _OF_CLIENT,
    "block": _OF_CLIENT,
    "adjust": _step(needs={"client": text, "amount": amount}, may={"note": text}),
}

EXPECT: dict[str, Reader] = {
    "last": lambda value, where: "ok" if value == "ok" else record(needs={"refused": text})(value, where),
    "referral": by_id(optional(record(may={"state": text, "referrer": text, "via": text, "n": optional(whole)}))),
    "discount": by_id(amount),
    "total": by_id(amount),
    "due": by_id(amount),
    "rewards": by_id(
        each(
            record(
                may={
                    "kind": text,
                    "amount": amount,
                    "state": text,
                    "waits_for": optional(text),
                    "service": text,
                    "reason": optional(text),
                }
            )
        )
    ),
    "credit": by_id(amount),
    "held": by_id(amount),
    "payouts": by_id(each(record(may={"amount": amount, "state": text, "reason": optional(text)}))),
    "transfers": by_id(amount),
    "vouchers": by_id(each(record(may={"service": text, "state": text}))),
    "activity": by_id(each(text)),
    "notified": by_id(each(text)),
    "visits": by_id(whole),
    "ledger_verifies": boolean,
}
STEPS: dict[str, Reader] = {**VERBS, "expect": _step(may=EXPECT)}
