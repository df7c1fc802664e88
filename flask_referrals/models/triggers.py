"""The triggers that keep the ledger, the log and the terms append-only, and that carry accounts forward (K1, L1).

One list per database: the migration and `create_all` run the same statements, and `doctor` looks for the names.
"""

from __future__ import annotations

from collections.abc import Iterator

#: Tables of which no row may ever change or go, but for the columns named.
APPEND_ONLY: dict[str, tuple[str, ...]] = {
    "referrals_ledger": (),
    "referrals_terms": (),
    "referrals_activity": ("waits", "claimed_until", "delivered_at", "mail_at", "mail_tries", "unrolled"),
}
#: The columns of the activity log, beside its `data`, that must stay as they were written.
_FIXED_ACTIVITY = (
    "id", "org", "client_id", "other_id", "kind", "at", "actor", "referral_id", "invoice_id", "terms_id",
    "amount_minor", "currency", "announces",
)  # fmt: skip
_CARRY = "referrals_ledger_carry"
#: The functions that PostgreSQL's triggers call.
FUNCTIONS = ("referrals_refuse", "referrals_carry", "referrals_count")
#: The triggers that count rewards for the limits, by the verb that fires them.
_COUNTS = {"insert": "referrals_reward_made", "update": "referrals_reward_moved"}
_MISFIT = "referrals: this ledger entry does not follow its account"


def names(dialect: str) -> list[str]:
    """The names of all triggers that must be there."""
    verbs = ("update", "delete", "truncate") if dialect == "postgresql" else ("update", "delete")
    return [*sorted(f"{table}_no_{verb}" for table in APPEND_ONLY for verb in verbs), _CARRY, *_COUNTS.values()]


def create(dialect: str) -> list[str]:
    """The statements that make the triggers, for `sqlite`, `postgresql`, or `mysql`/`mariadb`."""
    return list(_MAKERS[dialect]())


def drop(dialect: str) -> list[str]:
    """The statements that take the triggers away again."""
    if dialect != "postgresql":
        return [f"DROP TRIGGER IF EXISTS {name}" for name in names(dialect)]
    found = [f"DROP TRIGGER IF EXISTS {name} ON {_table_of(name)}" for name in names(dialect)]
    return [*found, *(f"DROP FUNCTION IF EXISTS {name}()" for name in FUNCTIONS)]


def _table_of(name: str) -> str:
    if name in _COUNTS.values():
        return "referrals_reward"
    return "referrals_ledger" if name == _CARRY else name.rsplit("_no_", 1)[0]


def _count(verb: str) -> str:
    """The statements that carry a reward's step into its referrer's counts and the org's used budget (L1).

    The counts that are set from `month` come before it, since MariaDB sees what was set already.
    """
    waits = "{0}.state = 'pending' AND {0}.waits_for = 'limit'"
    issued = "{0}.state = 'issued'"
    kept = "CASE WHEN {0}.state = 'issued' THEN {0}.amount_minor - {0}.taken_minor ELSE 0 END"
    queued = f"CASE WHEN {waits} AND {{0}}.reason = 'budget' THEN 1 ELSE 0 END"

    def step(what: str) -> str:
        new, old = what.format("NEW"), what.format("OLD")
        return new if verb == "insert" else f"({new}) - ({old})"

    was = issued.format("OLD") if verb == "update" else "1 = 0"
    came = f"{issued.format('NEW')} AND NOT ({was})"
    went = f"{was} AND NOT ({issued.format('NEW')})"
    gone = "OLD.issued_month" if verb == "update" else "''"
    year = "SUBSTR({0}, 1, 4)"
    return (
        "UPDATE referrals_account SET"
        f" issued = issued + {step(f'CASE WHEN {issued} THEN 1 ELSE 0 END')},"
        f" waiting = waiting + {step(f'CASE WHEN {waits} THEN 1 ELSE 0 END')},"
        f" in_year = CASE WHEN {came} THEN CASE"
        f" WHEN {year.format('month')} = {year.format('NEW.issued_month')} THEN in_year + 1"
        " WHEN month < NEW.issued_month THEN 1 ELSE in_year END"
        f" WHEN {went} AND {year.format('month')} = {year.format(gone)} THEN in_year - 1 ELSE in_year END,"
        f" in_month = CASE WHEN {came} THEN CASE WHEN month = NEW.issued_month THEN in_month + 1"
        " WHEN month < NEW.issued_month THEN 1 ELSE in_month END"
        f" WHEN {went} AND month = {gone} THEN in_month - 1 ELSE in_month END,"
        f" month = CASE WHEN {came} AND month < NEW.issued_month THEN NEW.issued_month ELSE month END"
        " WHERE org = NEW.org AND client_id = NEW.client_id AND currency = '' AND NEW.beneficiary = 'referrer';"
        f" UPDATE referrals_account SET issued = issued + {step(kept)}, waiting = waiting + {step(queued)}"
        " WHERE org = NEW.org AND client_id = '' AND currency = NEW.currency;"
    )


