"""Cards are added at a charger, and known under more than one number.

Revision: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "card_alias",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("uid_folded", sa.String(36), nullable=False),
        sa.Column("id_token_id", BIG, nullable=False),
        sa.Column("created_by", sa.String(80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["id_token_id"], ["id_token.id"], name=op.f("fk_card_alias_id_token_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_alias")),
        sa.UniqueConstraint("uid_folded", name=op.f("uq_card_alias_uid_folded")),
    )
    op.create_index("ix_card_alias_id_token_id", "card_alias", ["id_token_id"])
    op.create_table(
        "card_scan",
        sa.Column("id", BIG, nullable=False),
        sa.Column("charger_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=True),
        sa.Column("requested_by", sa.String(80), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uid", sa.String(20), nullable=True),
        sa.Column("caught_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id_token_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_card_scan_charger_id")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_card_scan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_scan")),
    )
    op.create_index("ix_card_scan_charger_id", "card_scan", ["charger_id"])
    op.create_index("ix_card_scan_expires_at", "card_scan", ["expires_at"])


def downgrade() -> None:
    op.drop_table("card_scan")
    op.drop_table("card_alias")
