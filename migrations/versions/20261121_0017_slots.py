"""Prices and limits by five-minute slots; tariffs with them; profiles that are kept by themselves.

Revision: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KIND = sa.Enum("tariff", "capacity", name="slotkind", native_enum=False, length=32)


def upgrade() -> None:
    op.create_table(
        "slot_range",
        sa.Column("id", BIG, nullable=False),
        sa.Column("connector_id", BIG, nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(24), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signal_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.String(80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connector_id"], ["connector.id"], name="fk_slot_range_connector_id"),
        sa.PrimaryKeyConstraint("id", name="pk_slot_range"),
    )
    op.create_index("ix_slot_range_connector_id_kind", "slot_range", ["connector_id", "kind"])
    op.create_index("ix_slot_range_kind_ends_at", "slot_range", ["kind", "ends_at"])
    op.create_index("ix_slot_range_signal_id", "slot_range", ["signal_id"])
    with op.batch_alter_table("tariff") as table:
        table.add_column(sa.Column("is_derived", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("base_id", BIG, nullable=True))
        table.create_foreign_key("fk_tariff_base_id", "tariff", ["base_id"], ["id"])
    op.add_column("charging_profile_assignment", sa.Column("source", sa.String(24), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("charging_profile_assignment") as table:
        table.drop_column("source")
    with op.batch_alter_table("tariff") as table:
        table.drop_constraint("fk_tariff_base_id", type_="foreignkey")
        table.drop_column("base_id")
        table.drop_column("is_derived")
    op.drop_index("ix_slot_range_signal_id", table_name="slot_range")
    op.drop_index("ix_slot_range_kind_ends_at", table_name="slot_range")
    op.drop_index("ix_slot_range_connector_id_kind", table_name="slot_range")
    op.drop_table("slot_range")
