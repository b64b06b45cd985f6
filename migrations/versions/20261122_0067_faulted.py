"""Connectors that are faulted are found among themselves: every page counts them.

Revision: 0067
Revises: 0066
"""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
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
