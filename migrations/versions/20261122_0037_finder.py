"""Sites and chargers that anybody finds; users' units of distance.

Revision: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("site", sa.Column("is_public", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("site") as table:
        table.alter_column("is_public", server_default=None)
    op.add_column("charger", sa.Column("is_public", sa.Boolean()))
    unit = sa.Enum("km", "mi", name="distanceunit", native_enum=False, length=32)
    op.add_column("user_", sa.Column("distance_unit", unit))


def downgrade() -> None:
    with op.batch_alter_table("user_") as table:
        table.drop_column("distance_unit")
    with op.batch_alter_table("charger") as table:
        table.drop_column("is_public")
    with op.batch_alter_table("site") as table:
        table.drop_column("is_public")
