"""Users may have a telephone number.

Revision: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user_", sa.Column("phone_number", sa.String(20)))


def downgrade() -> None:
    with op.batch_alter_table("user_") as table:
        table.drop_column("phone_number")
