"""Versions of tariffs have a type, words for drivers, and a time in which they are in force; tariffs can be removed.

Revision: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("tariff_version") as batch_op:
        batch_op.add_column(sa.Column("type", sa.String(32), nullable=True))
        batch_op.add_column(sa.Column("alt_text", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("starts_at", WHEN, nullable=True))
        batch_op.add_column(sa.Column("ends_at", WHEN, nullable=True))
    with op.batch_alter_table("tariff") as batch_op:
        batch_op.add_column(sa.Column("removed_at", WHEN, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("tariff") as batch_op:
        batch_op.drop_column("removed_at")
    with op.batch_alter_table("tariff_version") as batch_op:
        for name in ("ends_at", "starts_at", "alt_text", "type"):
            batch_op.drop_column(name)
