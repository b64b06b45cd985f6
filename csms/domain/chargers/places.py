"""Where chargers stand and how they are, for the map. One query of plain columns, however many there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain.chargers.models import Admission, Charger, Connector, ConnectorStatus, LinkLease
from csms.domain.sites import Site

# Which of its connectors speaks for a charger: the broken one, then the busy ones, then the free ones.
PRECEDENCE = (
    ConnectorStatus.FAULTED,
    ConnectorStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EVSE,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.PREPARING,
    ConnectorStatus.FINISHING,
    ConnectorStatus.RESERVED,
    ConnectorStatus.AVAILABLE,
    ConnectorStatus.UNAVAILABLE,
    ConnectorStatus.UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A charger that works here, with its state in one word. Degrees: its own or its site's; None: nobody placed it."""

    charger_id: int
    title: str
    location: str | None
    latitude: float | None
    longitude: float | None
    is_simulated: bool
    status: str  # a ConnectorStatus; Offline; Unknown when it never came
    site_id: int | None
    is_own: bool  # it has coordinates of its own
    plan_at: tuple[float, float] | None  # on its site's plan: parts from the left and from the top


def spots(session: Session, *, at: datetime, site_id: int | None = None) -> Sequence[Spot]:
    """All accepted chargers by name, or those of one site."""
    title = func.coalesce(Charger.name, Charger.identity)
    query = (
        select(
            Charger.id,
            title.label("title"),
            func.coalesce(Charger.location, Site.name).label("location"),
            func.coalesce(Charger.latitude, Site.latitude).label("latitude"),
            func.coalesce(Charger.longitude, Site.longitude).label("longitude"),
            Charger.is_simulated,
            Charger.site_id,
            Charger.latitude.is_not(None).label("is_own"),
            Charger.plan_x,
            Charger.plan_y,
            Charger.status.label("own"),
            LinkLease.online_until,
            LinkLease.last_seen_at,
            Connector.status.label("connector"),
        )
        .select_from(Charger)
        .outerjoin(Charger.site)
        .outerjoin(LinkLease, LinkLease.charger_id == Charger.id)
        .outerjoin(Connector, Connector.charger_id == Charger.id)
        .where(Charger.admission == Admission.ACCEPTED)
        .order_by(func.lower(title), Charger.id)
    )
    if site_id is not None:
        query = query.where(Charger.site_id == site_id)
    found = []
    for _, grouped in groupby(session.execute(query), key=lambda row: row.id):
        rows = list(grouped)
        row = rows[0]
        if row.online_until is None or row.online_until <= at:
            status = "Offline" if row.last_seen_at else "Unknown"
        else:
            status = overall(row.own, (x.connector for x in rows if x.connector is not None)).value
        found.append(
            Spot(
                row.id,
                row.title,
                row.location,
                row.latitude,
                row.longitude,
                row.is_simulated,
                status,
                row.site_id,
                row.is_own,
                None if row.plan_x is None or row.plan_y is None else (row.plan_x, row.plan_y),
            )
        )
    return found


def overall(own: ConnectorStatus, connectors: Iterable[ConnectorStatus]) -> ConnectorStatus:
    """The state of a charger in one word; its own is asked when no connector has said anything."""
    told = [x for x in connectors if x is not ConnectorStatus.UNKNOWN]
    return min(told, key=PRECEDENCE.index) if told else own
