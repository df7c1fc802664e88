"""Businesses, people, invoices and what comes of them.

Revision ID: example_0001
Revises:
Create Date: 2026-01-05 09:00:00

"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "example_0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "business",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("timezone", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_business"),
        sa.UniqueConstraint("slug", name="uq_business_slug"),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("business_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff"),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_staff_business_id"),
        sa.UniqueConstraint("email", name="uq_staff_email"),
    )
    op.create_index("ix_staff_business_id", "staff", ["business_id"])
    op.create_table(
        "client",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("business_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("phone", sa.String(40)),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("request_key", sa.String(36)),
        sa.PrimaryKeyConstraint("id", name="pk_client"),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_client_business_id"),
        sa.UniqueConstraint("business_id", "email", name="uq_client_business_id_email"),
        sa.UniqueConstraint("request_key", name="uq_client_request_key"),
    )
    op.create_table(
        "invoice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("business_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("paid_at", MOMENT),
        sa.Column("voided_at", MOMENT),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_label", sa.String(200)),
        sa.Column("credit_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_reason", sa.String(200)),
        sa.Column("request_key", sa.String(36)),
        sa.PrimaryKeyConstraint("id", name="pk_invoice"),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_invoice_business_id"),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name="fk_invoice_client_id"),
        sa.UniqueConstraint("business_id", "number", name="uq_invoice_business_id_number"),
        sa.UniqueConstraint("request_key", name="uq_invoice_request_key"),
        sa.CheckConstraint("status IN ('draft', 'open', 'paid', 'void')", name="ck_invoice_status"),
        sa.CheckConstraint("discount_minor >= 0", name="ck_invoice_discount"),
        sa.CheckConstraint("credit_minor >= 0", name="ck_invoice_credit"),
        sa.CheckConstraint("refunded_minor >= 0", name="ck_invoice_refunded"),
    )
    op.create_index("ix_invoice_business_id_status", "invoice", ["business_id", "status"])
    op.create_index("ix_invoice_client_id", "invoice", ["client_id"])
    op.create_table(
        "invoice_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(200), nullable=False),
        sa.Column("service", sa.String(80)),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_millipercent", sa.Integer(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invoice_line"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name="fk_invoice_line_invoice_id"),
        sa.CheckConstraint("amount_minor >= 0", name="ck_invoice_line_amount"),
        sa.CheckConstraint("discount_minor >= 0 AND discount_minor <= amount_minor", name="ck_invoice_line_discount"),
        sa.CheckConstraint("tax_millipercent >= 0", name="ck_invoice_line_tax"),
    )
    op.create_index("ix_invoice_line_invoice_id", "invoice_line", ["invoice_id"])
    op.create_table(
        "payment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("request_key", sa.String(36)),
        sa.PrimaryKeyConstraint("id", name="pk_payment"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name="fk_payment_invoice_id"),
        sa.UniqueConstraint("request_key", name="uq_payment_request_key"),
        sa.CheckConstraint("amount_minor > 0", name="ck_payment_amount"),
    )
    op.create_index("ix_payment_invoice_id", "payment", ["invoice_id"])
    op.create_table(
        "refund",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("request_key", sa.String(36)),
        sa.PrimaryKeyConstraint("id", name="pk_refund"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name="fk_refund_invoice_id"),
        sa.UniqueConstraint("request_key", name="uq_refund_request_key"),
        sa.CheckConstraint("amount_minor > 0", name="ck_refund_amount"),
        sa.CheckConstraint("credit_minor >= 0 AND credit_minor <= amount_minor", name="ck_refund_credit"),
    )
    op.create_index("ix_refund_invoice_id", "refund", ["invoice_id"])


def downgrade() -> None:
    for table in ("refund", "payment", "invoice_line", "invoice", "client", "staff", "business"):
        op.drop_table(table)
