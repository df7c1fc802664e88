"""Statistics by the day, rolled up from marked log lines; what is on the log already is marked to be counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REF = sa.String(100).with_variant(mysql.VARCHAR(100, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
KINDS = (
    "attributed", "discount_applied", "discount_released", "link_visited", "qualified", "reward_issued",
    "reward_reduced", "reward_restored", "reward_reversed",
)  # fmt: skip


def upgrade() -> None:
    """Make the table, and mark what counts."""
    op.create_table(
        "referrals_daily",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("org", REF, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("client_id", REF, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_referrals_daily"),
        sa.UniqueConstraint("org", "day", "client_id", "kind", "currency", name="uq_referrals_daily_once"),
    )
    op.add_column("referrals_activity", sa.Column("unrolled", sa.Integer(), nullable=True))
    op.create_index("ix_referrals_activity_unrolled", "referrals_activity", ["unrolled", "id"])
    activity = sa.table("referrals_activity", *(sa.column(name) for name in ("kind", "unrolled")))
    announces = sa.column("announces", sa.Boolean())
    op.execute(activity.update().where(activity.c.kind.in_(KINDS), announces.is_(sa.true())).values(unrolled=1))


def downgrade() -> None:
    """Take it all away again."""
    op.drop_index("ix_referrals_activity_unrolled", table_name="referrals_activity")
    op.drop_column("referrals_activity", "unrolled")
    op.drop_table("referrals_daily")
