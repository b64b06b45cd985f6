"""Second factors, and their recovery codes.

Revision: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "second_factor",
        sa.Column("user_id", BIG, autoincrement=False, nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("confirmed_at", WHEN, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", WHEN, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_second_factor_user_id"),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factor"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("used_at", WHEN, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_recovery_code_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_code"),
    )
    op.create_index("ix_recovery_code_user_id", "recovery_code", ["user_id"])
    with op.batch_alter_table("log_in") as batch:
        batch.add_column(sa.Column("needs_factor", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("log_in") as batch:
        batch.alter_column("needs_factor", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("log_in") as batch:
        batch.drop_column("needs_factor")
    op.drop_index("ix_recovery_code_user_id", table_name="recovery_code")
    op.drop_table("recovery_code")
    op.drop_table("second_factor")
