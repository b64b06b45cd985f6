"""Alerts, and the rules that raise them.

Revision: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KIND = sa.Enum(
    "offline",
    "faulted",
    "refused",
    "pending",
    "boot_loop",
    "security",
    "certificate",
    "unbilled",
    "doubtful",
    "silent",
    "drift",
    "low_success",
    "grid_limit",
    "mail",
    "webhook",
    name="alertkind",
    native_enum=False,
    length=32,
)


def upgrade() -> None:
    op.create_table(
        "alert_rule",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("after_minutes", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=True),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("mail_to", sa.JSON(), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_rule"),
    )
    op.create_table(
        "alert",
        sa.Column("id", BIG, nullable=False),
        sa.Column("rule_id", BIG, nullable=False),
        sa.Column("open_key", sa.String(80), nullable=True),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["rule_id"], ["alert_rule.id"], name="fk_alert_rule_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.UniqueConstraint("rule_id", "open_key", name="uq_alert_rule_id_open_key"),
    )
    op.create_index("ix_alert_raised_at", "alert", ["raised_at"])
    op.create_index("ix_alert_recovered_at", "alert", ["recovered_at"])


def downgrade() -> None:
    op.drop_index("ix_alert_recovered_at", table_name="alert")
    op.drop_index("ix_alert_raised_at", table_name="alert")
    op.drop_table("alert")
    op.drop_table("alert_rule")
