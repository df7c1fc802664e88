"""What is free of a line.

Revision ID: example_0002
Revises: example_0001
Create Date: 2026-11-24 08:00:00

"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "example_0002"
down_revision = "example_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invoice_line") as batch:
        batch.add_column(sa.Column("voucher_minor", sa.BigInteger(), nullable=False, server_default="0"))
        batch.create_check_constraint("ck_invoice_line_voucher", "voucher_minor >= 0")


def downgrade() -> None:
    with op.batch_alter_table("invoice_line") as batch:
        batch.drop_constraint("ck_invoice_line_voucher", type_="check")
        batch.drop_column("voucher_minor")
