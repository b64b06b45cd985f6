"""One order to many chargers.

Revision: 0041
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "command_batch",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("includes_busy", sa.Boolean(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source_id", sa.String(36), nullable=True),
        sa.Column("requested_by", sa.String(80), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_command_batch"),
    )
    op.create_index("ix_command_batch_next_at", "command_batch", ["next_at"])
    op.create_table(
        "command_batch_item",
        sa.Column("id", BIG, nullable=False),
        sa.Column("batch_id", sa.String(36), nullable=False),
        sa.Column("charger_id", BIG, nullable=False),
        sa.Column("evse", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(255), nullable=True),
        sa.Column("command_id", sa.String(36), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["command_batch.id"], name="fk_command_batch_item_batch_id"),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name="fk_command_batch_item_charger_id"),
        sa.ForeignKeyConstraint(["command_id"], ["command.id"], name="fk_command_batch_item_command_id"),
        sa.PrimaryKeyConstraint("id", name="pk_command_batch_item"),
    )
    op.create_index("ix_command_batch_item_batch_id_state", "command_batch_item", ["batch_id", "state"])
    op.create_index("ix_command_batch_item_charger_id", "command_batch_item", ["charger_id"])
    op.create_index("ix_command_batch_item_command_id", "command_batch_item", ["command_id"])


def downgrade() -> None:
    op.drop_table("command_batch_item")
    op.drop_table("command_batch")
