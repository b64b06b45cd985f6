"""Where a driver can charge: connectors of sites and chargers that are shown to everybody."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Float, Select, and_, case, cast, exists, func, select, true
from sqlalchemy.orm import Session, contains_eager

from csms.domain.chargers import Admission, Charger, Connector, ConnectorStatus
from csms.domain.chargers.filtering import is_online
from csms.domain.reservations import Reservation, ReservationState
from csms.domain.sites import Site
from csms.domain.transactions import Transaction, TransactionState
from csms.domain.words import all_in

EARTH_M = 6_371_000
OUT_OF_ORDER = (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)

Columns = TypeVarTuple("Columns")
Position = tuple[float, float]  # degrees north and east


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a driver looks for. `words`: of a place, a street or a station; `kind`: a connector's type in words;
    `near`: the nearest first, or else by name; `apart_from`: the id of a charger that is not meant.
    """

    words: str = ""
    kind: str | None = None
    least_w: int | None = None
    near: Position | None = None
    is_free: bool = True
    apart_from: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A connector, with its charger, that charger's lease and its site. `distance_m`: None without a position."""

    connector: Connector
    is_taken: bool
    is_kept: bool
    distance_m: int | None


def look(session: Session, wanted: Wanted, *, at: datetime, limit: int) -> Sequence[Found]:
    """One query, and at most `limit` rows of it, however many chargers there are."""
    taken, kept = _is_taken().label("taken"), _is_kept(at).label("kept")
    query = _filtered(_public(select(Connector, taken, kept)), wanted).options(
        contains_eager(Connector.charger).options(contains_eager(Charger.lease), contains_eager(Charger.site))
    )
    if wanted.is_free:
        query = query.where(
            is_online(at),
            Charger.status.not_in(OUT_OF_ORDER),
            Connector.status == ConnectorStatus.AVAILABLE,
            ~_is_taken(),
            ~_is_kept(at),
        )
    name = func.lower(func.coalesce(Site.name, Charger.name, ""))
    order = (_farness(wanted.near),) if wanted.near else (name, Charger.sorting_name)
    query = query.order_by(*order, Charger.id, Connector.evse_number, Connector.number)
    return [
        Found(connector, bool(is_taken), bool(is_kept), _distance(wanted.near, connector.charger.position))
        for connector, is_taken, is_kept in session.execute(query.limit(limit))
    ]


def kinds(session: Session) -> Sequence[str]:
    """The types of connectors that are shown to everybody, in words."""
    query = _public(select(Connector.type)).where(Connector.type.is_not(None)).distinct()
    return [x for x in session.scalars(query.order_by(Connector.type).limit(50)) if x]


def distance_m(one: Position, other: Position) -> int:
    """Between two places on the ground, as the crow flies."""
    south, north = math.radians(one[0]), math.radians(other[0])
    east = math.radians(other[1] - one[1])
    half = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(east / 2) ** 2
    return round(2 * EARTH_M * math.asin(min(1.0, math.sqrt(half))))


def _distance(near: Position | None, position: Position | None) -> int | None:
    return distance_m(near, position) if near and position else None


def _public(query: Select[*Columns]) -> Select[*Columns]:
    """Of accepted chargers that are shown: their own word counts before that of their site."""
    return (
        query.select_from(Connector)
        .join(Connector.charger)
        .outerjoin(Charger.lease)
        .outerjoin(Charger.site)
        .where(
            Charger.admission == Admission.ACCEPTED,
            func.coalesce(Charger.is_public, Site.is_public, False) == true(),
        )
    )


def _filtered(query: Select[*Columns], wanted: Wanted) -> Select[*Columns]:
    if wanted.words:
        columns = (Charger.name, Charger.location, Site.name, Site.address, Site.city, Site.postal_code)
        query = query.where(all_in(wanted.words, *columns))
    if wanted.kind:
        query = query.where(Connector.type == wanted.kind)
    if wanted.least_w:
        query = query.where(Connector.max_power_w >= wanted.least_w)
    if wanted.near:
        query = query.where(func.coalesce(Charger.latitude, Site.latitude).is_not(None))
    if wanted.apart_from is not None:
        query = query.where(Charger.id != wanted.apart_from)
    return query


def _farness(near: Position) -> ColumnElement[float]:
    """Grows with the distance: enough to sort by, in arithmetic that every database has."""
    north = func.coalesce(Charger.latitude, Site.latitude) - near[0]
    across = func.abs(func.coalesce(Charger.longitude, Site.longitude) - near[1])
    east = case((across > 180, 360 - across), else_=across) * math.cos(math.radians(near[0]))
    return cast(north * north + east * east, Float)


def _is_taken() -> ColumnElement[bool]:
    """Few sessions run: they are looked up once, and not by each connector."""
    running = select(Transaction.connector_id).where(
        Transaction.state == TransactionState.ACTIVE, Transaction.connector_id.is_not(None)
    )
    return Connector.id.in_(running)


def _is_kept(at: datetime) -> ColumnElement[bool]:
    return exists().where(
        and_(
            Reservation.charger_id == Charger.id,
            Reservation.evse == Connector.evse_number,
            Reservation.state == ReservationState.RESERVED,
            Reservation.starts_at <= at,
            Reservation.expires_at > at,
        )
    )
