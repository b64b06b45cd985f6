"""Readings of a session are found without their moments: they are few, and sorted when they are read.

Revision: 0080
Revises: 0079
"""

from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None

BEFORE, AFTER = "ix_reading_transaction_id_measured_at", "ix_reading_transaction_id"


def upgrade() -> None:
    op.create_index(AFTER, "reading", ["transaction_id"])
    op.drop_index(BEFORE, "reading")


def downgrade() -> None:
    op.create_index(BEFORE, "reading", ["transaction_id", "measured_at"])
    op.drop_index(AFTER, "reading")
