"""Where chargers stand and how they are, for the map. One query of plain columns, however many there are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Subquery, case, false, func, select
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


def spots(session: Session, *, at: datetime, site_ids: Collection[int] | None = None) -> Sequence[Spot]:
    """All accepted chargers by name, or those at these sites."""
    title = func.coalesce(Charger.name, Charger.identity)
    loudest = _loudest()
    query: Select[*tuple[Any, ...]] = (
        select(
            Charger.id,
            title.label("title"),
            func.coalesce(Charger.location, Site.name),
            func.coalesce(Charger.latitude, Site.latitude),
            func.coalesce(Charger.longitude, Site.longitude),
            Charger.is_simulated,
            Charger.site_id,
            Charger.latitude.is_not(None),
            Charger.plan_x,
            Charger.plan_y,
            Charger.status,
            func.coalesce(LinkLease.online_until > at, false()),
            LinkLease.last_seen_at.is_not(None),
            loudest.c.place,
        )
        .select_from(Charger)
        .outerjoin(Charger.site)
        .outerjoin(LinkLease, LinkLease.charger_id == Charger.id)
        .outerjoin(loudest, loudest.c.charger_id == Charger.id)
        .where(Charger.admission == Admission.ACCEPTED)
        .order_by(Charger.sorting_name, Charger.id)
    )
    if site_ids is not None:
        query = query.where(Charger.site_id.in_(site_ids))
    return [_spot(*row) for row in session.execute(query)]


def _loudest() -> Subquery:
    """Of each charger the place in PRECEDENCE of the connector that speaks for it, of those that have said anything."""
    places = {status: place for place, status in enumerate(PRECEDENCE)}
    return (
        select(Connector.charger_id, func.min(case(places, value=Connector.status)).label("place"))
        .where(Connector.status != ConnectorStatus.UNKNOWN)
        .group_by(Connector.charger_id)
        .subquery()
    )


def _spot(
    charger_id: int,
    title: str,
    location: str | None,
    latitude: float | None,
    longitude: float | None,
    is_simulated: bool,
    site_id: int | None,
    is_own: bool,
    plan_x: float | None,
    plan_y: float | None,
    own: ConnectorStatus,
    is_online: bool,
    was_seen: bool,
    place: int | None,
) -> Spot:
    status = "Offline" if was_seen else "Unknown"
    if is_online:
        status = (own if place is None else PRECEDENCE[place]).value
    plan_at = None if plan_x is None or plan_y is None else (plan_x, plan_y)
    return Spot(
        charger_id, title, location, latitude, longitude, is_simulated, status, site_id, is_own, plan_at
    )


def number_without_site(session: Session) -> int:
    """How many accepted chargers stand at no site."""
    query = select(func.count()).where(Charger.admission == Admission.ACCEPTED, Charger.site_id.is_(None))
    return session.scalar(query) or 0


def overall(own: ConnectorStatus, connectors: Iterable[ConnectorStatus]) -> ConnectorStatus:
    """The state of a charger in one word; its own is asked when no connector has said anything."""
    told = [x for x in connectors if x is not ConnectorStatus.UNKNOWN]
    return min(told, key=PRECEDENCE.index) if told else own
