"""What a site's connection to the grid gives; what is put off on the dashboard.

Revision: 0046
Revises: 0045
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("site", sa.Column("grid_limit_w", sa.BigInteger(), nullable=True))
    op.create_table(
        "snooze",
        sa.Column("matter", sa.String(32), nullable=False),
        sa.Column("about", sa.String(40), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("matter", "about", name="pk_snooze"),
    )


def downgrade() -> None:
    op.drop_table("snooze")
    with op.batch_alter_table("site") as batch:
        batch.drop_column("grid_limit_w")
