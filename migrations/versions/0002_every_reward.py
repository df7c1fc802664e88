"""Every reward: holds, limits, lots of credit, vouchers, expiries; invitations, preferences, mails."""

# A revision stands for itself, as 0001 says: the triggers' SQL is repeated here, and a test compares what both make.

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REF = sa.String(100).with_variant(mysql.VARCHAR(100, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
KEY = sa.String(191).with_variant(mysql.VARCHAR(191, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
WORD = sa.String(40)
NAME = sa.String(200)
MONTH = sa.String(7)
HASH = sa.String(64)
MINOR = sa.BigInteger()
TIME = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

TABLES = ("referrals_invitation", "referrals_preferences", "referrals_suppression")


def columns() -> dict[str, list[sa.Column[object]]]:
    """The new columns of each table; the ones that must not be empty have a default for the rows that are there."""
    return {
        "referrals_account": [
            sa.Column("issued", MINOR, nullable=False, server_default="0"),
            sa.Column("waiting", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("month", MONTH, nullable=False, server_default=""),
            sa.Column("in_month", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("in_year", sa.Integer(), nullable=False, server_default="0"),
        ],
        "referrals_activity": [
            sa.Column("mail_at", TIME, nullable=True),
            sa.Column("mail_tries", sa.Integer(), nullable=False, server_default="0"),
        ],
        "referrals_code": [sa.Column("look", KEY, nullable=True)],
        "referrals_hold": [sa.Column("parts", sa.JSON(), nullable=True)],
        "referrals_referral": [
            sa.Column("expires_at", TIME, nullable=True),
            sa.Column("email_key", HASH, nullable=True),
            sa.Column("flags", NAME, nullable=False, server_default=""),
        ],
        "referrals_reward": [
            sa.Column("waits_for", WORD, nullable=True),
            sa.Column("hold_until", TIME, nullable=True),
            sa.Column("approved_by", NAME, nullable=True),
            sa.Column("issued_month", MONTH, nullable=True),
            sa.Column("milestone", sa.Integer(), nullable=True),
            sa.Column("paid_minor", MINOR, nullable=True),
            sa.Column("taken_minor", MINOR, nullable=False, server_default="0"),
            sa.Column("expires_at", TIME, nullable=True),
            sa.Column("lapses_at", TIME, nullable=True),
            sa.Column("remaining_minor", MINOR, nullable=False, server_default="0"),
            sa.Column("expired_minor", MINOR, nullable=False, server_default="0"),
            sa.Column("noticed", sa.Integer(), nullable=True),
            sa.Column("service", NAME, nullable=True),
            sa.Column("voucher", WORD, nullable=True),
            sa.Column("voucher_invoice_id", REF, nullable=True),
            sa.Column("voucher_minor", MINOR, nullable=False, server_default="0"),
        ],
    }


INDEXES = (
    ("ix_referrals_activity_mail", "referrals_activity", ["mail_at"], False),
    ("uq_referrals_code_look", "referrals_code", ["org", "look"], True),
    ("ix_referrals_referral_expiry", "referrals_referral", ["expires_at"], False),
    ("ix_referrals_referral_email", "referrals_referral", ["org", "email_key"], False),
    ("ix_referrals_reward_milestone", "referrals_reward", ["org", "client_id", "milestone"], False),
    ("ix_referrals_reward_lots", "referrals_reward", ["org", "client_id", "lapses_at"], False),
    ("ix_referrals_reward_lapses", "referrals_reward", ["lapses_at"], False),
    ("ix_referrals_reward_waits", "referrals_reward", ["waits_for", "hold_until", "id"], False),
    ("ix_referrals_reward_voucher", "referrals_reward", ["org", "voucher_invoice_id"], False),
)
CHECKS = {"ck_referrals_reward_amount": "amount_minor >= 0", "ck_referrals_reward_remaining": "remaining_minor >= 0"}


def upgrade() -> None:
    """Add what is new, count the rewards that stand, and watch over them from now on."""
    for table, added in columns().items():
        if table != "referrals_reward":
            for column in added:
                op.add_column(table, column)
    rewards(columns()["referrals_reward"], CHECKS, gone=("ck_referrals_reward_amount",))
    make_tables()
    for name, table, of, unique in INDEXES:
        op.create_index(name, table, of, unique=unique)
    op.execute(
        "UPDATE referrals_reward SET issued_month = "
        + {"sqlite": "substr(issued_at, 1, 7)", "postgresql": "to_char(issued_at AT TIME ZONE 'UTC', 'YYYY-MM')"}.get(
            op.get_bind().dialect.name, "DATE_FORMAT(issued_at, '%Y-%m')"
        )
        + " WHERE state = 'issued'"
    )
    mine = "FROM referrals_reward r WHERE r.org = referrals_account.org AND r.client_id = referrals_account.client_id"
    mine += " AND r.beneficiary = 'referrer' AND r.state = 'issued'"
    counted = "WHERE currency = '' AND client_id <> ''"
    op.execute(
        f"UPDATE referrals_account SET issued = (SELECT COUNT(*) {mine}),"
        f" month = COALESCE((SELECT MAX(r.issued_month) {mine}), '') {counted}"
    )
    same_year = "SUBSTR(r.issued_month, 1, 4) = SUBSTR(month, 1, 4)"
    op.execute(
        f"UPDATE referrals_account SET in_month = (SELECT COUNT(*) {mine} AND r.issued_month = month),"
        f" in_year = (SELECT COUNT(*) {mine} AND {same_year}) {counted}"
    )
    for statement in triggers(op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Take it all away again; rewards of services, which 0001 does not know, go too."""
    dialect = op.get_bind().dialect.name
    for name in TRIGGERS.values():
        op.execute(f"DROP TRIGGER IF EXISTS {name}" + (" ON referrals_reward" if dialect == "postgresql" else ""))
    if dialect == "postgresql":
        op.execute("DROP FUNCTION IF EXISTS referrals_count()")
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
    for table in TABLES:
        op.drop_table(table)
    op.execute("DELETE FROM referrals_reward WHERE amount_minor = 0")
    rewards([], {"ck_referrals_reward_amount": "amount_minor > 0"}, gone=tuple(CHECKS))
    for table, added in columns().items():
        if table != "referrals_reward":
            for column in added:
                op.drop_column(table, column.name)


def rewards(added: list[sa.Column[object]], checks: dict[str, str], gone: tuple[str, ...]) -> None:
    """Give the rewards these columns, or without any the old ones, and these checks. SQLite makes the table anew."""
    dropped = [] if added else [column.name for column in columns()["referrals_reward"]]
    with op.batch_alter_table("referrals_reward") as batch:
        for name in gone:
            batch.drop_constraint(name, type_="check")
        for column in added:
            batch.add_column(column)
        for name in dropped:
            batch.drop_column(name)
        for name, condition in checks.items():
            batch.create_check_constraint(name, condition)


def make_tables() -> None:
    """Invitations, who wants none, and what clients chose."""
    op.create_table(
        "referrals_preferences",
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("seen_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("org", "client_id", name="pk_referrals_preferences"),
    )
    op.create_table(
        "referrals_invitation",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("code_id", ID, nullable=False),
        sa.Column("email", NAME, nullable=True),
        sa.Column("email_key", HASH, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_invitation"),
        sa.UniqueConstraint("org", "client_id", "email_key", name="uq_referrals_invitation_once"),
        sa.ForeignKeyConstraint(["code_id"], ["referrals_code.id"], name="fk_referrals_invitation_code"),
    )
    op.create_index("ix_referrals_invitation_email", "referrals_invitation", ["org", "email_key"])
    op.create_table(
        "referrals_suppression",
        sa.Column("org", REF, nullable=False),
        sa.Column("email_key", HASH, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("org", "email_key", name="pk_referrals_suppression"),
    )


# -- the triggers ----------------------------------------------------------------------------------------------------

TRIGGERS = {"insert": "referrals_reward_made", "update": "referrals_reward_moved"}
COUNT = {
    "insert": (
        "UPDATE referrals_account SET issued = issued + CASE WHEN NEW.state = 'issued' THEN 1 ELSE 0 END, waiting "
        "= waiting + CASE WHEN NEW.state = 'pending' AND NEW.waits_for = 'limit' THEN 1 ELSE 0 END, in_year = CASE "
        "WHEN NEW.state = 'issued' AND NOT (1 = 0) THEN CASE WHEN SUBSTR(month, 1, 4) = SUBSTR(NEW.issued_month, "
        "1, 4) THEN in_year + 1 WHEN month < NEW.issued_month THEN 1 ELSE in_year END WHEN 1 = 0 AND NOT "
        "(NEW.state = 'issued') AND SUBSTR(month, 1, 4) = SUBSTR('', 1, 4) THEN in_year - 1 ELSE in_year END, "
        "in_month = CASE WHEN NEW.state = 'issued' AND NOT (1 = 0) THEN CASE WHEN month = NEW.issued_month THEN "
        "in_month + 1 WHEN month < NEW.issued_month THEN 1 ELSE in_month END WHEN 1 = 0 AND NOT (NEW.state = "
        "'issued') AND month = '' THEN in_month - 1 ELSE in_month END, month = CASE WHEN NEW.state = 'issued' AND "
        "NOT (1 = 0) AND month < NEW.issued_month THEN NEW.issued_month ELSE month END WHERE org = NEW.org AND "
        "client_id = NEW.client_id AND currency = '' AND NEW.beneficiary = 'referrer'; UPDATE referrals_account "
        "SET issued = issued + CASE WHEN NEW.state = 'issued' THEN NEW.amount_minor - NEW.taken_minor ELSE 0 END, "
        "waiting = waiting + CASE WHEN NEW.state = 'pending' AND NEW.waits_for = 'limit' AND NEW.reason = 'budget' "
        "THEN 1 ELSE 0 END WHERE org = NEW.org AND client_id = '' AND currency = NEW.currency;"
    ),
    "update": (
        "UPDATE referrals_account SET issued = issued + (CASE WHEN NEW.state = 'issued' THEN 1 ELSE 0 END) - (CASE "
        "WHEN OLD.state = 'issued' THEN 1 ELSE 0 END), waiting = waiting + (CASE WHEN NEW.state = 'pending' AND "
        "NEW.waits_for = 'limit' THEN 1 ELSE 0 END) - (CASE WHEN OLD.state = 'pending' AND OLD.waits_for = 'limit' "
        "THEN 1 ELSE 0 END), in_year = CASE WHEN NEW.state = 'issued' AND NOT (OLD.state = 'issued') THEN CASE "
        "WHEN SUBSTR(month, 1, 4) = SUBSTR(NEW.issued_month, 1, 4) THEN in_year + 1 WHEN month < NEW.issued_month "
        "THEN 1 ELSE in_year END WHEN OLD.state = 'issued' AND NOT (NEW.state = 'issued') AND SUBSTR(month, 1, 4) "
        "= SUBSTR(OLD.issued_month, 1, 4) THEN in_year - 1 ELSE in_year END, in_month = CASE WHEN NEW.state = "
        "'issued' AND NOT (OLD.state = 'issued') THEN CASE WHEN month = NEW.issued_month THEN in_month + 1 WHEN "
        "month < NEW.issued_month THEN 1 ELSE in_month END WHEN OLD.state = 'issued' AND NOT (NEW.state = "
        "'issued') AND month = OLD.issued_month THEN in_month - 1 ELSE in_month END, month = CASE WHEN NEW.state = "
        "'issued' AND NOT (OLD.state = 'issued') AND month < NEW.issued_month THEN NEW.issued_month ELSE month END "
        "WHERE org = NEW.org AND client_id = NEW.client_id AND currency = '' AND NEW.beneficiary = 'referrer'; "
        "UPDATE referrals_account SET issued = issued + (CASE WHEN NEW.state = 'issued' THEN NEW.amount_minor - "
        "NEW.taken_minor ELSE 0 END) - (CASE WHEN OLD.state = 'issued' THEN OLD.amount_minor - OLD.taken_minor "
        "ELSE 0 END), waiting = waiting + (CASE WHEN NEW.state = 'pending' AND NEW.waits_for = 'limit' AND "
        "NEW.reason = 'budget' THEN 1 ELSE 0 END) - (CASE WHEN OLD.state = 'pending' AND OLD.waits_for = 'limit' "
        "AND OLD.reason = 'budget' THEN 1 ELSE 0 END) WHERE org = NEW.org AND client_id = '' AND currency = "
        "NEW.currency;"
    ),
}


def triggers(dialect: str) -> Iterator[str]:
    """The triggers that count rewards for the limits."""
    if dialect == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION referrals_count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF TG_OP = 'INSERT' THEN {COUNT['insert']} ELSE {COUNT['update']} END IF; RETURN NULL; END $$"
        )
    for verb, name in TRIGGERS.items():
        start = f"CREATE TRIGGER {name} AFTER {verb.upper()} ON referrals_reward"
        if dialect == "postgresql":
            yield f"{start} FOR EACH ROW EXECUTE FUNCTION referrals_count()"
        elif dialect == "sqlite":
            yield f"{start} BEGIN {COUNT[verb]} END"
        else:
            yield f"{start} FOR EACH ROW BEGIN {COUNT[verb]} END"