def _refusals() -> Iterator[tuple[str, str, str, bool]]:
    """Name, table, verb, and whether changes of the delivery columns are let through."""
    for table, open_columns in APPEND_ONLY.items():
        for verb in ("update", "delete"):
            yield f"{table}_no_{verb}", table, verb, bool(open_columns) and verb == "update"


def _sqlite() -> Iterator[str]:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in (*_FIXED_ACTIVITY, "data"))
    for name, table, verb, partly in _refusals():
        when = f" WHEN {changed}" if partly else ""
        yield (
            f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table}{when}"
            f" BEGIN SELECT RAISE(ABORT, 'referrals: {table} is append-only'); END"
        )
    yield (
        f"CREATE TRIGGER {_CARRY} AFTER INSERT ON referrals_ledger BEGIN"
        f" SELECT RAISE(ABORT, '{_MISFIT}') WHERE NOT EXISTS (SELECT 1 FROM referrals_account"
        " WHERE id = NEW.account_id AND seq = NEW.seq - 1 AND balance + NEW.amount = NEW.balance);"
        " UPDATE referrals_account SET balance = NEW.balance, seq = NEW.seq, head = NEW.hash WHERE id = NEW.account_id;"
        " END"
    )
    for verb, name in _COUNTS.items():
        yield f"CREATE TRIGGER {name} AFTER {verb.upper()} ON referrals_reward BEGIN {_count(verb)} END"


def _postgresql() -> Iterator[str]:
    yield (
        "CREATE OR REPLACE FUNCTION referrals_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION USING MESSAGE = 'referrals: ' || TG_TABLE_NAME || ' is append-only',"
        " ERRCODE = 'restrict_violation'; END $$"
    )
    yield (
        "CREATE OR REPLACE FUNCTION referrals_carry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE referrals_account SET balance = NEW.balance, seq = NEW.seq, head = NEW.hash"
        " WHERE id = NEW.account_id AND seq = NEW.seq - 1 AND balance + NEW.amount = NEW.balance;"
        f" IF NOT FOUND THEN RAISE EXCEPTION USING MESSAGE = '{_MISFIT}', ERRCODE = 'restrict_violation'; END IF;"
        " RETURN NULL; END $$"
    )
    fixed = (*_FIXED_ACTIVITY, "data::text")  # json itself cannot be compared
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in fixed)
    for name, table, verb, partly in _refusals():
        when = f" WHEN ({changed})" if partly else ""
        yield (
            f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table} FOR EACH ROW{when}"
            " EXECUTE FUNCTION referrals_refuse()"
        )
    for table in APPEND_ONLY:
        yield f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION referrals_refuse()"
    yield f"CREATE TRIGGER {_CARRY} AFTER INSERT ON referrals_ledger FOR EACH ROW EXECUTE FUNCTION referrals_carry()"
    yield (
        "CREATE OR REPLACE FUNCTION referrals_count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP = 'INSERT' THEN {_count('insert')} ELSE {_count('update')} END IF; RETURN NULL; END $$"
    )
    for verb, name in _COUNTS.items():
        yield (
            f"CREATE TRIGGER {name} AFTER {verb.upper()} ON referrals_reward FOR EACH ROW"
            " EXECUTE FUNCTION referrals_count()"
        )


def _mariadb() -> Iterator[str]:
    fixed = (*_FIXED_ACTIVITY, "data")  # to the letter: the columns' collation takes 'a' for 'A'
    same = " AND ".join(f"BINARY NEW.{name} <=> BINARY OLD.{name}" for name in fixed)
    for name, table, verb, partly in _refusals():
        signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'referrals: {table} is append-only'"
        body = f"IF NOT ({same}) THEN {signal}; END IF" if partly else signal
        yield f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table} FOR EACH ROW BEGIN {body}; END"
    yield (
        f"CREATE TRIGGER {_CARRY} AFTER INSERT ON referrals_ledger FOR EACH ROW BEGIN"
        " UPDATE referrals_account SET balance = NEW.balance, seq = NEW.seq, head = NEW.hash"
        " WHERE id = NEW.account_id AND seq = NEW.seq - 1 AND balance + NEW.amount = NEW.balance;"
        f" IF ROW_COUNT() = 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{_MISFIT}'; END IF; END"
    )
    for verb, name in _COUNTS.items():
        yield f"CREATE TRIGGER {name} AFTER {verb.upper()} ON referrals_reward FOR EACH ROW BEGIN {_count(verb)} END"


_MAKERS = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mariadb, "mariadb": _mariadb}
