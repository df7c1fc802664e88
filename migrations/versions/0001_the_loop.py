"""The loop: terms, codes, referrals, rewards, accounts with their ledger, holds, the log, and all their triggers."""

# A revision stands for itself: it imports nothing of flask_referrals, so that history never changes with the code. That
# goes for the triggers too: those of models/triggers.py may name columns one day that are not here yet. A test compares
# what both make.

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REF = sa.String(100).with_variant(mysql.VARCHAR(100, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
KEY = sa.String(191).with_variant(mysql.VARCHAR(191, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
WORD = sa.String(40)
NAME = sa.String(200)
CURRENCY = sa.String(3)
HASH = sa.String(64)
MINOR = sa.BigInteger()
TIME = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

TABLES = (
    "referrals_account",
    "referrals_activity",
    "referrals_block",
    "referrals_code",
    "referrals_program",
    "referrals_retry",
    "referrals_terms",
    "referrals_hold",
    "referrals_ledger",
    "referrals_referral",
    "referrals_reward",
)
APPEND_ONLY = ("referrals_ledger", "referrals_terms", "referrals_activity")
FIXED_ACTIVITY = (
    "id", "org", "client_id", "other_id", "kind", "at", "actor", "referral_id", "invoice_id", "terms_id",
    "amount_minor", "currency", "announces",
)  # fmt: skip
MISFIT = "referrals: this ledger entry does not follow its account"


def upgrade() -> None:
    """Make everything."""
    op.create_table(
        "referrals_account",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("currency", CURRENCY, nullable=False),
        sa.Column("balance", MINOR, nullable=False),
        sa.Column("held", MINOR, nullable=False),
        sa.Column("seq", MINOR, nullable=False),
        sa.Column("head", HASH, nullable=False),
        sa.Column("referred", sa.Integer(), nullable=False),
        sa.Column("qualified", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_account"),
        sa.UniqueConstraint("org", "client_id", "currency", name="uq_referrals_account_owner"),
        sa.CheckConstraint("held >= 0", name="ck_referrals_account_held"),
        sa.CheckConstraint("qualified >= 0", name="ck_referrals_account_qualified"),
    )
    op.create_table(
        "referrals_activity",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("other_id", REF, nullable=True),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("referral_id", ID, nullable=True),
        sa.Column("invoice_id", REF, nullable=True),
        sa.Column("terms_id", ID, nullable=True),
        sa.Column("amount_minor", MINOR, nullable=True),
        sa.Column("currency", CURRENCY, nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("announces", sa.Boolean(), nullable=False),
        sa.Column("waits", sa.Integer(), nullable=True),
        sa.Column("claimed_until", TIME, nullable=True),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_activity"),
    )
    op.create_index("ix_referrals_activity_client", "referrals_activity", ["org", "client_id", "id"])
    op.create_index("ix_referrals_activity_referral", "referrals_activity", ["referral_id", "id"])
    op.create_index("ix_referrals_activity_waits", "referrals_activity", ["waits", "id"])
    op.create_table(
        "referrals_block",
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("blocked_at", TIME, nullable=False),
        sa.Column("blocked_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("org", "client_id", name="pk_referrals_block"),
    )
    op.create_table(
        "referrals_code",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("text", KEY, nullable=False),
        sa.Column("current", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_code"),
        sa.UniqueConstraint("org", "client_id", "current", name="uq_referrals_code_current"),
        sa.UniqueConstraint("org", "key", name="uq_referrals_code_key"),
    )
    op.create_table(
        "referrals_program",
        sa.Column("org", REF, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org", name="pk_referrals_program"),
    )
    op.create_table(
        "referrals_retry",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("verb", WORD, nullable=False),
        sa.Column("subject_id", REF, nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("next_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_retry"),
        sa.UniqueConstraint("org", "verb", "subject_id", name="uq_referrals_retry_once"),
    )
    op.create_index("ix_referrals_retry_next", "referrals_retry", ["next_at", "id"])
    op.create_table(
        "referrals_terms",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("effective_from", TIME, nullable=False),
        sa.Column("saved_at", TIME, nullable=False),
        sa.Column("saved_by", NAME, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_terms"),
    )
    op.create_index("ix_referrals_terms_org", "referrals_terms", ["org", "effective_from", "id"])
    op.create_table(
        "referrals_hold",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("invoice_id", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("amount_minor", MINOR, nullable=False),
        sa.Column("currency", CURRENCY, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("live", sa.Integer(), nullable=True),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_hold"),
        sa.UniqueConstraint("org", "invoice_id", "live", name="uq_referrals_hold_live"),
        sa.ForeignKeyConstraint(["account_id"], ["referrals_account.id"], name="fk_referrals_hold_account"),
        sa.CheckConstraint("amount_minor >= 0", name="ck_referrals_hold_amount"),
    )
    op.create_index("ix_referrals_hold_account", "referrals_hold", ["account_id", "id"])
    op.create_table(
        "referrals_ledger",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("seq", MINOR, nullable=False),
        sa.Column("amount", MINOR, nullable=False),
        sa.Column("balance", MINOR, nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("referral_id", ID, nullable=True),
        sa.Column("invoice_id", REF, nullable=True),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("hash", HASH, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_ledger"),
        sa.UniqueConstraint("key", name="uq_referrals_ledger_key"),
        sa.UniqueConstraint("account_id", "seq", name="uq_referrals_ledger_seq"),
        sa.ForeignKeyConstraint(["account_id"], ["referrals_account.id"], name="fk_referrals_ledger_account"),
        sa.CheckConstraint("amount <> 0", name="ck_referrals_ledger_amount"),
    )
    op.create_table(
        "referrals_referral",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("referee_id", REF, nullable=False),
        sa.Column("referrer_id", REF, nullable=False),
        sa.Column("referee_name", NAME, nullable=False),
        sa.Column("referrer_name", NAME, nullable=False),
        sa.Column("live", sa.Integer(), nullable=True),
        sa.Column("state", WORD, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("via", WORD, nullable=False),
        sa.Column("code_id", ID, nullable=True),
        sa.Column("touched_at", TIME, nullable=False),
        sa.Column("attributed_at", TIME, nullable=False),
        sa.Column("terms_id", ID, nullable=False),
        sa.Column("discount_invoice_id", REF, nullable=True),
        sa.Column("discount_minor", MINOR, nullable=False),
        sa.Column("discount_currency", CURRENCY, nullable=True),
        sa.Column("qualified_at", TIME, nullable=True),
        sa.Column("qualified_invoice_id", REF, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_referral"),
        sa.UniqueConstraint("org", "referee_id", "live", name="uq_referrals_referral_live"),
        sa.ForeignKeyConstraint(["code_id"], ["referrals_code.id"], name="fk_referrals_referral_code"),
        sa.ForeignKeyConstraint(["terms_id"], ["referrals_terms.id"], name="fk_referrals_referral_terms"),
        sa.CheckConstraint("discount_minor >= 0", name="ck_referrals_referral_discount"),
        sa.CheckConstraint("referrer_id <> referee_id", name="ck_referrals_referral_not_self"),
    )
    op.create_index("ix_referrals_referral_referrer", "referrals_referral", ["org", "referrer_id", "id"])
    op.create_index("ix_referrals_referral_state", "referrals_referral", ["org", "state", "id"])
    op.create_table(
        "referrals_reward",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("referral_id", ID, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("beneficiary", WORD, nullable=False),
        sa.Column("cause", WORD, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("amount_minor", MINOR, nullable=False),
        sa.Column("currency", CURRENCY, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("reason", WORD, nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("terms_id", ID, nullable=False),
        sa.Column("invoice_id", REF, nullable=True),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("issued_at", TIME, nullable=True),
        sa.Column("closed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_reward"),
        sa.UniqueConstraint("referral_id", "epoch", "beneficiary", "cause", name="uq_referrals_reward_once"),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals_referral.id"], name="fk_referrals_reward_referral"),
        sa.ForeignKeyConstraint(["terms_id"], ["referrals_terms.id"], name="fk_referrals_reward_terms"),
        sa.CheckConstraint("amount_minor > 0", name="ck_referrals_reward_amount"),
    )
    op.create_index("ix_referrals_reward_client", "referrals_reward", ["org", "client_id", "id"])
    for statement in {"sqlite": sqlite, "postgresql": postgresql}.get(op.get_bind().dialect.name, mariadb)():
        op.execute(statement)


def downgrade() -> None:
    """Take everything away; again after a downgrade that was cut off, where DDL cannot be rolled back."""
    there = set(sa.inspect(op.get_bind()).get_table_names())
    for table in reversed(TABLES):
        if table in there:
            op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION IF EXISTS referrals_refuse()")
        op.execute("DROP FUNCTION IF EXISTS referrals_carry()")


def refusals() -> Iterator[tuple[str, str, str, bool]]:
    """Name, table, verb, and whether changes of the delivery columns are let through."""
    for table in APPEND_ONLY:
        for verb in ("update", "delete"):
            yield f"{table}_no_{verb}", table, verb, (table, verb) == ("referrals_activity", "update")


def sqlite() -> Iterator[str]:
    """The triggers, as SQLite wants them."""
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in (*FIXED_ACTIVITY, "data"))
    for name, table, verb, partly in refusals():
        when = f" WHEN {changed}" if partly else ""
        yield (
            f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table}{when}"
            f" BEGIN SELECT RAISE(ABORT, 'referrals: {table} is append-only'); END"
        )
    yield (
        "CREATE TRIGGER referrals_ledger_carry AFTER INSERT ON referrals_ledger BEGIN"
        f" SELECT RAISE(ABORT, '{MISFIT}') WHERE NOT EXISTS (SELECT 1 FROM referrals_account"
        " WHERE id = NEW.account_id AND seq = NEW.seq - 1 AND balance + NEW.amount = NEW.balance);"
        " UPDATE referrals_account SET balance = NEW.balance, seq = NEW.seq, head = NEW.hash WHERE id = NEW.account_id;"
        " END"
    )


def postgresql() -> Iterator[str]:
    """The triggers, as PostgreSQL wants them."""
    yield (
        "CREATE OR REPLACE FUNCTION referrals_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION USING MESSAGE = 'referrals: ' || TG_TABLE_NAME || ' is append-only',"
        " ERRCODE = 'restrict_violation'; END $$"
    )
    yield (
        "CREATE OR REPLACE FUNCTION referrals_carry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE referrals_account SET balance = NEW.balance, seq = NEW.seq, head = NEW.hash"
        " WHERE id = NEW.account_id AND seq = NEW.seq - 1 AND balance + NEW.amount = NEW.balance;"
        f" IF NOT FOUND THEN RAISE EXCEPTION USING MESSAGE = '{MISFIT}', ERRCODE = 'restrict_violation'; END IF;"
        " RETURN NULL; END $$"
    )
    fixed = (*FIXED_ACTIVITY, "data::text")  # json itself cannot be compared
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in fixed)
    for name, table, verb, partly in refusals():
        when = f" WHEN ({changed})" if partly else ""
        yield (
            f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table} FOR EACH ROW{when}"
            " EXECUTE FUNCTION referrals_refuse()"
        )
    for table in APPEND_ONLY:
        yield f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION referrals_refuse()"
    yield (
        "CREATE TRIGGER referrals_ledger_carry AFTER INSERT ON referrals_ledger FOR EACH ROW"
        " EXECUTE FUNCTION referrals_carry()"
    )


def mariadb() -> Iterator[str]:
    """The triggers, as MariaDB wants them."""
    fixed = (*FIXED_ACTIVITY, "data")  # to the letter: the columns' collation takes 'a' for 'A'
    same = " AND ".join(f"BINARY NEW.{name} <=> BINARY OLD.{name}" for name in fixed)
    for name, table, verb, partly in refusals():
        signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'referrals: {table} is append-only'"
        body = f"IF NOT ({same}) THEN {signal}; END IF" if partly else signal
        yield f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table} FOR EACH ROW BEGIN {body}; END"
    yield (
        "CREATE TRIGGER referrals_ledger_carry AFTER INSERT ON referrals_ledger FOR EACH ROW BEGIN"
        " UPDATE referrals_account SET balance = NEW.balance, seq = NEW.seq, head = NEW.hash"
        " WHERE id = NEW.account_id AND seq = NEW.seq - 1 AND balance + NEW.amount = NEW.balance;"
        f" IF ROW_COUNT() = 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{MISFIT}'; END IF; END"
    )
