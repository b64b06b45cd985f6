"""Drivers who want to be told of their session.

Revision: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", BIG, nullable=False),
        sa.Column("transaction_id", BIG, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pause_told_at", sa.DateTime(timezone=True)),
        sa.Column("end_told_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["transaction_id"], ["transaction.id"], name="fk_notice_transaction_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("transaction_id", "email", name="uq_notice_transaction_id_email"),
    )
    op.create_index("ix_notice_end_told_at", "notice", ["end_told_at"])


def downgrade() -> None:
    op.drop_table("notice")
