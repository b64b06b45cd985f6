"""Second backends of chargers, and what they call our transactions.

Revision: 0062
Revises: 0061
"""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = sa.Enum(
    "waiting",
    "idle",
    "connected",
    "away",
    "not_accepted",
    name="state",
    native_enum=False,
    length=32,
)


def upgrade() -> None:
    op.create_table(
        "forwarder",
        sa.Column("charger_id", BIG, autoincrement=False, nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("identity", sa.String(48), nullable=False),
        sa.Column("password_sealed", sa.Text()),
        sa.Column("traffic", sa.JSON(), nullable=False),
        sa.Column("permits", sa.JSON(), nullable=False),
        sa.Column("cards", sa.JSON(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("lasting", sa.JSON(), nullable=False),
        sa.Column("state", STATES, nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(255)),
        sa.Column("away_since", sa.DateTime(timezone=True)),
        sa.Column("next_try_at", sa.DateTime(timezone=True)),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("last_refusal", sa.String(255)),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("differing", sa.Integer(), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.Column("claimed_by", sa.String(64)),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name="fk_forwarder_charger_id"),
        sa.PrimaryKeyConstraint("charger_id", name="pk_forwarder"),
    )
    op.create_table(
        "forwarded_transaction",
        sa.Column("charger_id", BIG, autoincrement=False, nullable=False),
        sa.Column("ours", sa.String(64), nullable=False),
        sa.Column("theirs", sa.String(64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name="fk_forwarded_transaction_charger_id"),
        sa.PrimaryKeyConstraint("charger_id", "ours", name="pk_forwarded_transaction"),
    )
    op.create_index(
        "ix_forwarded_transaction_charger_id_theirs", "forwarded_transaction", ["charger_id", "theirs"]
    )


def downgrade() -> None:
    op.drop_table("forwarded_transaction")
    op.drop_table("forwarder")
