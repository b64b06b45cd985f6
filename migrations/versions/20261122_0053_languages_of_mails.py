"""The language that a mail is written in, and that of the page on which a stranger gave an address or paid.

Revision: 0053
Revises: 0052
"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

WRITTEN = ("mail", "notice")  # what stands there so far is English


def upgrade() -> None:
    for table in WRITTEN:
        op.add_column(table, sa.Column("language", sa.String(8), nullable=False, server_default="en"))
        with op.batch_alter_table(table) as batch:
            batch.alter_column("language", server_default=None)
    op.add_column("payment", sa.Column("language", sa.String(8), nullable=True))


def downgrade() -> None:
    op.drop_column("payment", "language")
    for table in reversed(WRITTEN):
        op.drop_column(table, "language")
