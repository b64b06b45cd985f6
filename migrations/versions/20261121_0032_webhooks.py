"""Webhooks: who subscribes to what, what was sent, and how far events were looked for.

Revision: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EVENT = sa.Enum(
    "transaction.started",
    "transaction.updated",
    "transaction.ended",
    "charger.online",
    "charger.offline",
    "charger.faulted",
    "command.settled",
    "cdr.created",
    "alert.raised",
    "alert.recovered",
    "ping",
    name="event",
    native_enum=False,
    length=32,
)
STATE = sa.Enum(
    "queued", "delivered", "failed", "dropped", name="deliverystate", native_enum=False, length=32
)


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("off_why", sa.String(200), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", BIG, nullable=False),
        sa.Column("webhook_id", BIG, nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("event", EVENT, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(300), nullable=True),
        sa.Column("took_ms", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], name="fk_webhook_delivery_webhook_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_delivery"),
        sa.UniqueConstraint("webhook_id", "key", name="uq_webhook_delivery_webhook_id_key"),
    )
    op.create_index("ix_webhook_delivery_due_at", "webhook_delivery", ["due_at"])
    op.create_index("ix_webhook_delivery_created_at", "webhook_delivery", ["created_at"])
    op.create_table(
        "webhook_cursor",
        sa.Column("source", sa.String(24), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_webhook_cursor"),
    )
    op.create_table(
        "webhook_open",
        sa.Column("transaction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("told_wh", sa.BigInteger(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", name="pk_webhook_open"),
    )


def downgrade() -> None:
    op.drop_table("webhook_open")
    op.drop_table("webhook_cursor")
    op.drop_index("ix_webhook_delivery_created_at", table_name="webhook_delivery")
    op.drop_index("ix_webhook_delivery_due_at", table_name="webhook_delivery")
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
