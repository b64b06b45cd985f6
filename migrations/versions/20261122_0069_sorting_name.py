"""Chargers are listed by name, numbers in it by what they count; the first ones are found without sorting all of them.

Revision: 0069
Revises: 0068
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

DIGITS, LENGTH = 10, 200


def upgrade() -> None:
    column = sa.Column("sorting_name", sa.String(LENGTH), nullable=False, server_default="")
    op.add_column("charger", column)
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, coalesce(name, identity) FROM charger")).all()
    if rows:
        connection.execute(
            sa.text("UPDATE charger SET sorting_name = :sorting_name WHERE id = :id"),
            [{"id": id, "sorting_name": in_order(title)} for id, title in rows],
        )
    op.create_index("ix_charger_sorting_name", "charger", ["sorting_name", "id"])


def in_order(title: str) -> str:
    return re.sub(r"[0-9]+", lambda digits: digits[0].zfill(DIGITS), title.casefold())[:LENGTH]


def downgrade() -> None:
    op.drop_index("ix_charger_sorting_name", "charger")
    op.drop_column("charger", "sorting_name")
