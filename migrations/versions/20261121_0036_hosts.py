"""Site hosts have sites; the audit is a chain.

Revision: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "user_site",
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("site_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_user_site_user_id"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_user_site_site_id"),
        sa.PrimaryKeyConstraint("user_id", "site_id", name="pk_user_site"),
    )
    op.create_index("ix_user_site_site_id", "user_site", ["site_id"])
    op.add_column("audit_entry", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("audit_entry", sa.Column("chain", sa.String(64), nullable=True))
    with op.batch_alter_table("audit_entry") as batch:
        batch.create_unique_constraint("uq_audit_entry_position", ["position"])


def downgrade() -> None:
    with op.batch_alter_table("audit_entry") as batch:
        batch.drop_constraint("uq_audit_entry_position", type_="unique")
        batch.drop_column("chain")
        batch.drop_column("position")
    op.drop_table("user_site")
