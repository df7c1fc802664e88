"""Invitations that we send ourselves: the client's words, and when they are to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Add the columns and the index by which what waits is found."""
    op.add_column("referrals_invitation", sa.Column("message", sa.Text(), nullable=True))
    op.add_column("referrals_invitation", sa.Column("mail_at", TIME, nullable=True))
    op.add_column("referrals_invitation", sa.Column("mail_tries", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_referrals_invitation_mail", "referrals_invitation", ["mail_at"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_referrals_invitation_mail", table_name="referrals_invitation")
    for name in ("mail_tries", "mail_at", "message"):
        op.drop_column("referrals_invitation", name)
