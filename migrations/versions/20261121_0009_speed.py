"""What every message asks for gets an index of the few rows that can be meant.

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _partial(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    op.drop_index("ix_command_awaits", table_name="command")
    _partial("ix_command_awaited", "command", "charger_id", "awaits IS NOT NULL")
    op.drop_index("ix_frame_ledger_key", table_name="frame")
    _partial("ix_frame_replies", "frame", "ledger_key", "ledger_key IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_frame_replies", table_name="frame")
    op.create_index("ix_frame_ledger_key", "frame", ["ledger_key"])
    op.drop_index("ix_command_awaited", table_name="command")
    op.create_index("ix_command_awaits", "command", ["awaits", "charger_id"])
