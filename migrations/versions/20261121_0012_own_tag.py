"""Every charger has a tag of its own.

Revision: 0012
Revises: 0011
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charger", sa.Column("own_tag", sa.String(36), nullable=True))
    charger = sa.table("charger", sa.column("id", sa.BigInteger), sa.column("own_tag", sa.String))
    bind = op.get_bind()
    for charger_id in bind.scalars(sa.select(charger.c.id)).all():
        bind.execute(charger.update().where(charger.c.id == charger_id).values(own_tag=str(uuid.uuid4())))
    with op.batch_alter_table("charger") as batch:
        batch.alter_column("own_tag", existing_type=sa.String(36), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("charger") as batch:
        batch.drop_column("own_tag")
