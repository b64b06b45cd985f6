"""Connectors that are faulted are found among themselves: every page counts them.

Revision: 0065
Revises: 0064
"""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

FAULTED = sa.text("status = 'Faulted'")


def upgrade() -> None:
    op.create_index(
        "ix_connector_faulted",
        "connector",
        ["charger_id"],
        sqlite_where=FAULTED,
        postgresql_where=FAULTED,
    )


def downgrade() -> None:
    op.drop_index("ix_connector_faulted", "connector")
