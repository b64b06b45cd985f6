"""Subscriptions.

Revision: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "subscription_product",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("description", sa.String(500), nullable=True),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("included_cents", sa.BigInteger(), nullable=False),
        sa.Column("included_wh", sa.BigInteger(), nullable=False),
        sa.Column("renewal_days", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("withdrawn_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_subscription_product"),
    )
    op.create_table(
        "subscription",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("product_id", BIG, nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("included_cents", sa.BigInteger(), nullable=False),
        sa.Column("included_wh", sa.BigInteger(), nullable=False),
        sa.Column("renewal_days", sa.Integer(), nullable=False),
        sa.Column("started_at", WHEN, nullable=False),
        sa.Column("next_renewal_at", WHEN, nullable=True),
        sa.Column("look_at", WHEN, nullable=True),
        sa.Column("periods", sa.Integer(), nullable=False),
        sa.Column("overdue_since", WHEN, nullable=True),
        sa.Column("cancelled_at", WHEN, nullable=True),
        sa.Column("cancelled_by", sa.String(80), nullable=True),
        sa.Column("ended_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_subscription"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_subscription_account_id"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["subscription_product.id"], name="fk_subscription_product_id"
        ),
    )
    for column in ("account_id", "look_at", "product_id"):
        op.create_index(f"ix_subscription_{column}", "subscription", [column])


def downgrade() -> None:
    op.drop_table("subscription")
    op.drop_table("subscription_product")
