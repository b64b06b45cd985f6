"""What peers of OCPI order, and what they are told.

Revision: 0064
Revises: 0063
"""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

STATES = sa.Enum("queued", "delivered", "failed", name="pushstate", native_enum=False, length=32)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ocpi_order",
        sa.Column("id", BIG, nullable=False),
        sa.Column("peer_id", BIG, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("command_id", sa.String(36)),
        sa.Column("response_url", sa.String(500)),
        sa.Column("reservation_key", sa.String(36)),
        sa.Column("reservation_id", sa.BigInteger()),
        sa.Column("told_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["ocpi_peer.id"], name="fk_ocpi_order_peer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ocpi_order"),
    )
    op.create_index("ix_ocpi_order_told_at", "ocpi_order", ["told_at"])
    op.create_index("ix_ocpi_order_peer_id_reservation_key", "ocpi_order", ["peer_id", "reservation_key"])
    op.create_table(
        "ocpi_push",
        sa.Column("id", BIG, nullable=False),
        sa.Column("peer_id", BIG, nullable=False),
        sa.Column("about", sa.String(80), nullable=False),
        sa.Column("method", sa.String(8), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", STATES, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("status_code", sa.Integer()),
        sa.Column("answer", sa.String(300)),
        sa.Column("settled_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["ocpi_peer.id"], name="fk_ocpi_push_peer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ocpi_push"),
    )
    op.create_index("ix_ocpi_push_due_at", "ocpi_push", ["due_at"])
    op.create_index("ix_ocpi_push_peer_id_about", "ocpi_push", ["peer_id", "about"])
    op.create_index("ix_ocpi_push_created_at", "ocpi_push", ["created_at"])
    op.create_table(
        "ocpi_told",
        sa.Column("peer_id", BIG, nullable=False),
        sa.Column("about", sa.String(80), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("told_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["ocpi_peer.id"], name="fk_ocpi_told_peer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("peer_id", "about", name="pk_ocpi_told"),
    )
    op.create_table(
        "ocpi_cursor",
        sa.Column("source", sa.String(24), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_ocpi_cursor"),
    )


def downgrade() -> None:
    for table in ("ocpi_cursor", "ocpi_told", "ocpi_push", "ocpi_order"):
        op.drop_table(table)
