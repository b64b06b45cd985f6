"""Where chargers stand and how they are, for the map. One query of plain columns, however many there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain.chargers.models import Admission, Charger, Connector, ConnectorStatus, LinkLease

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
    """A charger that works here, with its state in one word. Degrees are None where nobody has placed it."""

    charger_id: int
    title: str
    location: str | None
    latitude: float | None
    longitude: float | None
    is_simulated: bool
    status: str  # a ConnectorStatus; Offline; Unknown when it never came


def spots(session: Session, *, at: datetime) -> Sequence[Spot]:
    """All accepted chargers by name."""
    title = func.coalesce(Charger.name, Charger.identity)
    query = (
        select(
            Charger.id,
            title.label("title"),
            Charger.location,
            Charger.latitude,
            Charger.longitude,
            Charger.is_simulated,
            Charger.status.label("own"),
            LinkLease.online_until,
            LinkLease.last_seen_at,
            Connector.status.label("connector"),
        )
        .select_from(Charger)
        .outerjoin(LinkLease, LinkLease.charger_id == Charger.id)
        .outerjoin(Connector, Connector.charger_id == Charger.id)
        .where(Charger.admission == Admission.ACCEPTED)
        .order_by(func.lower(title), Charger.id)
    )
    found = []
    for _, grouped in groupby(session.execute(query), key=lambda row: row.id):
        rows = list(grouped)
        row = rows[0]
        if row.online_until is None or row.online_until <= at:
            status = "Offline" if row.last_seen_at else "Unknown"
        else:
            status = overall(row.own, (x.connector for x in rows if x.connector is not None)).value
        found.append(
            Spot(row.id, row.title, row.location, row.latitude, row.longitude, row.is_simulated, status)
        )
    return found


def overall(own: ConnectorStatus, connectors: Iterable[ConnectorStatus]) -> ConnectorStatus:
    """The state of a charger in one word; its own is asked when no connector has said anything."""
    told = [x for x in connectors if x is not ConnectorStatus.UNKNOWN]
    return min(told, key=PRECEDENCE.index) if told else own
