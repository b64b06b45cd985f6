"""Peers of OCPI, and their drivers' cards.

Revision: 0063
Revises: 0062
"""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

STATES = sa.Enum("invited", "registered", "suspended", "left", name="peerstate", native_enum=False, length=32)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ocpi_peer",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("state", STATES, nullable=False),
        sa.Column("country_code", sa.String(2)),
        sa.Column("party_id", sa.String(3)),
        sa.Column("versions_url", sa.String(500)),
        sa.Column("token_hash", sa.String(64)),
        sa.Column("their_token_sealed", sa.Text()),
        sa.Column("is_plain", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("endpoints", sa.JSON(), nullable=False),
        sa.Column("last_contact_at", MOMENT),
        sa.Column("last_error", sa.String(300)),
        sa.Column("last_error_at", MOMENT),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", MOMENT),
        sa.Column("created_by", sa.String(80)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("registered_at", MOMENT),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_ocpi_peer_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ocpi_peer"),
        sa.UniqueConstraint("token_hash", name="uq_ocpi_peer_token_hash"),
    )
    op.create_table(
        "ocpi_card",
        sa.Column("id", BIG, nullable=False),
        sa.Column("peer_id", BIG, nullable=False),
        sa.Column("id_token_id", BIG, nullable=False),
        sa.Column("key", sa.String(80)),
        sa.Column("country_code", sa.String(2), nullable=False),
        sa.Column("party_id", sa.String(3), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("contract_id", sa.String(36), nullable=False),
        sa.Column("authorization_reference", sa.String(36)),
        sa.Column("is_good", sa.Boolean(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("last_updated", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["ocpi_peer.id"], name="fk_ocpi_card_peer_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["id_token_id"], ["id_token.id"], name="fk_ocpi_card_id_token_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ocpi_card"),
        sa.UniqueConstraint("key", name="uq_ocpi_card_key"),
        sa.UniqueConstraint("id_token_id", name="uq_ocpi_card_id_token_id"),
    )
    op.create_index("ix_ocpi_card_peer_id", "ocpi_card", ["peer_id"])


def downgrade() -> None:
    op.drop_table("ocpi_card")
    op.drop_table("ocpi_peer")
