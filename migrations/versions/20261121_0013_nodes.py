"""Other machines that run this program.

Revision: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "node",
        sa.Column("id", BIG, nullable=False),
        sa.Column("hostname", sa.String(120), nullable=False),
        sa.Column("hostname_folded", sa.String(120), nullable=False),
        sa.Column("address", sa.String(253), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_node"),
        sa.UniqueConstraint("hostname_folded", name="uq_node_hostname_folded"),
    )


def downgrade() -> None:
    op.drop_table("node")
