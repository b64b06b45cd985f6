"""What is published and what is not, for the people who run the chargers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import Session, contains_eager, selectinload

from csms.domain.chargers import Charger, Connector, Evse
from csms.domain.roaming.locations import is_placed, is_shown, is_whole, listed

SITE, PLACE, PLUG = "site", "place", "plug"


@dataclass(frozen=True, slots=True)
class Standing:
    """How much is published, and some of what is shown to everybody and is not: (charger, what is missing)."""

    sites: int
    evses: int
    left_out: Sequence[tuple[Charger, str]]


def standing(session: Session, *, most: int) -> Standing:
    """For the page; at most so many are named that are left out. Four queries."""
    base = select(Evse.id).select_from(Evse).join(Connector, Connector.evse_id == Evse.id)
    published = base.join(Evse.charger).join(Charger.site).where(is_shown(), is_placed(), is_whole())
    evses = session.scalar(select(func.count()).select_from(published.distinct().subquery())) or 0
    sites = session.scalar(select(func.count()).select_from(listed().subquery())) or 0
    has_whole = exists().where(Connector.charger_id == Charger.id, is_whole()).correlate(Charger)
    query = (
        select(Charger)
        .outerjoin(Charger.site)
        .where(is_shown(), ~and_(is_placed(), has_whole))
        .options(contains_eager(Charger.site), selectinload(Charger.connectors))
        .order_by(Charger.identity)
        .limit(most)
    )
    missing = [(x, lack) for x in session.scalars(query) if (lack := _lack(x))]
    return Standing(sites, evses, missing)


def _lack(charger: Charger) -> str | None:
    site = charger.site
    if site is None:
        return SITE
    if not (site.address and site.city and site.country) or None in (site.latitude, site.longitude):
        return PLACE
    is_whole = any(x.standard and x.format and x.power_type and x.max_power_w for x in charger.connectors)
    return None if is_whole else PLUG
