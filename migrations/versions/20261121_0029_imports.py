"""What was taken over from other systems.

Revision: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "imported_row",
        sa.Column("id", BigId, nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imported_row"),
        sa.UniqueConstraint("source", "kind", "key", name="uq_imported_row_source_kind_key"),
    )


def downgrade() -> None:
    op.drop_table("imported_row")
