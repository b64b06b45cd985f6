"""Cards may have a PIN.

Revision: 0047
Revises: 0046
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("id_token", sa.Column("pin_hash", sa.String(200)))
    op.add_column("id_token", sa.Column("pin_tries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("id_token", sa.Column("pin_paused_until", sa.DateTime(timezone=True)))


def downgrade() -> None:
    with op.batch_alter_table("id_token") as table:
        table.drop_column("pin_paused_until")
        table.drop_column("pin_tries")
        table.drop_column("pin_hash")
