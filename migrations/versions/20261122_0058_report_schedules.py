"""Reports that are sent by e-mail again and again.

Revision: 0058
Revises: 0057
"""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

GROUPINGS = sa.Enum(
    "day", "month", "site", "charger", "driver", name="grouping", native_enum=False, length=32
)
EVERY = sa.Enum("week", "month", name="every", native_enum=False, length=32)
FORMATS = sa.Enum("xlsx", "pdf", name="format", native_enum=False, length=32)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "report_schedule",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("grouping", GROUPINGS, nullable=False),
        sa.Column("every", EVERY, nullable=False),
        sa.Column("format", FORMATS, nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.String(300)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_.id"], name="fk_report_schedule_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_report_schedule"),
    )
    op.create_index("ix_report_schedule_user_id", "report_schedule", ["user_id"])
    op.create_index("ix_report_schedule_due_at", "report_schedule", ["due_at"])


def downgrade() -> None:
    op.drop_table("report_schedule")
