"""Tags of chargers, and the views that people keep of their list.

Revision: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "charger_tag",
        sa.Column("charger_id", BIG, autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name="fk_charger_tag_charger_id"),
        sa.PrimaryKeyConstraint("charger_id", "tag", name="pk_charger_tag"),
    )
    op.create_index("ix_charger_tag_tag", "charger_tag", ["tag"])
    op.create_table(
        "saved_view",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("name_folded", sa.String(60), nullable=False),
        sa.Column("query", sa.String(1000), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_saved_view_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_view"),
        sa.UniqueConstraint("user_id", "name_folded", name="uq_saved_view_user_id_name_folded"),
    )


def downgrade() -> None:
    op.drop_table("saved_view")
    op.drop_table("charger_tag")
