"""Plans of sites, and where chargers stand on them.

Revision: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "site_plan",
        sa.Column("site_id", BigId, autoincrement=False, nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_plan_site_id")),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_site_plan")),
    )
    op.add_column("charger", sa.Column("plan_x", sa.Double(), nullable=True))
    op.add_column("charger", sa.Column("plan_y", sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("charger") as batch:
        batch.drop_column("plan_y")
        batch.drop_column("plan_x")
    op.drop_table("site_plan")
