"""Charging profiles.

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PURPOSE = sa.Enum(
    "ChargingStationExternalConstraints",
    "ChargingStationMaxProfile",
    "TxDefaultProfile",
    "TxProfile",
    name="purpose",
    native_enum=False,
    length=40,
)


def upgrade() -> None:
    op.create_table(
        "charging_profile",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charging_profile")),
    )
    _assignments()
    op.create_table(
        "charger_supply",
        sa.Column("charger_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("voltage_v", sa.Float(), nullable=False),
        sa.Column("phases", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_charger_supply_charger_id")),
        sa.PrimaryKeyConstraint("charger_id", name=op.f("pk_charger_supply")),
    )
    op.create_table(
        "composite_answer",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("charger_id", BIG_ID, nullable=False),
        sa.Column("evse_number", sa.Integer(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=True),
        sa.Column("unit", sa.Enum("A", "W", name="rateunit", native_enum=False, length=32), nullable=True),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_composite_answer_charger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_composite_answer")),
        sa.UniqueConstraint(
            "charger_id", "evse_number", name=op.f("uq_composite_answer_charger_id_evse_number")
        ),
    )


def _assignments() -> None:
    table = "charging_profile_assignment"
    op.create_table(
        table,
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("profile_id", BIG_ID, nullable=True),
        sa.Column("charger_id", BIG_ID, nullable=False),
        sa.Column("evse_number", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("purpose", PURPOSE, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("command_id", sa.String(length=36), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "ended_by",
            sa.Enum(
                "cleared",
                "replaced",
                "withdrawn",
                "over",
                "refused",
                name="ended",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("created_by", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f(f"fk_{table}_charger_id")),
        sa.ForeignKeyConstraint(["command_id"], ["command.id"], name=op.f(f"fk_{table}_command_id")),
        sa.ForeignKeyConstraint(["profile_id"], ["charging_profile.id"], name=op.f(f"fk_{table}_profile_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    with op.batch_alter_table(table, schema=None) as batch_op:
        for columns in (["charger_id", "ended_at"], ["transaction_id"], ["command_id"], ["profile_id"]):
            batch_op.create_index(batch_op.f(f"ix_{table}_{'_'.join(columns)}"), columns, unique=False)


def downgrade() -> None:
    op.drop_table("composite_answer")
    op.drop_table("charger_supply")
    op.drop_table("charging_profile_assignment")
    op.drop_table("charging_profile")
