"""Desired configuration and local lists.

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def _choice(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, length=32)


def upgrade() -> None:
    op.add_column("charger", sa.Column("is_quiet", sa.Boolean(), nullable=True))
    op.add_column("charger", sa.Column("site", sa.String(length=80), nullable=True))
    op.create_index(op.f("ix_charger_site"), "charger", ["site"])
    op.add_column(
        "command", sa.Column("is_automatic", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "configuration_key", sa.Column("is_missing", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    _templates()
    _upkeep()
    _local_lists()


def _local_lists() -> None:
    op.create_table(
        "local_list",
        sa.Column("charger_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("is_wanted", sa.Boolean(), nullable=True),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column(
            "state", _choice("liststate", "off", "behind", "in_step", "failed", "unsupported"), nullable=False
        ),
        sa.Column("detail", sa.String(length=255), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("told_version", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.JSON(), nullable=False),
        sa.Column("pending", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("command_id", sa.String(length=36), nullable=True),
        sa.Column("asks_version", sa.Boolean(), nullable=False),
        sa.Column("is_full_due", sa.Boolean(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("due_by", sa.String(length=80), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("synced_at", MOMENT, nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=True),
        sa.Column("most_entries", sa.Integer(), nullable=True),
        sa.Column("most_per_message", sa.Integer(), nullable=True),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_local_list_charger_id")),
        sa.PrimaryKeyConstraint("charger_id", name=op.f("pk_local_list")),
    )
    for column in ("due_at", "is_on"):
        op.create_index(op.f(f"ix_local_list_{column}"), "local_list", [column])


def _templates() -> None:
    op.create_table(
        "configuration_template",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("vendor", sa.String(length=80), nullable=True),
        sa.Column("model", sa.String(length=80), nullable=True),
        sa.Column("firmware", sa.String(length=80), nullable=True),
        sa.Column("site", sa.String(length=80), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("apply", _choice("apply", "never", "on_boot"), nullable=False),
        sa.Column("resets", sa.Boolean(), nullable=False),
        sa.Column("keeps_list", sa.Boolean(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_template")),
    )


def _upkeep() -> None:
    op.create_table(
        "configuration_upkeep",
        sa.Column("charger_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("read_due_at", MOMENT, nullable=True),
        sa.Column("read_by", sa.String(length=80), nullable=True),
        sa.Column("unread", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("is_after_boot", sa.Boolean(), nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("most_keys", sa.Integer(), nullable=True),
        sa.Column("apply_due_at", MOMENT, nullable=True),
        sa.Column("apply_by", sa.String(length=80), nullable=True),
        sa.Column("needs_reset", sa.Boolean(), nullable=False),
        sa.Column("reset_due_at", MOMENT, nullable=True),
        sa.Column("reset_by", sa.String(length=80), nullable=True),
        sa.Column("resets", sa.Integer(), nullable=False),
        sa.Column("boots", sa.JSON(), nullable=False),
        sa.Column("halted_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["charger_id"], ["charger.id"], name=op.f("fk_configuration_upkeep_charger_id")
        ),
        sa.PrimaryKeyConstraint("charger_id", name=op.f("pk_configuration_upkeep")),
    )
    for column in ("read_due_at", "apply_due_at", "reset_due_at", "halted_at"):
        op.create_index(op.f(f"ix_configuration_upkeep_{column}"), "configuration_upkeep", [column])
    op.create_table(
        "configuration_write",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("charger_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("written_by", sa.String(length=80), nullable=True),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("command_id", sa.String(length=36), nullable=True),
        sa.Column(
            "answer",
            _choice("writeanswer", "accepted", "needs_reset", "rejected", "not_supported"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["charger_id"], ["charger.id"], name=op.f("fk_configuration_write_charger_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_write")),
        sa.UniqueConstraint("charger_id", "name", name=op.f("uq_configuration_write_charger_id_name")),
    )


def downgrade() -> None:
    op.drop_table("local_list")
    op.drop_table("configuration_write")
    op.drop_table("configuration_upkeep")
    op.drop_table("configuration_template")
    op.drop_column("configuration_key", "is_missing")
    op.drop_column("command", "is_automatic")
    op.drop_index(op.f("ix_charger_site"), "charger")
    op.drop_column("charger", "site")
    op.drop_column("charger", "is_quiet")
