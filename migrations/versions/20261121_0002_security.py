"""Certificates, security profiles and security events.

Revision: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _extend()
    _signing()
    _installed()
    _events()


def _extend() -> None:
    with op.batch_alter_table("charger") as batch:
        batch.add_column(sa.Column("next_key_hash", sa.String(120), nullable=True))
        batch.add_column(sa.Column("key_command_id", sa.String(36), nullable=True))
        batch.add_column(sa.Column("security_profile", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("target_profile", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("proven_profile", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("link_lease") as batch:
        batch.add_column(sa.Column("offered_profile", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("transport", sa.String(120), nullable=True))
        batch.add_column(sa.Column("fingerprint", sa.String(64), nullable=True))
    # Whoever was asked for a key goes on being asked for it.
    op.execute("UPDATE charger SET security_profile = 1 WHERE key_hash IS NOT NULL")


def _signing() -> None:
    op.create_table(
        "signing_request",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("charger_id", BIG_ID, nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("csr", sa.Text(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(255), nullable=True),
        sa.Column("subject", sa.String(255), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("serial_number", sa.String(40), nullable=True),
        sa.Column("fingerprint", sa.String(64), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("command_id", sa.String(36), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_signing_request_charger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_request")),
        sa.UniqueConstraint("digest", name=op.f("uq_signing_request_digest")),
    )
    op.create_index("ix_signing_request_charger_id_id", "signing_request", ["charger_id", "id"])
    op.create_index("ix_signing_request_due_at", "signing_request", ["due_at"])
    op.create_index("ix_signing_request_fingerprint", "signing_request", ["fingerprint"])
    op.create_index(op.f("ix_signing_request_command_id"), "signing_request", ["command_id"])
    op.create_table(
        "root_certificate",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("serial_number", sa.String(40), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_root_certificate")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_root_certificate_fingerprint")),
    )


def _installed() -> None:
    op.create_table(
        "installed_certificate",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("charger_id", BIG_ID, nullable=False),
        sa.Column("use", sa.String(32), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("hash_algorithm", sa.String(10), nullable=False),
        sa.Column("issuer_name_hash", sa.String(128), nullable=False),
        sa.Column("issuer_key_hash", sa.String(128), nullable=False),
        sa.Column("serial_number", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(255), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["charger_id"], ["charger.id"], name=op.f("fk_installed_certificate_charger_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installed_certificate")),
        sa.UniqueConstraint(
            "charger_id", "use", "digest", name=op.f("uq_installed_certificate_charger_id_use_digest")
        ),
    )


def _events() -> None:
    op.create_table(
        "security_event",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("charger_id", BIG_ID, nullable=False),
        sa.Column("type", sa.String(50), nullable=False),
        sa.Column("tech_info", sa.String(255), nullable=True),
        sa.Column("is_critical", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at_text", sa.String(40), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_security_event_charger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_event")),
        sa.UniqueConstraint("digest", name=op.f("uq_security_event_digest")),
    )
    op.create_index("ix_security_event_charger_id_id", "security_event", ["charger_id", "id"])
    op.create_index("ix_security_event_open", "security_event", ["is_open", "charger_id"])


def downgrade() -> None:
    for table in ("security_event", "installed_certificate", "root_certificate", "signing_request"):
        op.drop_table(table)
    with op.batch_alter_table("link_lease") as batch:
        for name in ("fingerprint", "transport", "offered_profile"):
            batch.drop_column(name)
    with op.batch_alter_table("charger") as batch:
        for name in (
            "proven_profile",
            "target_profile",
            "security_profile",
            "key_command_id",
            "next_key_hash",
        ):
            batch.drop_column(name)
