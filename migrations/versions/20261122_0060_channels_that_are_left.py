"""Channels for alerts that are gone, and stay until their broker has been cleared.

Revision: 0060
Revises: 0059
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert_channel", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.execute(
        "DELETE FROM alert_message WHERE channel_id IN"
        " (SELECT id FROM alert_channel WHERE removed_at IS NOT NULL)"
    )
    op.execute("DELETE FROM alert_channel WHERE removed_at IS NOT NULL")
    op.drop_column("alert_channel", "removed_at")
