"""Writing slots, and telling a day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from csms.domain.base import Invalid, announce
from csms.domain.chargers import Connector
from csms.domain.slots.models import SlotKind, SlotRange
from csms.domain.slots.rules import SLOTS, Pattern, by_days, pattern

TOPIC = "slots"
MOST_TOLD = 200  # ranges of one day
MOST = {SlotKind.TARIFF: Decimal(100_000), SlotKind.CAPACITY: Decimal(10_000_000)}


def write(
    session: Session,
    connector: Connector,
    kind: SlotKind,
    stretches: Sequence[tuple[int, int]],
    value: Decimal | None,
    *,
    time_zone: str,
    currency: str | None,
    by: str | None,
    at: datetime,
) -> None:
    """Give slots of every day from now on a value, or with None give them back. Sessions that run keep their prices.

    Raises Invalid for a value that no price, or no limit in W, can have.
    """
    _check(kind, value)
    for starts, ends in stretches:
        _retire(session, connector.id, kind, starts, ends, at)
        session.add(
            SlotRange(
                connector_id=connector.id,
                kind=kind,
                starts=starts,
                ends=ends,
                value=value,
                currency=currency,
                time_zone=time_zone,
                begins_at=at,
                created_by=by,
                created_at=at,
            )
        )
    session.flush()
    announce(session, f"charger:{connector.charger_id}", TOPIC)


def _check(kind: SlotKind, value: Decimal | None) -> None:
    if value is None:
        return
    if not value.is_finite() or not 0 <= value <= MOST[kind] or int(value.as_tuple().exponent) < -6:
        if kind is SlotKind.TARIFF:
            raise Invalid(
                "A price is between 0 and %(most)s, with six decimals at most.", kind.value, most=MOST[kind]
            )
        raise Invalid(
            "A limit is between 0 and %(most)s, with six decimals at most.", kind.value, most=MOST[kind]
        )


def _retire(
    session: Session, connector_id: int, kind: SlotKind, starts: int, ends: int, at: datetime
) -> None:
    """End what is covered by a new range, so that a script which writes each day leaves no more than a day."""
    covered = update(SlotRange).where(
        SlotRange.connector_id == connector_id,
        SlotRange.kind == kind,
        SlotRange.signal_id.is_(None),
        SlotRange.ends_at.is_(None),
        SlotRange.starts >= starts,
        SlotRange.ends <= ends,
    )
    session.execute(covered.values(ends_at=at))


def lay(
    session: Session,
    connector_ids: Collection[int],
    kind: SlotKind,
    window: tuple[datetime, datetime],
    value: Decimal,
    *,
    signal_id: int,
    currency: str | None,
    at: datetime,
) -> None:
    """Give connectors a value for a window of time, before whatever else holds then. Raises Invalid."""
    _check(kind, value)
    session.add_all(
        SlotRange(
            connector_id=connector_id,
            kind=kind,
            starts=0,
            ends=SLOTS,
            value=value,
            currency=currency,
            time_zone="UTC",
            begins_at=window[0],
            ends_at=window[1],
            signal_id=signal_id,
            created_at=at,
        )
        for connector_id in connector_ids
    )
    announce(session, TOPIC)


def lift(
    session: Session, signal_id: int, at: datetime, connector_ids: Collection[int] | None = None
) -> None:
    """Take back what a signal has laid, at some connectors or at all of them; what was until now stays told."""
    mine = [SlotRange.signal_id == signal_id, SlotRange.ends_at > at]
    if connector_ids is not None:
        mine.append(SlotRange.connector_id.in_(connector_ids))
    for row in session.scalars(select(SlotRange).where(*mine)):
        if row.begins_at >= at:
            session.delete(row)
        else:
            row.ends_at = at
    announce(session, TOPIC)


@dataclass(frozen=True, slots=True)
class Day:
    """The slots of one day at a connector: what people wrote, and what holds with the signals over it."""

    day: date
    own: Pattern
    held: Pattern


def pattern_of(session: Session, connector_id: int, kind: SlotKind) -> Pattern:
    """What people have written for every day, as it stands."""
    query = _of(connector_id, kind).where(SlotRange.signal_id.is_(None), SlotRange.ends_at.is_(None))
    return pattern((x.starts, x.ends, x.value) for x in session.scalars(query))


def days_of(session: Session, connector_id: int, day: date, zone: ZoneInfo) -> dict[SlotKind, Day]:
    """A day of the past, the present or the future, of each kind. What was written on a day is told for all of it."""
    begin, end = _bounds(day, zone)
    query = select(SlotRange).where(SlotRange.connector_id == connector_id, _touches(begin, end))
    rows = session.scalars(query.order_by(SlotRange.id)).all()
    return {kind: _day([x for x in rows if x.kind is kind], day, zone) for kind in SlotKind}


def _day(rows: Sequence[SlotRange], day: date, zone: ZoneInfo) -> Day:
    midnight, following = _bounds(day, zone)
    own = [(x.starts, x.ends, x.value) for x in rows if x.signal_id is None]
    laid = [
        (*_slots(x, midnight, following, zone), x.value)
        for x in rows
        if x.signal_id is not None and x.ends_at is not None
    ]
    return Day(day, pattern(own), pattern(own + laid))


def written(session: Session, connector_id: int, day: date, zone: ZoneInfo) -> Sequence[SlotRange]:
    """What holds on a day or did, of people and of signals, the newest first: what a day's slots have come from."""
    query = select(SlotRange).where(SlotRange.connector_id == connector_id, _touches(*_bounds(day, zone)))
    return session.scalars(query.order_by(SlotRange.id.desc()).limit(MOST_TOLD)).all()


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    begin, end = (datetime.combine(x, time(), zone) for x in (day, day + timedelta(days=1)))
    return begin.astimezone(UTC), end.astimezone(UTC)


def _touches(begins_at: datetime, ends_at: datetime) -> ColumnElement[bool]:
    return and_(
        SlotRange.begins_at < ends_at, or_(SlotRange.ends_at.is_(None), SlotRange.ends_at > begins_at)
    )


def _slots(row: SlotRange, midnight: datetime, following: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """The slots of the day that a signal's window touches, by the clocks on the wall."""
    begin, end = max(row.begins_at, midnight), min(row.ends_at or following, following)
    local = by_days(begin, end, zone)[0]
    starts = (local[0].hour * 60 + local[0].minute) // 5
    minutes = local[1].hour * 60 + local[1].minute + (1 if local[1].second else 0)
    ends = SLOTS if local[1].date() > local[0].date() else -(-minutes // 5)
    return starts, max(ends, starts)


def _of(connector_id: int, kind: SlotKind) -> Select[SlotRange]:
    return (
        select(SlotRange)
        .where(SlotRange.connector_id == connector_id, SlotRange.kind == kind)
        .order_by(SlotRange.id)
    )
