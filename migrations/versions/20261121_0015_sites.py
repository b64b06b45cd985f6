"""Sites: each name that chargers shared becomes one.

Revision: 0015
Revises: 0014
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TEXTS = {
    "country_code": 2,
    "party_id": 3,
    "address": 200,
    "city": 80,
    "postal_code": 20,
    "state": 80,
    "country": 3,
    "parking_type": 32,
    "time_zone": 64,
    "substation_id": 80,
    "opening_hours": 200,
    "contact_name": 80,
    "contact_email": 254,
    "contact_phone": 40,
}

charger = sa.table(
    "charger",
    sa.column("id", sa.BigInteger),
    sa.column("site", sa.String),
    sa.column("site_id", sa.BigInteger),
)


def upgrade() -> None:
    site = op.create_table(
        "site",
        sa.Column("id", BigId, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("name_folded", sa.String(160), nullable=False),
        *(sa.Column(name, sa.String(length), nullable=True) for name, length in TEXTS.items()),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("uuid", name=op.f("uq_site_uuid")),
        sa.UniqueConstraint("name_folded", name=op.f("uq_site_name_folded")),
    )
    op.create_index(op.f("ix_site_substation_id"), "site", ["substation_id"])
    with op.batch_alter_table("charger") as batch:
        batch.add_column(sa.Column("site_id", BigId, nullable=True))
        batch.create_foreign_key(op.f("fk_charger_site_id"), "site", ["site_id"], ["id"])
    _gather(site)
    with op.batch_alter_table("charger") as batch:
        batch.drop_index(op.f("ix_charger_site"))
        batch.drop_column("site")
        batch.create_index(op.f("ix_charger_site_id"), ["site_id"])


def _gather(site: sa.Table) -> None:
    """A site of each name, compared without case, and its chargers there."""
    bind = op.get_bind()
    found: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    for row in bind.execute(sa.select(charger.c.id, charger.c.site).order_by(charger.c.id)).all():
        name = (row.site or "").strip()
        if name:
            folded = name.casefold()[:160]
            names.setdefault(folded, name)
            found.setdefault(folded, []).append(row.id)
    for folded, ids in found.items():
        row = {"uuid": str(uuid.uuid4()), "name": names[folded], "name_folded": folded}
        bind.execute(site.insert().values(**row, created_at=sa.func.now(), changed_at=sa.func.now()))
        site_id = bind.scalar(sa.select(site.c.id).where(site.c.name_folded == folded))
        for first in range(0, len(ids), 500):
            some = charger.c.id.in_(ids[first : first + 500])
            bind.execute(sa.update(charger).where(some).values(site_id=site_id))


def downgrade() -> None:
    with op.batch_alter_table("charger") as batch:
        batch.add_column(sa.Column("site", sa.String(80), nullable=True))
    site = sa.table("site", sa.column("id", sa.BigInteger), sa.column("name", sa.String))
    name = sa.select(site.c.name).where(site.c.id == charger.c.site_id).scalar_subquery()
    op.get_bind().execute(sa.update(charger).values(site=name))
    with op.batch_alter_table("charger") as batch:
        batch.drop_index(op.f("ix_charger_site_id"))
        batch.drop_constraint(op.f("fk_charger_site_id"), type_="foreignkey")
        batch.drop_column("site_id")
        batch.create_index(op.f("ix_charger_site"), ["site"])
    op.drop_index(op.f("ix_site_substation_id"), "site")
    op.drop_table("site")
