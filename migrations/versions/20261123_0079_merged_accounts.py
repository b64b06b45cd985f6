"""Accounts that were merged with another: their ledger stays, and all else is the other's.

Revision: 0079
Revises: 0078
"""

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = "merged_into_id"
KEY = "fk_account_merged_into_id"


def upgrade() -> None:
    with op.batch_alter_table("account") as batch:
        batch.add_column(sa.Column(NAME, BigId, nullable=True))
        batch.create_foreign_key(KEY, "account", [NAME], ["id"])
        batch.create_index("ix_account_merged_into_id", [NAME])


def downgrade() -> None:
    with op.batch_alter_table("account") as batch:
        batch.drop_index("ix_account_merged_into_id")
        batch.drop_constraint(KEY, type_="foreignkey")
        batch.drop_column(NAME)
