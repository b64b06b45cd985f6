"""Vouchers.

Revision: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "voucher",
        sa.Column("id", BIG, nullable=False),
        sa.Column("code", sa.String(24), nullable=False),
        sa.Column("label", sa.String(80), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", WHEN, nullable=True),
        sa.Column("made_by", sa.String(80), nullable=False),
        sa.Column("made_at", WHEN, nullable=False),
        sa.Column("redeemed_at", WHEN, nullable=True),
        sa.Column("account_id", BIG, nullable=True),
        sa.Column("is_bearer", sa.Boolean(), nullable=False),
        sa.Column("voided_at", WHEN, nullable=True),
        sa.Column("voided_by", sa.String(80), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_voucher"),
        sa.UniqueConstraint("code", name="uq_voucher_code"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_voucher_account_id"),
    )
    op.create_index("ix_voucher_account_id", "voucher", ["account_id"])


def downgrade() -> None:
    op.drop_table("voucher")
