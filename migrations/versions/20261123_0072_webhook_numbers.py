"""Webhooks look for new sessions by the numbers that they got: their ids tell nothing of their order.

Revision: 0072
Revises: 0071
"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _look_from("SELECT last FROM serial WHERE name = 'transaction'")


def downgrade() -> None:
    _look_from('SELECT max(id) FROM "transaction"')


def _look_from(position: str) -> None:
    statement = f"UPDATE webhook_cursor SET position = coalesce(({position}), 0) WHERE source = 'transaction'"  # noqa: S608
    op.execute(sa.text(statement))
