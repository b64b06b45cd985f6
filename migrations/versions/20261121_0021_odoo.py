"""Odoo servers with their log-ins.

Revision: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "odoo_instance",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("url", sa.String(200), nullable=False),
        sa.Column("database", sa.String(80), nullable=False),
        sa.Column("username", sa.String(120), nullable=False),
        sa.Column("password_sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_result", sa.String(32), nullable=True),
        sa.Column("check_interface", sa.String(16), nullable=True),
        sa.Column("check_detail", sa.String(255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_odoo_instance"),
    )


def downgrade() -> None:
    op.drop_table("odoo_instance")
