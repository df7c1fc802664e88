"""estimates, recurring templates, discounts and credit notes

Revision ID: a84e6610c2d5
Revises: 3f1c2a7d90be
Create Date: 2020-10-02 14:03:10.550912

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = 'a84e6610c2d5'
down_revision = '3f1c2a7d90be'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'credit_notes',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('client_id', sa.Integer(), nullable=False),
        sa.Column('number', sa.String(length=30), nullable=False),
        sa.Column('amount', sa.Numeric(12, 2), server_default='0', nullable=False),
        sa.Column('remaining', sa.Numeric(12, 2), server_default='0', nullable=False),
        sa.Column('reason', sa.String(length=300), nullable=True),
        sa.Column('created_at', sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(['client_id'], ['clients.id'], name=op.f('fk_credit_notes_client_id_clients')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_credit_notes')),
        sa.UniqueConstraint('number', name=op.f('uq_credit_notes_number')),
    )
    op.create_index(op.f('ix_credit_notes_client_id'), 'credit_notes', ['client_id'])

    with op.batch_alter_table('invoices') as batch_op:
        batch_op.add_column(sa.Column('kind', sa.String(length=20), server_default='invoice', nullable=False))
        batch_op.add_column(sa.Column('converted_from_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('discount_total', sa.Numeric(12, 2), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('credit_applied', sa.Numeric(12, 2), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('accepted_at', sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column('repeat_months', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('next_run', sa.Date(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_invoices_converted_from_id_invoices'), 'invoices',
                                    ['converted_from_id'], ['id'])

    with op.batch_alter_table('invoice_lines') as batch_op:
        batch_op.add_column(sa.Column('discount', sa.Numeric(12, 2), server_default='0', nullable=False))


def downgrade():
    with op.batch_alter_table('invoice_lines') as batch_op:
        batch_op.drop_column('discount')

    with op.batch_alter_table('invoices') as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_invoices_converted_from_id_invoices'), type_='foreignkey')
        for column in ('next_run', 'repeat_months', 'accepted_at', 'credit_applied', 'discount_total',
                       'converted_from_id', 'kind'):
            batch_op.drop_column(column)

    op.drop_table('credit_notes')
