"""Files that go with a mail.

Revision: 0054
Revises: 0053
"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mail_attachment",
        sa.Column("id", BIG, nullable=False),
        sa.Column("mail_id", BIG, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("mimetype", sa.String(80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["mail.id"], name="fk_mail_attachment_mail_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_mail_attachment"),
    )
    op.create_index("ix_mail_attachment_mail_id", "mail_attachment", ["mail_id"])


def downgrade() -> None:
    op.drop_table("mail_attachment")
