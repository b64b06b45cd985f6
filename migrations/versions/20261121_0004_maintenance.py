"""Firmware, logs and their transfers.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "firmware_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("vendor", sa.String(length=50), nullable=True),
        sa.Column("model", sa.String(length=50), nullable=True),
        sa.Column("stored_as", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("signing_certificate", sa.Text(), nullable=True),
        sa.Column("signature", sa.String(length=800), nullable=True),
        sa.Column("is_removed", sa.Boolean(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=80), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firmware_file")),
        sa.UniqueConstraint("stored_as", name=op.f("uq_firmware_file_stored_as")),
    )
    op.create_table(
        "rollout",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("firmware_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("vendor", sa.String(length=50), nullable=True),
        sa.Column("model", sa.String(length=50), nullable=True),
        sa.Column("version_from", sa.String(length=50), nullable=True),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running", "paused", "done", "cancelled", name="rolloutstate", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("is_signed", sa.Boolean(), nullable=False),
        sa.Column("waits_for_idle", sa.Boolean(), nullable=False),
        sa.Column("gate_s", sa.Integer(), nullable=False),
        sa.Column("most_failures", sa.Integer(), nullable=False),
        sa.Column("forgiven", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=True),
        sa.Column("gate_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["firmware_id"], ["firmware_file.id"], name=op.f("fk_rollout_firmware_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollout")),
    )
    with op.batch_alter_table("rollout", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rollout_firmware_id"), ["firmware_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rollout_state"), ["state"], unique=False)

    op.create_table(
        "maintenance_job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("charger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "diagnostics",
                "diagnostics_log",
                "security_log",
                "firmware",
                "signed_firmware",
                name="jobkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "ordered",
                "running",
                "done",
                "failed",
                "cancelled",
                name="jobstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("command_id", sa.String(length=36), nullable=True),
        sa.Column("firmware_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rollout_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("location", sa.String(length=512), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("address_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retries", sa.Integer(), nullable=True),
        sa.Column("retry_interval_s", sa.Integer(), nullable=True),
        sa.Column("oldest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retrieve_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("install_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("word", sa.String(length=40), nullable=True),
        sa.Column("word_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_name", sa.String(length=255), nullable=True),
        sa.Column("is_uploaded", sa.Boolean(), nullable=False),
        sa.Column("is_installed", sa.Boolean(), nullable=False),
        sa.Column("version_before", sa.String(length=50), nullable=True),
        sa.Column("version_wanted", sa.String(length=50), nullable=True),
        sa.Column("version_seen", sa.String(length=50), nullable=True),
        sa.Column("booted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.String(length=255), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_by", sa.String(length=80), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_maintenance_job_charger_id")),
        sa.ForeignKeyConstraint(
            ["firmware_id"], ["firmware_file.id"], name=op.f("fk_maintenance_job_firmware_id")
        ),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.id"], name=op.f("fk_maintenance_job_rollout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_job")),
        sa.UniqueConstraint(
            "charger_id", "request_id", name=op.f("uq_maintenance_job_charger_id_request_id")
        ),
        sa.UniqueConstraint("token_hash", name=op.f("uq_maintenance_job_token_hash")),
    )
    with op.batch_alter_table("maintenance_job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_maintenance_job_command_id"), ["command_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_maintenance_job_firmware_id"), ["firmware_id"], unique=False)
        batch_op.create_index("ix_maintenance_job_rollout_id_stage", ["rollout_id", "stage"], unique=False)
        batch_op.create_index("ix_maintenance_job_state_due_at", ["state", "due_at"], unique=False)

    op.create_table(
        "maintenance_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("charger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_log", sa.Boolean(), nullable=False),
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_maintenance_event_charger_id")),
        sa.ForeignKeyConstraint(["job_id"], ["maintenance_job.id"], name=op.f("fk_maintenance_event_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_event")),
    )
    with op.batch_alter_table("maintenance_event", schema=None) as batch_op:
        batch_op.create_index("ix_maintenance_event_charger_id_at", ["charger_id", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_maintenance_event_job_id"), ["job_id"], unique=False)

    op.create_table(
        "received_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("charger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("stored_as", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_received_file_charger_id")),
        sa.ForeignKeyConstraint(["job_id"], ["maintenance_job.id"], name=op.f("fk_received_file_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_file")),
        sa.UniqueConstraint("stored_as", name=op.f("uq_received_file_stored_as")),
    )
    with op.batch_alter_table("received_file", schema=None) as batch_op:
        batch_op.create_index(
            "ix_received_file_charger_id_received_at", ["charger_id", "received_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_received_file_job_id"), ["job_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_received_file_received_at"), ["received_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("received_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_received_file_received_at"))
        batch_op.drop_index(batch_op.f("ix_received_file_job_id"))
        batch_op.drop_index("ix_received_file_charger_id_received_at")

    op.drop_table("received_file")
    with op.batch_alter_table("maintenance_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_maintenance_event_job_id"))
        batch_op.drop_index("ix_maintenance_event_charger_id_at")

    op.drop_table("maintenance_event")
    with op.batch_alter_table("maintenance_job", schema=None) as batch_op:
        batch_op.drop_index("ix_maintenance_job_state_due_at")
        batch_op.drop_index("ix_maintenance_job_rollout_id_stage")
        batch_op.drop_index(batch_op.f("ix_maintenance_job_firmware_id"))
        batch_op.drop_index(batch_op.f("ix_maintenance_job_command_id"))

    op.drop_table("maintenance_job")
    with op.batch_alter_table("rollout", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rollout_state"))
        batch_op.drop_index(batch_op.f("ix_rollout_firmware_id"))

    op.drop_table("rollout")
    op.drop_table("firmware_file")
