"""Readings are found by their charger; nothing asked for them by connector.

Revision: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_reading_charger_id_measured_at", "reading", ["charger_id", "measured_at"])
    op.drop_index("ix_reading_connector_id_measured_at", table_name="reading")


def downgrade() -> None:
    op.create_index("ix_reading_connector_id_measured_at", "reading", ["connector_id", "measured_at"])
    op.drop_index("ix_reading_charger_id_measured_at", table_name="reading")
