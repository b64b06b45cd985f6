"""Passwords in the addresses that chargers have among their keys are not kept any more.

Revision: 0073
Revises: 0072
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

PASSWORD = re.compile(r"(://[^/@:\s]*:)[^/\s]+(@)")


def upgrade() -> None:
    connection = op.get_bind()
    for name in ("configuration_key", "configuration_write"):
        table = sa.table(name, sa.column("id", sa.BigInteger), sa.column("value", sa.Text))
        with_address = sa.select(table.c.id, table.c.value).where(table.c.value.like("%://%:%@%"))
        for row in connection.execute(with_address).all():
            kept = PASSWORD.sub(r"\1…\2", row.value)
            connection.execute(sa.update(table).where(table.c.id == row.id).values(value=kept))


def downgrade() -> None:
    """What is gone is gone."""
