"""Tariffs become elements with restrictions; a session keeps when its car paused.

Revision: 0014
Revises: 0013
"""

from decimal import Decimal

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PRICES = ("price_per_kwh", "price_per_minute", "price_per_start", "price_per_idle_minute")
# The column, OCPI's dimension, and how many of the one are one of the other: an hour has 60 minutes.
DIMENSIONS = (
    ("price_per_kwh", "ENERGY", 1),
    ("price_per_minute", "TIME", 60),
    ("price_per_start", "FLAT", 1),
    ("price_per_idle_minute", "PARKING_TIME", 60),
)

version = sa.table(
    "tariff_version",
    sa.column("id", sa.BigInteger),
    sa.column("elements", sa.JSON),
    *(sa.column(name, sa.String(24)) for name in PRICES),
)


def _written(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _elements(row: sa.Row[tuple[object, ...]]) -> list[dict[str, object]]:
    given = [(kind, Decimal(str(getattr(row, name))) * per) for name, kind, per in DIMENSIONS]
    components = [{"type": kind, "price": _written(x), "step_size": 1} for kind, x in given if x]
    return [{"price_components": components}] if components else []


def _prices(elements: list[dict[str, list[dict[str, str]]]]) -> dict[str, str]:
    """The prices that hold without restrictions, or else the first ones that there are."""
    plain = [x for x in elements if not x.get("restrictions")] or elements
    prices = {name: "0" for name in PRICES}
    for element in reversed(plain):
        for component in element["price_components"]:
            for name, kind, per in DIMENSIONS:
                if component["type"] == kind:
                    price = Decimal(component["price"]) / per
                    prices[name] = _written(price.quantize(Decimal("0.000001")))
    return prices


def upgrade() -> None:
    with op.batch_alter_table("tariff_version") as batch_op:
        batch_op.add_column(sa.Column("elements", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("min_price", sa.String(24), nullable=True))
        batch_op.add_column(sa.Column("max_price", sa.String(24), nullable=True))
        batch_op.add_column(sa.Column("time_zone", sa.String(64), nullable=False, server_default="UTC"))
        batch_op.add_column(
            sa.Column("is_time_plugged_in", sa.Boolean(), nullable=False, server_default=sa.true())
        )
    connection = op.get_bind()
    for row in connection.execute(sa.select(version)).all():
        changed = sa.update(version).where(version.c.id == row.id).values(elements=_elements(row))
        connection.execute(changed)
    with op.batch_alter_table("tariff_version") as batch_op:
        batch_op.alter_column("elements", existing_type=sa.JSON(), nullable=False)
        batch_op.alter_column("time_zone", existing_type=sa.String(64), server_default=None)
        batch_op.alter_column("is_time_plugged_in", existing_type=sa.Boolean(), server_default=None)
        for name in PRICES:
            batch_op.drop_column(name)
    with op.batch_alter_table("transaction") as batch_op:
        batch_op.add_column(sa.Column("idle_spans", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("transaction") as batch_op:
        batch_op.drop_column("idle_spans")
    with op.batch_alter_table("tariff_version") as batch_op:
        for name in PRICES:
            batch_op.add_column(sa.Column(name, sa.String(24), nullable=False, server_default="0"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(version)).all():
        changed = sa.update(version).where(version.c.id == row.id).values(_prices(row.elements))
        connection.execute(changed)
    with op.batch_alter_table("tariff_version") as batch_op:
        for name in PRICES:
            batch_op.alter_column(name, existing_type=sa.String(24), server_default=None)
        for name in ("is_time_plugged_in", "time_zone", "max_price", "min_price", "elements"):
            batch_op.drop_column(name)
