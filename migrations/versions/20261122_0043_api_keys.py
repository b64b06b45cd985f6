"""API keys; a site that goes takes with it what was limited to it.

Revision: 0043
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("key_id", sa.String(12), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("old_hash", sa.String(64), nullable=True),
        sa.Column("old_until", WHEN, nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("is_site_bound", sa.Boolean(), nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=True),
        sa.Column("revoked_at", WHEN, nullable=True),
        sa.Column("last_used_at", WHEN, nullable=True),
        sa.Column("last_used_from", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_api_key_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("key_id", name="uq_api_key_key_id"),
    )
    op.create_index("ix_api_key_user_id", "api_key", ["user_id"])
    op.create_table(
        "api_key_site",
        sa.Column("api_key_id", BIG, nullable=False),
        sa.Column("site_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_key.id"], name="fk_api_key_site_api_key_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_api_key_site_site_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("api_key_id", "site_id", name="pk_api_key_site"),
    )
    op.create_index("ix_api_key_site_site_id", "api_key_site", ["site_id"])
    with op.batch_alter_table("user_site") as batch:
        batch.drop_constraint("fk_user_site_site_id", type_="foreignkey")
        batch.create_foreign_key("fk_user_site_site_id", "site", ["site_id"], ["id"], ondelete="CASCADE")


def downgrade() -> None:
    with op.batch_alter_table("user_site") as batch:
        batch.drop_constraint("fk_user_site_site_id", type_="foreignkey")
        batch.create_foreign_key("fk_user_site_site_id", "site", ["site_id"], ["id"])
    op.drop_table("api_key_site")
    op.drop_index("ix_api_key_user_id", table_name="api_key")
    op.drop_table("api_key")
