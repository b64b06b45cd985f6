"""Payments by card, and every step of them.

Revision: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _payments()
    op.create_table(
        "payment_event",
        sa.Column("id", BigId, nullable=False),
        sa.Column("payment_id", sa.String(36), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(255), nullable=True),
        sa.Column("by", sa.String(80), nullable=True),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_payment_event_payment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_event")),
    )
    op.create_index(op.f("ix_payment_event_payment_id"), "payment_event", ["payment_id"])
    op.create_table(
        "payment_news",
        sa.Column("id", BigId, nullable=False),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("payment_id", sa.String(36), nullable=True),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_payment_news_payment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_news")),
        sa.UniqueConstraint("provider", "event_id", name=op.f("uq_payment_news_provider_event_id")),
    )
    op.create_index(op.f("ix_payment_news_payment_id"), "payment_news", ["payment_id"])
    op.create_index(op.f("ix_payment_news_received_at"), "payment_news", ["received_at"])
    _test_checkouts()


def _payments() -> None:
    op.create_table(
        "payment",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("reference", sa.String(255), nullable=True),
        sa.Column("intent", sa.String(255), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("asked_cents", sa.BigInteger(), nullable=False),
        sa.Column("held_cents", sa.BigInteger(), nullable=False),
        sa.Column("captured_cents", sa.BigInteger(), nullable=False),
        sa.Column("refunded_cents", sa.BigInteger(), nullable=False),
        sa.Column("charger_id", BigId, nullable=False),
        sa.Column("connector_id", BigId, nullable=False),
        sa.Column("id_token_id", BigId, nullable=True),
        sa.Column("command_id", sa.String(36), nullable=True),
        sa.Column("transaction_id", BigId, nullable=True),
        sa.Column("wanted", sa.String(32), nullable=True),
        sa.Column("wanted_cents", sa.BigInteger(), nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment, nullable=True),
        sa.Column("reason", sa.String(255), nullable=True),
        sa.Column("problem", sa.String(255), nullable=True),
        sa.Column("problem_at", Moment, nullable=True),
        sa.Column("stop_asked_at", Moment, nullable=True),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("held_at", Moment, nullable=True),
        sa.Column("held_until", Moment, nullable=True),
        sa.Column("settled_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_payment_charger_id")),
        sa.ForeignKeyConstraint(["connector_id"], ["connector.id"], name=op.f("fk_payment_connector_id")),
        sa.ForeignKeyConstraint(
            ["id_token_id"], ["id_token.id"], name=op.f("fk_payment_id_token_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["transaction.id"],
            name=op.f("fk_payment_transaction_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_payment_provider_reference")),
    )
    for column in ("intent", "charger_id", "id_token_id", "transaction_id", "due_at", "problem_at"):
        op.create_index(op.f(f"ix_payment_{column}"), "payment", [column])
    op.create_index("ix_payment_state_requested_at", "payment", ["state", "requested_at"])


def _test_checkouts() -> None:
    op.create_table(
        "test_checkout",
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("payment_id", sa.String(36), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("return_url", sa.String(500), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("asked_cents", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=True),
        sa.Column("captured_cents", sa.BigInteger(), nullable=False),
        sa.Column("refunded_cents", sa.BigInteger(), nullable=False),
        sa.Column("released_at", Moment, nullable=True),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("held_at", Moment, nullable=True),
        sa.Column("news_at", Moment, nullable=True),
        sa.Column("news_left", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_test_checkout")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_test_checkout_payment_id")),
    )
    op.create_index(op.f("ix_test_checkout_news_at"), "test_checkout", ["news_at"])


def downgrade() -> None:
    for table in ("test_checkout", "payment_news", "payment_event", "payment"):
        op.drop_table(table)
