"""Repairs of sessions.

Revision: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = (
    "available",
    "next_start",
    "boot",
    "silent",
    "person",
    "stop_found",
    "settled",
    "waived",
    "dismissed",
)


def _choice(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, length=32)


def upgrade() -> None:
    op.create_table(
        "repair",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("charger_id", BIG_ID, nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("orphan_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", _choice("repairkind", *KINDS), nullable=False),
        sa.Column(
            "state", _choice("repairstate", "proposed", "done", "undone", "superseded"), nullable=False
        ),
        sa.Column("confidence", _choice("confidence", "high", "medium", "low"), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=True),
        sa.Column(
            "energy_from",
            _choice("energysource", "last_reading", "next_start", "stop", "none"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(length=80), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_repair_charger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair")),
    )
    with op.batch_alter_table("repair", schema=None) as batch_op:
        batch_op.create_index("ix_repair_orphan_id", ["orphan_id"], unique=False)
        batch_op.create_index("ix_repair_state_made_at", ["state", "made_at"], unique=False)
        batch_op.create_index("ix_repair_transaction_id", ["transaction_id"], unique=False)
    with op.batch_alter_table("transaction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("transaction", schema=None) as batch_op:
        batch_op.drop_column("reviewed_at")
    op.drop_table("repair")
