"""The floors: the same durable writes as ours, by the driver alone, with statements that are ready."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

import psycopg
from sqlalchemy import make_url

from .app import ORG, durable

REFERRAL = (
    "org, referee_id, referrer_id, referee_name, referrer_name, live, state, epoch, via, code_id, touched_at,"
    " attributed_at, terms_id, discount_minor"
)
ACTIVITY = (
    "org, client_id, other_id, kind, at, actor, referral_id, invoice_id, terms_id, amount_minor, currency, data,"
    " announces, waits, delivered_at"
)
STATEMENTS = {
    "facts": "SELECT c.id, c.client_id, c.active, p.enabled, p.revision, r.id FROM (SELECT 1 AS one) o"
    " LEFT JOIN referrals_code c ON c.org = ? AND c.key = ? LEFT JOIN referrals_program p ON p.org = ?"
    " LEFT JOIN referrals_referral r ON r.org = ? AND r.referee_id = ? AND r.live = 1",
    "refer": f"INSERT INTO referrals_referral ({REFERRAL}) VALUES ({', '.join('?' * 14)})"
    " ON CONFLICT DO NOTHING RETURNING id",
    "count": "INSERT INTO referrals_account (org, client_id, currency, balance, held, seq, head, referred, qualified)"
    " VALUES (?, ?, '', 0, 0, 0, '', 1, 0) ON CONFLICT (org, client_id, currency)"
    " DO UPDATE SET referred = referrals_account.referred + 1 RETURNING id",
    "ties": "SELECT r.id, r.referrer_id, r.state, r.epoch, r.terms_id, h.id FROM (SELECT 1 AS one) o"
    " LEFT JOIN referrals_referral r ON r.org = ? AND r.referee_id = ? AND r.live = 1"
    " LEFT JOIN referrals_hold h ON h.org = ? AND h.invoice_id = ? AND h.live = 1",
    "claim": "UPDATE referrals_referral SET state = 'qualified', epoch = epoch + 1, qualified_at = ?,"
    " qualified_invoice_id = ? WHERE id = ? AND state = 'pending'",
    "open": "INSERT INTO referrals_account (org, client_id, currency, balance, held, seq, head, referred, qualified)"
    " VALUES (?, ?, '', 0, 0, 0, '', 0, 1), (?, ?, 'USD', 0, 0, 0, '', 0, 0) ON CONFLICT (org, client_id, currency)"
    " DO UPDATE SET qualified = referrals_account.qualified + excluded.qualified"
    " RETURNING id, currency, balance, seq, head, qualified",
    "reward": "INSERT INTO referrals_reward (org, referral_id, epoch, beneficiary, cause, client_id, kind,"
    " amount_minor, currency, state, n, terms_id, invoice_id, made_at, issued_at)"
    " VALUES (?, ?, 1, 'referrer', 'base', ?, 'credit', 5000, 'USD', 'issued', ?, ?, ?, ?, ?) RETURNING id",
    "entry": "INSERT INTO referrals_ledger (account_id, seq, amount, balance, reason, key, referral_id, invoice_id,"
    " actor, at, hash) VALUES (?, ?, 5000, ?, 'reward', ?, ?, ?, 'host', ?, ?)",
    "log": f"INSERT INTO referrals_activity ({ACTIVITY}) VALUES ({', '.join('?' * 15)})",
}


class Floor(Protocol):
    """The same work as ours, by the driver alone."""

    def attribute(self, referee: str, key: str) -> None:
        """Bind a referee to the owner of a code."""

    def paid(self, invoice: str, referee: str) -> None:
        """Reward the referrer of a payment."""


class _Floor:
    """What both drivers have in common."""

    stamp: Any

    def run(self, name: str, *values: Any) -> list[Any]:
        raise NotImplementedError

    def many(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        raise NotImplementedError

    def begin(self) -> None:
        raise NotImplementedError

    def commit(self) -> None:
        raise NotImplementedError

    def now(self) -> Any:
        raise NotImplementedError

    def attribute(self, referee: str, key: str) -> None:
        """Look, insert, count, log twice."""
        now = self.now()
        self.begin()
        [(code_id, referrer, *_)] = self.run("facts", ORG, key, ORG, ORG, referee)
        names = ("Some Body", "Some Body")
        [(found,)] = self.run("refer", ORG, referee, referrer, *names, 1, "pending", 0, "code", code_id, now, now, 1, 0)
        self.run("count", ORG, referrer)
        data = json.dumps({"via": "code", "code": key})
        self.many(
            "log",
            [
                (ORG, referrer, referee, "attributed", now, "host", found, None, 1, None, None, data, True, 1, None),
                (ORG, referee, referrer, "attributed", now, "host", found, None, 1, None, None, data, False, None, now),
            ],
        )
        self.commit()

    def paid(self, invoice: str, referee: str) -> None:
        """Look, claim, lock and count, reward, book, log four lines."""
        now = self.now()
        self.begin()
        [(referral, referrer, _, _, terms, _)] = self.run("ties", ORG, referee, ORG, invoice)
        self.run("claim", now, invoice, referral)
        accounts = {row[1]: row for row in self.run("open", ORG, referrer, ORG, referrer)}
        account, _, balance, seq, head, _ = accounts["USD"]
        n = accounts[""][5]
        [(reward,)] = self.run("reward", ORG, referral, referrer, n, terms, invoice, now, now)
        key = f"reward:{reward}:issue"
        digest = sha256(json.dumps([head, ORG, referrer, "USD", seq + 1, 5000, balance + 5000, key]).encode())
        self.run("entry", account, seq + 1, balance + 5000, key, referral, invoice, now, digest.hexdigest())
        told, quiet = (True, 1, None), (False, None, now)
        data = json.dumps({"n": n})
        lines = [
            (ORG, one, other, kind, now, "host", referral, invoice, terms, amount, money, data, *mark)
            for kind, amount, money in (("qualified", None, None), ("reward_issued", 5000, "USD"))
            for one, other, mark in ((referrer, referee, told), (referee, referrer, quiet))
        ]
        self.many("log", lines)
        self.commit()


class PostgreSQL(_Floor):
    """psycopg, statements prepared on the server."""

    def __init__(self, url: str) -> None:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.connection = psycopg.connect(address, prepare_threshold=0)
        self.cursor = self.connection.cursor()
        self.statements = {name: text.replace("?", "%s") for name, text in STATEMENTS.items()}

    def run(self, name: str, *values: Any) -> list[Any]:
        self.cursor.execute(self.statements[name], values)
        return self.cursor.fetchall() if self.cursor.description else []

    def many(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        self.cursor.executemany(self.statements[name], rows)

    def begin(self) -> None:
        """psycopg begins by itself."""

    def commit(self) -> None:
        self.connection.commit()

    def now(self) -> datetime:
        return datetime.now(UTC)


class SQLite(_Floor):
    """The standard library's sqlite3, every commit on the disk."""

    def __init__(self, url: str) -> None:
        database = make_url(url).database
        assert database is not None
        self.connection = sqlite3.connect(database, isolation_level=None)
        durable(self.connection)

    def run(self, name: str, *values: Any) -> list[Any]:
        return self.connection.execute(STATEMENTS[name], values).fetchall()

    def many(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        self.connection.executemany(STATEMENTS[name], rows)

    def begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.connection.execute("COMMIT")

    def now(self) -> str:
        return datetime.now(UTC).replace(tzinfo=None).isoformat(" ")


FLOORS: dict[str, type[PostgreSQL] | type[SQLite]] = {"postgresql": PostgreSQL, "sqlite": SQLite}
