"""Cash: bank accounts, payouts, what is taken back of them, the gateway's events; as what clients want rewards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REF = sa.String(100).with_variant(mysql.VARCHAR(100, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
KEY = sa.String(191).with_variant(mysql.VARCHAR(191, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
WORD = sa.String(40)
NAME = sa.String(200)
MINOR = sa.BigInteger()
TIME = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

TABLES = (
    "referrals_event", "referrals_reversal", "referrals_payout_item", "referrals_payout", "referrals_payee",
    "referrals_bank", "referrals_installation",
)  # fmt: skip


def sending() -> list[sa.Column[object]]:
    """What is the same for payouts and reversals: how far the sending is."""
    return [
        sa.Column("state", WORD, nullable=False),
        sa.Column("reason", WORD, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("key_at", TIME, nullable=True),
        sa.Column("next_at", TIME, nullable=False),
        sa.Column("lease_until", TIME, nullable=True),
    ]


def upgrade() -> None:
    """Make the tables and add the columns."""
    op.add_column("referrals_account", sa.Column("chosen", WORD, nullable=True))
    op.add_column("referrals_account", sa.Column("linked", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("referrals_account", sa.Column("mirrored", MINOR, nullable=False, server_default="0"))
    op.add_column("referrals_reward", sa.Column("choices", WORD, nullable=True))
    op.add_column("referrals_reward", sa.Column("payable_minor", MINOR, nullable=False, server_default="0"))
    op.create_index("ix_referrals_reward_payable", "referrals_reward", ["payable_minor", "org", "client_id"])
    op.create_table(
        "referrals_installation",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_installation"),
    )
    op.create_table(
        "referrals_bank",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("live", sa.Integer(), nullable=True),
        sa.Column("account_id", KEY, nullable=True),
        sa.Column("state", WORD, nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_bank"),
        sa.UniqueConstraint("org", "client_id", "live", name="uq_referrals_bank_live"),
        sa.UniqueConstraint("account_id", name="uq_referrals_bank_account"),
    )
    op.create_index("ix_referrals_bank_state", "referrals_bank", ["state", "seen_at"])
    op.create_table(
        "referrals_payee",
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("tax_year", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("org", "client_id", name="pk_referrals_payee"),
    )
    op.create_table(
        "referrals_payout",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("amount_minor", MINOR, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        *sending(),
        sa.Column("destination", KEY, nullable=True),
        sa.Column("transfer_id", KEY, nullable=True),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("netted", sa.JSON(), nullable=False),
        sa.Column("reversed_minor", MINOR, nullable=False),
        sa.Column("owed_minor", MINOR, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("paid_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_payout"),
        sa.UniqueConstraint("transfer_id", name="uq_referrals_payout_transfer"),
        sa.CheckConstraint("amount_minor >= 0", name="ck_referrals_payout_amount"),
        sa.CheckConstraint("reversed_minor + owed_minor <= amount_minor", name="ck_referrals_payout_back"),
    )
    op.create_index("ix_referrals_payout_due", "referrals_payout", ["state", "next_at", "id"])
    op.create_index("ix_referrals_payout_client", "referrals_payout", ["org", "client_id", "id"])
    op.create_index("ix_referrals_payout_destination", "referrals_payout", ["destination", "state"])
    op.create_table(
        "referrals_payout_item",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("payout_id", ID, nullable=False),
        sa.Column("reward_id", ID, nullable=False),
        sa.Column("amount_minor", MINOR, nullable=False),
        sa.Column("taken_minor", MINOR, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_payout_item"),
        sa.UniqueConstraint("payout_id", "reward_id", name="uq_referrals_payout_item_once"),
        sa.ForeignKeyConstraint(["payout_id"], ["referrals_payout.id"], name="fk_referrals_payout_item_payout"),
        sa.ForeignKeyConstraint(["reward_id"], ["referrals_reward.id"], name="fk_referrals_payout_item_reward"),
        sa.CheckConstraint("taken_minor <= amount_minor", name="ck_referrals_payout_item_taken"),
    )
    op.create_index("ix_referrals_payout_item_reward", "referrals_payout_item", ["reward_id", "id"])
    op.create_table(
        "referrals_reversal",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("org", REF, nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("payout_id", ID, nullable=False),
        sa.Column("reward_id", ID, nullable=False),
        sa.Column("amount_minor", MINOR, nullable=False),
        sa.Column("open_minor", MINOR, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        *sending(),
        sa.Column("reversal_id", KEY, nullable=True),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("done_at", TIME, nullable=True),
        sa.Column("note", NAME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_reversal"),
        sa.ForeignKeyConstraint(["payout_id"], ["referrals_payout.id"], name="fk_referrals_reversal_payout"),
        sa.ForeignKeyConstraint(["reward_id"], ["referrals_reward.id"], name="fk_referrals_reversal_reward"),
        sa.CheckConstraint("open_minor >= 0", name="ck_referrals_reversal_open"),
    )
    op.create_index("ix_referrals_reversal_due", "referrals_reversal", ["state", "next_at", "id"])
    op.create_index("ix_referrals_reversal_payout", "referrals_reversal", ["payout_id"])
    op.create_index("ix_referrals_reversal_owed", "referrals_reversal", ["org", "client_id", "state"])
    op.create_table(
        "referrals_event",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("source", KEY, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("came_at", TIME, nullable=False),
        sa.Column("done_at", TIME, nullable=True),
        sa.Column("next_at", TIME, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_event"),
        sa.UniqueConstraint("source", "event_id", name="uq_referrals_event_once"),
    )
    op.create_index("ix_referrals_event_waits", "referrals_event", ["next_at", "id"])


def downgrade() -> None:
    """Take it all away again."""
    for name in TABLES:
        op.drop_table(name)
    op.drop_index("ix_referrals_reward_payable", table_name="referrals_reward")
    for name in ("payable_minor", "choices"):
        op.drop_column("referrals_reward", name)
    for name in ("mirrored", "linked", "chosen"):
        op.drop_column("referrals_account", name)
