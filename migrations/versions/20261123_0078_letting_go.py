"""Readings and the audit are let go of by age: where they begin now.

Revision: 0078
Revises: 0077
"""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "let_go",
        sa.Column("name", sa.String(24), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chain", sa.String(64), nullable=True),
    )


def downgrade() -> None:
    op.drop_table("let_go")
