"""Reservations.

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = ("planned", "requested", "reserved", "used", "expired", "cancelled", "refused", "lost")


def upgrade() -> None:
    op.create_table(
        "reservation",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("charger_id", BIG_ID, nullable=False),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("id_tag", sa.String(length=20), nullable=False),
        sa.Column("parent_uid", sa.String(length=20), nullable=True),
        sa.Column("account_id", BIG_ID, nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="reservationstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("detail", sa.String(length=255), nullable=True),
        sa.Column("answer_status", sa.String(length=40), nullable=True),
        sa.Column("created_by", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("command_id", sa.String(length=36), nullable=True),
        sa.Column("cancel_command_id", sa.String(length=36), nullable=True),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_reservation_account_id")),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_reservation_charger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
    )
    with op.batch_alter_table("reservation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reservation_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_reservation_charger_id_state", ["charger_id", "state"], unique=False)
        batch_op.create_index("ix_reservation_starts_at", ["starts_at"], unique=False)
        batch_op.create_index("ix_reservation_state_starts_at", ["state", "starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_reservation_transaction_id"), ["transaction_id"], unique=False)


def downgrade() -> None:
    op.drop_table("reservation")
