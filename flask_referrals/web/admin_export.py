"""Referrals, rewards, credit and the log as CSV, streamed, and safe to open in a spreadsheet.

- `/export/<what>.csv`: `what` is `referrals`, `rewards`, `payouts`, `ledger` or `activity`; `from` and `to` are days
  in the org's time zone (`YYYY-MM-DD`), the last one included; empty for no bound
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from flask import Blueprint, Response, abort, request, stream_with_context
from sqlalchemy import Table, select

from ..adapters.state import State
from ..models import AccountRow, ActivityRow, LedgerRow, PayoutRow, ReferralRow, RewardRow
from ..money import Money
from .pages import for_staff

_ACCOUNT: Table = AccountRow.__table__  # type: ignore[assignment]
_LEDGER: Table = LedgerRow.__table__  # type: ignore[assignment]
#: The table of each export, the column that dates it, and the columns that go out.
_EXPORTS: dict[str, tuple[Table, str, tuple[str, ...]]] = {
    "referrals": (
        ReferralRow.__table__,  # type: ignore[dict-item]
        "attributed_at",
        (
            "id", "referrer_id", "referrer_name", "referee_id", "referee_name", "state", "via", "flags",
            "attributed_at", "qualified_at", "qualified_invoice_id", "discount_minor", "discount_currency",
            "discount_invoice_id", "terms_id",
        ),
    ),
    "rewards": (
        RewardRow.__table__,  # type: ignore[dict-item]
        "made_at",
        (
            "id", "referral_id", "client_id", "beneficiary", "cause", "kind", "service", "amount_minor", "taken_minor",
            "currency", "state", "waits_for", "reason", "n", "invoice_id", "made_at", "issued_at", "closed_at",
            "expires_at", "terms_id",
        ),
    ),
    "payouts": (
        PayoutRow.__table__,  # type: ignore[dict-item]
        "made_at",
        (
            "id", "client_id", "amount_minor", "currency", "state", "reason", "reversed_minor", "owed_minor", "made_at",
            "sent_at", "paid_at", "destination", "transfer_id",
        ),
    ),
    "ledger": (
        _LEDGER,
        "at",
        (
            "id", "client_id", "seq", "at", "reason", "amount", "balance", "currency", "invoice_id", "referral_id",
            "actor",
        ),
    ),
    "activity": (
        ActivityRow.__table__,  # type: ignore[dict-item]
        "at",
        (
            "id", "at", "kind", "client_id", "other_id", "amount_minor", "currency", "invoice_id", "referral_id",
            "terms_id", "actor", "data",
        ),
    ),
}  # fmt: skip
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def add_to(blueprint: Blueprint) -> None:
    """Add the address to the staff's blueprint."""
    blueprint.add_url_rule("/export/<what>.csv", "export", _export)


@for_staff
def _export(state: State, org: str, what: str) -> Response:
    """The rows of one kind, oldest first, as they come from the database."""
    if what not in _EXPORTS:
        abort(404)
    table, dated, names = _EXPORTS[what]
    zone = state.host.timezone(org)
    query = select(*(_column(table, name) for name in names)).order_by(table.c.id)
    if table is _LEDGER:
        query = query.join(_ACCOUNT, _ACCOUNT.c.id == _LEDGER.c.account_id).where(_ACCOUNT.c.org == org)
    else:
        query = query.where(table.c.org == org)
    start, end = _day("from", zone), _day("to", zone)
    if start is not None:
        query = query.where(table.c[dated] >= start)
    if end is not None:
        query = query.where(table.c[dated] < end + timedelta(days=1))
    rows = state.session().connection().execution_options(yield_per=500).execute(query)
    response = Response(stream_with_context(_lines(names, rows, zone)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename=referrals-{what}.csv"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _column(table: Table, name: str) -> Any:
    return table.c[name] if name in table.c else _ACCOUNT.c[name]


def _day(name: str, zone: tzinfo) -> datetime | None:
    """The beginning of the day that was asked for; 400 for what is no day."""
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        abort(400, f"Write the day in `{name}` as 2026-01-31.")


def _lines(names: tuple[str, ...], rows: Any, zone: tzinfo) -> Iterator[str]:
    """The head, then each row; amounts as decimals, times in the org's time zone."""
    yield _line([name.removesuffix("_minor") for name in names])
    for row in rows:
        yield _line([_text(name, value, row._mapping, zone) for name, value in zip(names, row, strict=True)])


def _text(name: str, value: Any, row: Any, zone: tzinfo) -> str:
    if value is None:
        return ""
    if name.endswith("_minor") or name in ("amount", "balance"):
        currency = row.get("currency") or row.get("discount_currency")
        return f"{Money(value, currency).amount:f}" if currency else ""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(sep=" ", timespec="seconds")
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return safe(text)


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: list[str]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow(cells)
    return file.getvalue()
