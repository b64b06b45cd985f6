"""Deliveries of webhooks that did not arrive are found without reading the others.

Revision: 0077
Revises: 0076
"""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None

INDEX, MISSED = "ix_webhook_delivery_missed", sa.text("state IN ('failed', 'dropped')")


def upgrade() -> None:
    op.create_index(
        INDEX, "webhook_delivery", ["webhook_id", "id"], sqlite_where=MISSED, postgresql_where=MISSED
    )


def downgrade() -> None:
    op.drop_index(INDEX, "webhook_delivery")
