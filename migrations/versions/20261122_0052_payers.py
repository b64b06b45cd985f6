"""Who was logged in when a payment was begun.

Revision: 0052
Revises: 0051
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment", sa.Column("payer_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_payment_payer_id", "payment", ["payer_id"])


def downgrade() -> None:
    op.drop_index("ix_payment_payer_id", table_name="payment")
    op.drop_column("payment", "payer_id")
