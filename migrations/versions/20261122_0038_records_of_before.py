"""Sessions that are over and have no charge record: found quickly, and those of before get theirs.

Revision: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

UNRECORDED = sa.text("cost_cents IS NULL AND reviewed_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_transaction_unrecorded",
        "transaction",
        ["started_at"],
        sqlite_where=UNRECORDED,
        postgresql_where=UNRECORDED,
    )
    # A job walks through what there is, in portions; when it has been everywhere it removes its mark.
    op.execute(
        "INSERT INTO serial (name, last) SELECT 'records', 0 "
        'WHERE EXISTS (SELECT 1 FROM "transaction") '
        "AND NOT EXISTS (SELECT 1 FROM serial WHERE name = 'records')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM serial WHERE name = 'records'")
    op.drop_index("ix_transaction_unrecorded", "transaction")
