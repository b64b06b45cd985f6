"""Doubtful sessions are found among the flagged ones, and a connector's days are added up from an index alone.

Revision: 0051
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

FLAGGED = sa.text("CAST(flags AS TEXT) != '[]'")
SUMMED = ("connector_id", "day", "known_s", "outage_s", "excluded_s")


def upgrade() -> None:
    op.create_index(
        "ix_transaction_flagged",
        "transaction",
        ["state", "started_at"],
        sqlite_where=FLAGGED,
        postgresql_where=FLAGGED,
    )
    op.create_index("ix_uptime_day_summed", "uptime_day", SUMMED)
    op.drop_index("ix_uptime_day_day", "uptime_day")


def downgrade() -> None:
    op.create_index("ix_uptime_day_day", "uptime_day", ["day"])
    op.drop_index("ix_uptime_day_summed", "uptime_day")
    op.drop_index("ix_transaction_flagged", "transaction")
