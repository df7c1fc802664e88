"""${message}."""

# A revision stands for itself: it imports nothing of flask_referrals, so that history never changes with the code.
# On SQLite `op.batch_alter_table` makes the table anew, without its triggers, and fails while another table's trigger
# names it: drop the triggers first and create them at the end, on each database.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Go to this revision."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Go back to the one before."""
    ${downgrades if downgrades else "pass"}
