"""What proved, when a payment was begun, that the payer stood at the station.

Revision: 0075
Revises: 0074
"""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment", sa.Column("plugged_at", sa.DateTime(timezone=True)))
    op.add_column("payment", sa.Column("code_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("payment", "code_at")
    op.drop_column("payment", "plugged_at")
