"""Charge detail records.

Revision: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)
INDEXED = ("account_id", "charger_id", "made_at", "transaction_id")


def upgrade() -> None:
    op.create_table(
        "cdr",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("credit_of", sa.String(36), nullable=True),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("charger_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=True),
        sa.Column("tariff_version_id", BIG, nullable=True),
        sa.Column("id_tag", sa.String(255), nullable=True),
        sa.Column("is_remote", sa.Boolean(), nullable=False),
        sa.Column("started_at", WHEN, nullable=False),
        sa.Column("ended_at", WHEN, nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=False),
        sa.Column("idle_s", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("made_at", WHEN, nullable=False),
        sa.Column("withdrawn_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cdr"),
        sa.UniqueConstraint("uuid", name="uq_cdr_uuid"),
        sa.UniqueConstraint("credit_of", name="uq_cdr_credit_of"),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_cdr_{column}")
            for column, table in (
                ("charger_id", "charger"),
                ("account_id", "account"),
                ("tariff_version_id", "tariff_version"),
            )
        ),
    )
    for column in INDEXED:
        op.create_index(f"ix_cdr_{column}", "cdr", [column])


def downgrade() -> None:
    op.drop_table("cdr")
