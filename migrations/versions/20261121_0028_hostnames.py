"""Names under which the server is reached.

Revision: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hostname",
        sa.Column("id", BIG, nullable=False),
        sa.Column("hostname", sa.String(253), nullable=False),
        sa.Column("module", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hostname"),
        sa.UniqueConstraint("hostname", name="uq_hostname_hostname"),
    )


def downgrade() -> None:
    op.drop_table("hostname")
