"""Readings that name a session which nobody knows are found quickly.

Revision: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

LOOSE = sa.text("transaction_id IS NULL AND reference IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_reading_loose", "reading", ["received_at"], sqlite_where=LOOSE, postgresql_where=LOOSE
    )


def downgrade() -> None:
    op.drop_index("ix_reading_loose", "reading")
