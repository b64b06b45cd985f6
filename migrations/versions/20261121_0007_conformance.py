"""Deviations from the specification, quirks and scores.

Revision: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


KINDS = (
    "not_json",
    "message_shape",
    "message_id_number",
    "key_twice",
    "bad_unicode",
    "too_big",
    "action_unknown",
    "payload_null",
    "member_missing",
    "member_null",
    "member_misspelt",
    "member_unexpected",
    "list_empty",
    "single_for_list",
    "number_for_text",
    "text_for_number",
    "fraction_for_whole",
    "text_for_truth",
    "wrong_type",
    "text_empty",
    "text_too_long",
    "word_case",
    "word_unknown",
    "value_refused",
    "decimal_comma",
    "value_no_number",
    "unit_missing",
    "time_format",
    "time_unreadable",
    "time_zone_missing",
    "clock_wrong",
    "error_code_unknown",
    "answer_late",
    "answer_unasked",
)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Added plainly, not in batch mode: SQLite must not copy these tables, which are the largest.
    op.add_column("frame", sa.Column("deviations", sa.String(length=255), nullable=True))
    op.add_column("charger", sa.Column("is_strict", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("charger", sa.Column("quirks_choice", sa.String(length=40), nullable=True))
    op.create_table(
        "subject",
        sa.Column("id", BIG, nullable=False),
        sa.Column("charger_id", BIG, nullable=False),
        sa.Column("vendor", sa.String(length=50), nullable=False),
        sa.Column("model", sa.String(length=50), nullable=False),
        sa.Column("firmware_version", sa.String(length=50), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["charger_id"], ["charger.id"], name=op.f("fk_subject_charger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject")),
        sa.UniqueConstraint(
            "charger_id",
            "vendor",
            "model",
            "firmware_version",
            name=op.f("uq_subject_charger_id_vendor_model_firmware_version"),
        ),
    )
    op.create_table(
        "deviation_count",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subject_id", BIG, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="deviation", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("example_frame_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subject.id"], name=op.f("fk_deviation_count_subject_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deviation_count")),
        sa.UniqueConstraint(
            "subject_id",
            "kind",
            "action",
            "place",
            name=op.f("uq_deviation_count_subject_id_kind_action_place"),
        ),
    )


def downgrade() -> None:
    op.drop_table("deviation_count")
    op.drop_table("subject")
    op.drop_column("charger", "quirks_choice")
    op.drop_column("charger", "is_strict")
    op.drop_column("frame", "deviations")
