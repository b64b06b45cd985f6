"""Users have names, addresses that are shown to be theirs, log-ins by browser, and identities elsewhere.

Revision: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("first_name", sa.String(80), nullable=True),
        sa.Column("last_name", sa.String(80), nullable=True),
        sa.Column("email_folded", sa.String(254), nullable=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("image", sa.String(300), nullable=True),
        sa.Column("sockets", sa.JSON(), nullable=True),
        sa.Column("tariff_preference", sa.String(24), nullable=True),
    )


def upgrade() -> None:
    for column in columns():
        op.add_column("user_", column)
    # An owner has added whoever is there: their addresses are taken as theirs.
    op.execute(
        "UPDATE user_ SET email_folded = lower(email), email_verified_at = created_at WHERE email <> ''"
    )
    op.create_index("ix_user__email_folded", "user_", ["email_folded"])
    op.create_table(
        "log_in",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("way", sa.String(40), nullable=False),
        sa.Column("address", sa.String(64), nullable=True),
        sa.Column("agent", sa.String(200), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_log_in_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_log_in"),
        sa.UniqueConstraint("key_hash", name="uq_log_in_key_hash"),
    )
    op.create_index("ix_log_in_user_id", "log_in", ["user_id"])
    op.create_table(
        "identity",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_identity_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_identity"),
        sa.UniqueConstraint("issuer", "subject", name="uq_identity_issuer_subject"),
    )
    op.create_index("ix_identity_user_id", "identity", ["user_id"])
    with op.batch_alter_table("one_time_link") as batch:
        batch.add_column(sa.Column("user_id", BIG, nullable=True))
        batch.add_column(sa.Column("email", sa.String(254), nullable=True))
        batch.create_foreign_key("fk_one_time_link_user_id", "user_", ["user_id"], ["id"])
        batch.create_index("ix_one_time_link_user_id", ["user_id"])


def downgrade() -> None:
    with op.batch_alter_table("one_time_link") as batch:
        batch.drop_index("ix_one_time_link_user_id")
        batch.drop_constraint("fk_one_time_link_user_id", type_="foreignkey")
        batch.drop_column("email")
        batch.drop_column("user_id")
    op.drop_table("identity")
    op.drop_table("log_in")
    op.drop_index("ix_user__email_folded", "user_")
    for column in columns():
        op.drop_column("user_", column.name)
