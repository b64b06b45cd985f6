"""What the values of configuration keys were before.

Revision: 0071
Revises: 0070
"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "configuration_change",
        sa.Column("id", BIG, nullable=False),
        sa.Column("charger_id", BIG, nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("old_value", sa.Text()),
        sa.Column("new_value", sa.Text()),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_set", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.String(80)),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name="fk_configuration_change_charger_id"),
        sa.PrimaryKeyConstraint("id", name="pk_configuration_change"),
    )
    op.create_index("ix_configuration_change_charger_id_name", "configuration_change", ["charger_id", "name"])


def downgrade() -> None:
    op.drop_table("configuration_change")
