"""What peers of OCPI see, remembered: they are told of what changes.

Revision: 0065
Revises: 0064
"""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

THINGS = sa.Enum("location", "evse", "tariff", name="thing", native_enum=False, length=32)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ocpi_published",
        sa.Column("thing", THINGS, nullable=False),
        sa.Column("location_id", sa.String(36), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("gone_at", MOMENT),
        sa.PrimaryKeyConstraint("thing", "location_id", "id", name="pk_ocpi_published"),
    )
    op.create_index("ix_ocpi_published_location_id", "ocpi_published", ["location_id"])
    op.execute("DELETE FROM ocpi_cursor WHERE source = 'site'")


def downgrade() -> None:
    op.drop_table("ocpi_published")
