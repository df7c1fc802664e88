"""Alembic's environment: runs the revisions on the connection that `flask referrals db` hands over, and locks (§6)."""

from __future__ import annotations

from alembic import context

from flask_referrals.adapters.migrations import options

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("these migrations are run by `flask referrals db`, not by alembic itself")
context.configure(connection=connection, **options(connection))
with context.begin_transaction():
    context.run_migrations()
