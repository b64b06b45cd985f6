"""Chargers are listed by name: the first ones are found without putting all of them in order.

Revision: 0069
Revises: 0068
"""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_charger_sorting_name", "charger", [sa.text("lower(coalesce(name, identity))"), "id"])


def downgrade() -> None:
    op.drop_index("ix_charger_sorting_name", "charger")
