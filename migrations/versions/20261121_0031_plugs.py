"""What a connector is, and what programs know it by.

Revision: 0031
Revises: 0030
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("connector") as batch:
        batch.add_column(sa.Column("uuid", sa.String(36), nullable=True))
        for name in ("standard", "format", "power_type"):
            batch.add_column(sa.Column(name, sa.String(32), nullable=True))
    connector = sa.table("connector", sa.column("id", sa.BigInteger), sa.column("uuid", sa.String))
    bind = op.get_bind()
    for connector_id in bind.scalars(sa.select(connector.c.id)).all():
        mine = connector.update().where(connector.c.id == connector_id)
        bind.execute(mine.values(uuid=str(uuid.uuid4())))
    with op.batch_alter_table("connector") as batch:
        batch.alter_column("uuid", existing_type=sa.String(36), nullable=False)
        batch.create_unique_constraint(op.f("uq_connector_uuid"), ["uuid"])


def downgrade() -> None:
    with op.batch_alter_table("connector") as batch:
        batch.drop_constraint(op.f("uq_connector_uuid"), type_="unique")
        for name in ("power_type", "format", "standard", "uuid"):
            batch.drop_column(name)
