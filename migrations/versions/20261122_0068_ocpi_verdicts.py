"""Cards about which a peer of OCPI is asked each time, and what it has said.

Revision: 0068
Revises: 0067
"""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("id_token", sa.Column("is_asked", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("id_token", sa.Column("vouched_until", MOMENT))
    op.create_index("ix_id_token_is_asked", "id_token", ["is_asked"])
    _mark_asked()
    op.create_table(
        "ocpi_verdict",
        sa.Column("id", BIG, nullable=False),
        sa.Column("card_id", BIG, nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("good_until", MOMENT, nullable=False),
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
        sa.Column("word", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(36)),
        sa.ForeignKeyConstraint(
            ["card_id"], ["ocpi_card.id"], name="fk_ocpi_verdict_card_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ocpi_verdict"),
    )
    op.create_index("ix_ocpi_verdict_card_id_asked_at", "ocpi_verdict", ["card_id", "asked_at"])


def _mark_asked() -> None:
    """Cards that are here already."""
    card = sa.table("ocpi_card", sa.column("id_token_id"), sa.column("key"), sa.column("body", sa.JSON()))
    token = sa.table("id_token", sa.column("id"), sa.column("is_asked", sa.Boolean()))
    bind = op.get_bind()
    rows = bind.execute(sa.select(card.c.id_token_id, card.c.body).where(card.c.key.is_not(None))).all()
    for number, body in rows:
        if body["whitelist"] in ("NEVER", "ALLOWED_OFFLINE"):
            bind.execute(sa.update(token).where(token.c.id == number).values(is_asked=True))


def downgrade() -> None:
    op.drop_table("ocpi_verdict")
    op.drop_index("ix_id_token_is_asked", "id_token")
    op.drop_column("id_token", "vouched_until")
    op.drop_column("id_token", "is_asked")
