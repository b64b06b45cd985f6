"""What payment providers transfer to the bank, and what each transfer is made of.

Revision: 0059
Revises: 0058
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

STATE = sa.Enum(
    "pending", "in_transit", "paid", "failed", "cancelled", name="payoutstate", native_enum=False, length=32
)
KIND = sa.Enum("capture", "refund", "fee", "other", name="linekind", native_enum=False, length=32)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "payout",
        sa.Column("id", BIG, nullable=False),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("reference", sa.String(255), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrives_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("is_itemised", sa.Boolean(), nullable=False),
        sa.Column("lines_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_payout"),
        sa.UniqueConstraint("provider", "reference", name="uq_payout_provider_reference"),
    )
    op.create_index("ix_payout_arrives_on_id", "payout", ["arrives_on", "id"])
    op.create_index("ix_payout_made_at", "payout", ["made_at"])
    op.create_table(
        "payout_line",
        sa.Column("id", BIG, nullable=False),
        sa.Column("payout_id", BIG, nullable=False),
        sa.Column("reference", sa.String(255), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("fee_cents", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(255)),
        sa.Column("intent", sa.String(255)),
        sa.Column("payment_id", sa.String(36)),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payout.id"], name="fk_payout_line_payout_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name="fk_payout_line_payment_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payout_line"),
        sa.UniqueConstraint("payout_id", "reference", name="uq_payout_line_payout_id_reference"),
    )
    op.create_index("ix_payout_line_payment_id", "payout_line", ["payment_id"])
    op.create_table(
        "payout_round",
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("told_at", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.String(255)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_payout_round"),
    )
    op.create_index("ix_payout_round_due_at", "payout_round", ["due_at"])
    # Whoever has a provider already is told of its payouts, too.
    op.execute(
        "INSERT INTO payout_round (provider, due_at, attempts) SELECT value, changed_at, 0 FROM setting"
        " WHERE name = 'payment_provider' AND value <> ''"
    )


def downgrade() -> None:
    op.drop_table("payout_round")
    op.drop_table("payout_line")
    op.drop_table("payout")
