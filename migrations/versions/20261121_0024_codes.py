"""Each connector has a short code, for whoever cannot scan its label.

Revision: 0024
Revises: 0023
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

LETTERS, DIGITS = "ABCDEFGHJKMNPQRSTUVWXYZ", "23456789"

connector = sa.table("connector", sa.column("id", sa.BigInteger), sa.column("code", sa.String))


def upgrade() -> None:
    with op.batch_alter_table("connector") as batch:
        batch.add_column(sa.Column("code", sa.String(6), nullable=True))
    bind = op.get_bind()
    taken: set[str] = set()
    for (row_id,) in bind.execute(sa.select(connector.c.id)).all():
        code = _new()
        while code in taken:
            code = _new()
        taken.add(code)
        bind.execute(sa.update(connector).where(connector.c.id == row_id).values(code=code))
    with op.batch_alter_table("connector") as batch:
        batch.alter_column("code", existing_type=sa.String(6), nullable=False)
        batch.create_unique_constraint(op.f("uq_connector_code"), ["code"])


def _new() -> str:
    return "".join(secrets.choice(LETTERS) + secrets.choice(DIGITS) for _ in range(3))


def downgrade() -> None:
    with op.batch_alter_table("connector") as batch:
        batch.drop_constraint(op.f("uq_connector_code"), type_="unique")
        batch.drop_column("code")
