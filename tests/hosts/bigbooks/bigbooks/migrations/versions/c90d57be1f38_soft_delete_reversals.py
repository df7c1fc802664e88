"""soft delete of invoices, reversal of payments

Revision ID: c90d57be1f38
Revises: a84e6610c2d5
Create Date: 2022-06-21 16:48:29.007145

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = 'c90d57be1f38'
down_revision = 'a84e6610c2d5'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('invoices') as batch_op:
        batch_op.add_column(sa.Column('deleted_at', sa.DateTime(), nullable=True))

    with op.batch_alter_table('payments') as batch_op:
        batch_op.add_column(sa.Column('reversed_at', sa.DateTime(), nullable=True))
        batch_op.create_index(batch_op.f('ix_payments_reference'), ['reference'])


def downgrade():
    with op.batch_alter_table('payments') as batch_op:
        batch_op.drop_index(batch_op.f('ix_payments_reference'))
        batch_op.drop_column('reversed_at')

    with op.batch_alter_table('invoices') as batch_op:
        batch_op.drop_column('deleted_at')
