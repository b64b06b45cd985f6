"""What pages ask of chargers. Each answer takes a fixed number of queries, however many chargers there are."""

import base64
import binascii
import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from csms.domain.chargers.models import (
    Admission,
    Charger,
    ConfigurationKey,
    Connector,
    ConnectorStatus,
    LinkLease,
    StatusEvent,
)

PAGE_SIZE = 50


def is_online(at: datetime) -> ColumnElement[bool]:
    """A condition on a joined LinkLease; false, not null, where there is none."""
    return func.coalesce(LinkLease.online_until > at, False)


def is_reachable(at: datetime) -> ColumnElement[bool]:
    """Let in, and online. For queries that join Charger and LinkLease."""
    return and_(Charger.admission == Admission.ACCEPTED, is_online(at))


class Show(enum.StrEnum):
    """Which chargers the list shows."""

    ALL = "all"
    CHARGING = "charging"
    AVAILABLE = "available"
    FAULTED = "faulted"
    UNAVAILABLE = "unavailable"
    OFFLINE = "offline"
    PENDING = "pending"
    REJECTED = "rejected"


_STATUSES: Mapping[Show, tuple[ConnectorStatus, ...]] = {
    Show.CHARGING: (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE),
    Show.AVAILABLE: (ConnectorStatus.AVAILABLE,),
    Show.FAULTED: (ConnectorStatus.FAULTED,),
    Show.UNAVAILABLE: (ConnectorStatus.UNAVAILABLE,),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Some chargers, and the cursor of those that follow, if any do."""

    chargers: Sequence[Charger]
    next_cursor: str | None


_name = func.lower(func.coalesce(Charger.name, Charger.identity))


def listed(
    session: Session,
    *,
    at: datetime,
    show: Show = Show.ALL,
    words: str = "",
    is_online_only: bool | None = None,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page:
    """Chargers by name, with their leases and connectors: two queries."""
    query = _filtered(select(Charger).outerjoin(Charger.lease), show, words, at)
    if is_online_only is not None:
        query = query.where(is_online(at) if is_online_only else ~is_online(at))
    after = _read_cursor(cursor)
    if after is not None:
        name, charger_id = after
        query = query.where(or_(_name > name, and_(_name == name, Charger.id > charger_id)))
    found = session.scalars(
        query.options(contains_eager(Charger.lease), selectinload(Charger.connectors))
        .order_by(_name, Charger.id)
        .limit(limit + 1)
    ).all()
    more = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], _cursor(more) if more is not None else None)


def _filtered(query: Select[Charger], show: Show, words: str, at: datetime) -> Select[Charger]:
    if words:
        query = query.where(
            or_(
                *(
                    column.icontains(words, autoescape=True)
                    for column in (
                        Charger.identity,
                        Charger.name,
                        Charger.location,
                        Charger.serial_number,
                        Charger.vendor,
                        Charger.model,
                    )
                )
            )
        )
    if show in (Show.PENDING, Show.REJECTED):
        return query.where(Charger.admission == Admission(show.value))
    query = query.where(Charger.admission != Admission.REJECTED)
    if show is Show.OFFLINE:
        return query.where(Charger.admission == Admission.ACCEPTED, ~is_online(at))
    if show in _STATUSES:
        has = exists().where(Connector.charger_id == Charger.id, Connector.status.in_(_STATUSES[show]))
        return query.where(is_reachable(at), has)
    return query


def counts(session: Session, *, at: datetime) -> Counter[Show]:
    """How many chargers each choice of the list shows. One query."""
    online = is_reachable(at)

    def having(show: Show) -> ColumnElement[bool]:
        return and_(
            online, exists().where(Connector.charger_id == Charger.id, Connector.status.in_(_STATUSES[show]))
        )

    wanted: dict[Show, ColumnElement[bool]] = {
        Show.ALL: Charger.admission != Admission.REJECTED,
        **{show: having(show) for show in _STATUSES},
        Show.OFFLINE: and_(Charger.admission == Admission.ACCEPTED, ~is_online(at)),
        Show.PENDING: Charger.admission == Admission.PENDING,
        Show.REJECTED: Charger.admission == Admission.REJECTED,
    }
    columns = [func.coalesce(func.sum(case((condition, 1), else_=0)), 0) for condition in wanted.values()]
    row = session.execute(select(*columns).select_from(Charger).outerjoin(Charger.lease)).one()
    return Counter({show: int(count) for show, count in zip(wanted, row, strict=True)})


def connector_counts(session: Session, *, at: datetime) -> Counter[str]:
    """How many connectors of accepted chargers are in each status; those of unreachable ones count as Offline."""
    query = (
        select(Connector.status, is_online(at).label("online"), func.count())
        .join(Connector.charger)
        .outerjoin(Charger.lease)
        .where(Charger.admission == Admission.ACCEPTED)
        .group_by(
            Connector.status, "online"
        )  # PostgreSQL takes the expression with its parameter for another one
    )
    found: Counter[str] = Counter()
    for status, online, count in session.execute(query):
        found[status.value if online else "Offline"] += count
    return found


def connectors(session: Session, *, limit: int) -> Sequence[Connector]:
    """Connectors of accepted chargers by name, with their chargers and leases. One query."""
    query = (
        select(Connector)
        .join(Connector.charger)
        .outerjoin(Charger.lease)
        .where(Charger.admission == Admission.ACCEPTED)
        .options(contains_eager(Connector.charger).contains_eager(Charger.lease))
        .order_by(_name, Charger.id, Connector.evse_number, Connector.number)
        .limit(limit)
    )
    return session.scalars(query).all()


def shown(session: Session, charger_id: int) -> Charger | None:
    """A charger with its lease and connectors: two queries."""
    query = (
        select(Charger)
        .where(Charger.id == charger_id)
        .options(joinedload(Charger.lease), selectinload(Charger.connectors))
    )
    return session.scalar(query)


def configuration(session: Session, charger_id: int, words: str = "") -> Sequence[ConfigurationKey]:
    """The configuration keys of a charger as it last told them, by name."""
    query = select(ConfigurationKey).where(ConfigurationKey.charger_id == charger_id)
    if words:
        query = query.where(ConfigurationKey.name.icontains(words, autoescape=True))
    return session.scalars(query.order_by(ConfigurationKey.name)).all()


def history(session: Session, charger_id: int, *, since: datetime, at: datetime) -> Sequence[StatusEvent]:
    """Status events from `since` on, the oldest first, and before them what was the case at `since`."""
    inside = session.scalars(
        select(StatusEvent)
        .where(StatusEvent.charger_id == charger_id, StatusEvent.received_at.between(since, at))
        .order_by(StatusEvent.received_at, StatusEvent.id)
        .limit(5000)
    ).all()
    before = session.scalars(
        select(StatusEvent)
        .where(
            StatusEvent.charger_id == charger_id,
            StatusEvent.received_at < since,
            StatusEvent.received_at > since - timedelta(days=60),
        )
        .order_by(StatusEvent.received_at.desc(), StatusEvent.id.desc())
        .limit(200)
    ).all()
    return [*reversed(before), *inside]


def _cursor(charger: Charger) -> str:
    text = f"{charger.id}\n{charger.title.lower()}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[str, int] | None:
    """(name, id) of the last charger of the page before; None for the first page and for what we never gave out."""
    try:
        text = base64.urlsafe_b64decode((cursor or "") + "==").decode()
        charger_id, _, name = text.partition("\n")
        return (name, int(charger_id)) if cursor else None
    except (binascii.Error, ValueError):
        return None
