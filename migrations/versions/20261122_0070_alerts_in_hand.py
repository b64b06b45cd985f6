"""Alerts that somebody has in hand, and those that wait for a while before they are told again.

Revision: 0070
Revises: 0069
"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("alert", sa.Column("acknowledged_at", MOMENT))
    op.add_column("alert", sa.Column("acknowledged_by", sa.String(80)))
    op.add_column("alert", sa.Column("snoozed_until", MOMENT))


def downgrade() -> None:
    op.drop_column("alert", "snoozed_until")
    op.drop_column("alert", "acknowledged_by")
    op.drop_column("alert", "acknowledged_at")
