"""What is kept of a connector's day, for reports of uptime.

Revision: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "uptime_day",
        sa.Column("connector_id", BIG, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("known_s", sa.Integer(), nullable=False),
        sa.Column("outage_s", sa.Integer(), nullable=False),
        sa.Column("excluded_s", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector.id"],
            name="fk_uptime_day_connector_id_connector",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "day", name="pk_uptime_day"),
    )
    op.create_index("ix_uptime_day_day", "uptime_day", ["day"])


def downgrade() -> None:
    op.drop_table("uptime_day")
