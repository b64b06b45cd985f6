"""Signals of grid operators.

Revision: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KIND = sa.Enum("tariff", "capacity", name="signalkind", native_enum=False, length=32)


def upgrade() -> None:
    op.create_table(
        "dso_signal",
        sa.Column("id", BIG, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("task_id", sa.String(36), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("substation_id", sa.String(80), nullable=False),
        sa.Column("location_name", sa.String(80), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("periods", sa.JSON(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("told", sa.JSON(), nullable=True),
        sa.Column("created_by", sa.String(80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(80), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dso_signal"),
    )
    op.create_index("ix_dso_signal_ends_at", "dso_signal", ["ends_at"])
    op.create_index("ix_dso_signal_number", "dso_signal", ["number"])
    op.create_index("ix_dso_signal_task_id", "dso_signal", ["task_id"])
    op.create_table(
        "dso_delivery",
        sa.Column("signal_id", BIG, autoincrement=False, nullable=False),
        sa.Column("charger_id", BIG, autoincrement=False, nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.String(300), nullable=True),
        sa.ForeignKeyConstraint(["signal_id"], ["dso_signal.id"], name="fk_dso_delivery_signal_id"),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name="fk_dso_delivery_charger_id"),
        sa.PrimaryKeyConstraint("signal_id", "charger_id", name="pk_dso_delivery"),
    )


def downgrade() -> None:
    op.drop_table("dso_delivery")
    op.drop_index("ix_dso_signal_task_id", table_name="dso_signal")
    op.drop_index("ix_dso_signal_number", table_name="dso_signal")
    op.drop_index("ix_dso_signal_ends_at", table_name="dso_signal")
    op.drop_table("dso_signal")
