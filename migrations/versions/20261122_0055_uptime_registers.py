"""A connector's uptime is kept as registers, whose difference is what a period brought.

Revision: 0055
Revises: 0054
"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAMES = ("known", "outage", "excluded")
TOTALS = ", ".join(f"sum({x}_s) OVER before" for x in NAMES)
DAYS = ", ".join(f"{x}_total_s - lag({x}_total_s, 1, 0) OVER before" for x in NAMES)
WITHIN = "WINDOW before AS (PARTITION BY connector_id ORDER BY day)"


def upgrade() -> None:
    _create("uptime_register", "_total_s", ("day", "connector_id"), sqlite_with_rowid=False)
    op.execute(
        f"INSERT INTO uptime_register SELECT day, connector_id, {TOTALS} FROM uptime_day {WITHIN} "  # noqa: S608
        "ORDER BY day, connector_id"
    )
    op.create_index("ix_uptime_register_connector_id_day", "uptime_register", ["connector_id", "day"])
    op.drop_table("uptime_day")


def downgrade() -> None:
    _create("uptime_day", "_s", ("connector_id", "day"))
    op.execute(
        f"INSERT INTO uptime_day SELECT connector_id, day, {DAYS} FROM uptime_register {WITHIN}"  # noqa: S608
    )
    op.create_index("ix_uptime_day_summed", "uptime_day", ["connector_id", "day", *(f"{x}_s" for x in NAMES)])
    op.drop_table("uptime_register")


def _create(table: str, ending: str, key: tuple[str, str], **options: bool) -> None:
    columns = {
        "connector_id": sa.Column("connector_id", BIG, autoincrement=False, nullable=False),
        "day": sa.Column("day", sa.Date(), nullable=False),
    }
    op.create_table(
        table,
        *(columns[x] for x in key),
        *(sa.Column(name + ending, sa.Integer(), nullable=False) for name in NAMES),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector.id"],
            name=f"fk_{table}_connector_id_connector",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(*key, name=f"pk_{table}"),
        **options,
    )
