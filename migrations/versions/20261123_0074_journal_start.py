"""Where each charger's journal begins, once its oldest entries are not kept any more.

Revision: 0074
Revises: 0073
"""

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    empty = sa.text("''" if op.get_bind().dialect.name == "postgresql" else "x''")
    op.add_column(
        "link_lease", sa.Column("chain_start", sa.LargeBinary(), nullable=False, server_default=empty)
    )


def downgrade() -> None:
    op.drop_column("link_lease", "chain_start")
