"""Sums over ended sessions are read from an index alone, and what runs on a connector is found at once.

Revision: 0050
Revises: 0049
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

ENDED = sa.text("ended_at IS NOT NULL")
SUMMED = (
    *("ended_at", "state", "charger_id", "started_at", "energy_wh", "cost_cents"),
    *("tariff_version_id", "account_id"),
)


def upgrade() -> None:
    op.drop_index("ix_transaction_ended_at", "transaction")
    op.create_index(
        "ix_transaction_ended_at", "transaction", SUMMED, sqlite_where=ENDED, postgresql_where=ENDED
    )
    op.create_index("ix_transaction_connector_id_state", "transaction", ["connector_id", "state"])
    op.drop_index("ix_transaction_connector_id", "transaction")


def downgrade() -> None:
    op.create_index("ix_transaction_connector_id", "transaction", ["connector_id"])
    op.drop_index("ix_transaction_connector_id_state", "transaction")
    op.drop_index("ix_transaction_ended_at", "transaction")
    op.create_index("ix_transaction_ended_at", "transaction", ["ended_at"])
