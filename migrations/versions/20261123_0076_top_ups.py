"""Payments that add to an account's credit: they are made at no charger.

Revision: 0076
Revises: 0075
"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PLACE = ("charger_id", "connector_id")


def upgrade() -> None:
    with op.batch_alter_table("payment") as batch:
        batch.add_column(sa.Column("credited_account_id", BigId, nullable=True))
        batch.create_foreign_key("fk_payment_credited_account_id", "account", ["credited_account_id"], ["id"])
        batch.create_index("ix_payment_credited_account_id", ["credited_account_id"])
        for name in PLACE:
            batch.alter_column(name, existing_type=BigId, nullable=True)


def downgrade() -> None:
    """Payments for credit go, as they have no charger; what was booked of them stays in the ledger."""
    payment = sa.table("payment", sa.column("id"), sa.column("charger_id"))
    gone = sa.select(payment.c.id).where(payment.c.charger_id.is_(None))
    for name in ("payment_event", "payment_news", "payout_line"):
        table = sa.table(name, sa.column("payment_id"))
        rows = table.c.payment_id.in_(gone)
        if name == "payout_line":
            op.execute(table.update().where(rows).values(payment_id=None))
        else:
            op.execute(table.delete().where(rows))
    op.execute(payment.delete().where(payment.c.charger_id.is_(None)))
    with op.batch_alter_table("payment") as batch:
        batch.drop_index("ix_payment_credited_account_id")
        batch.drop_constraint("fk_payment_credited_account_id", type_="foreignkey")
        batch.drop_column("credited_account_id")
        for name in PLACE:
            batch.alter_column(name, existing_type=BigId, nullable=False)
