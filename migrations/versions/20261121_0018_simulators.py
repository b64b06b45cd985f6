"""Chargers in software that somebody has set up.

Revision: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "simulator",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("identity_folded", sa.String(48), nullable=False),
        sa.Column("cp_path", sa.String(200), nullable=False),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("ws_port", sa.Integer(), nullable=True),
        sa.Column("rfid", sa.String(20), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("kwh_min", sa.String(24), nullable=False),
        sa.Column("kwh_max", sa.String(24), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("pre_charge_delay", sa.Integer(), nullable=False),
        sa.Column("repeat", sa.Boolean(), nullable=False),
        sa.Column("username", sa.String(80), nullable=True),
        sa.Column("password_sealed", sa.Text(), nullable=True),
        sa.Column("autostart", sa.Boolean(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("claimed_by", sa.String(64), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.String(255), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_simulator"),
        sa.UniqueConstraint("identity_folded", name="uq_simulator_identity_folded"),
    )


def downgrade() -> None:
    op.drop_table("simulator")
