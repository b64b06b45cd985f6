"""Channels for alerts, what waits for them, and the charger that an alert is about.

Revision: 0056
Revises: 0055
"""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KIND = sa.Enum("ntfy", "mqtt", name="channelkind", native_enum=False, length=32)
STATE = sa.Enum(
    "queued", "delivered", "failed", "dropped", name="deliverystate", native_enum=False, length=32
)


def upgrade() -> None:
    op.create_table(
        "alert_channel",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("user", sa.String(120), nullable=True),
        sa.Column("secret_sealed", sa.Text(), nullable=True),
        sa.Column("topic_prefix", sa.String(120), nullable=True),
        sa.Column("answer", sa.String(300), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_channel"),
    )
    op.create_table(
        "alert_message",
        sa.Column("id", BIG, nullable=False),
        sa.Column("channel_id", BIG, nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=True),
        sa.Column("topic", sa.String(250), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["alert_channel.id"], name="fk_alert_message_channel_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_message"),
    )
    op.create_index("ix_alert_message_due_at", "alert_message", ["due_at"])
    op.create_index("ix_alert_message_alert_id", "alert_message", ["alert_id"])
    op.create_index("ix_alert_message_created_at", "alert_message", ["created_at"])
    op.add_column("alert", sa.Column("identity", sa.String(48), nullable=True))
    op.add_column("alert_rule", sa.Column("channel_ids", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("alert_rule") as batch:
        batch.alter_column("channel_ids", server_default=None)


def downgrade() -> None:
    op.drop_column("alert_rule", "channel_ids")
    op.drop_column("alert", "identity")
    for index in ("created_at", "alert_id", "due_at"):
        op.drop_index(f"ix_alert_message_{index}", table_name="alert_message")
    op.drop_table("alert_message")
    op.drop_table("alert_channel")
