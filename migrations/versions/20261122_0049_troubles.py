"""What drivers tell of stations that do not react.

Revision: 0049
Revises: 0048
"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = ("no_start", "no_stop", "stuck", "damaged", "other")


def upgrade() -> None:
    op.create_table(
        "trouble",
        sa.Column("id", BIG, nullable=False),
        sa.Column("charger_id", BIG, nullable=False),
        sa.Column("evse_number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Enum(*KINDS, name="troublekind", native_enum=False, length=32), nullable=False),
        sa.Column("words", sa.String(300)),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("closed_by", sa.String(80)),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name="fk_trouble_charger_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trouble"),
    )
    op.create_index("ix_trouble_charger_id_closed_at", "trouble", ["charger_id", "closed_at"])
    op.create_index("ix_trouble_closed_at", "trouble", ["closed_at"])


def downgrade() -> None:
    op.drop_table("trouble")
