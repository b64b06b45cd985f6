"""How much of the time chargers were up, by the formula of the US federal programme (NEVI, 23 CFR 680.116(b)).

Days are reckoned once, when they are over, and added to each connector's registers. The present day is not in the
figure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    Date,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from csms.domain.base import Sums
from csms.domain.chargers import Charger, Connector
from csms.domain.chargers import queries as charger_queries
from csms.domain.commands import Command, CommandState, Effect
from csms.domain.reports.models import UptimeRegister
from csms.domain.reports.rules import Ordered, Told, reckon

MOST_CHARGERS = 50  # reckoned in one unit of work
MOST_DAYS = 31  # of one charger in one unit of work: its older days follow in the next ones
DAY = timedelta(days=1)
TOTALS = ("known_total_s", "outage_total_s", "excluded_total_s")


@dataclass(frozen=True, slots=True)
class Share:
    """A connector and its seconds in a period."""

    charger_id: int
    title: str
    evse: int
    known_s: int
    outage_s: int
    excluded_s: int

    @property
    def uptime(self) -> float | None:
        """known − (outage − excluded), divided by known; None where nothing is known."""
        if not self.known_s:
            return None
        return (self.known_s - (self.outage_s - self.excluded_s)) / self.known_s


def reckon_days(session: Session, at: datetime) -> int:
    """Reckon the days that are over and not yet reckoned, of some chargers. Returns how many connector days."""
    yesterday = at.astimezone(UTC).date() - DAY
    newest = (
        select(Connector.charger_id, func.max(UptimeRegister.day).label("day"))
        .outerjoin(UptimeRegister, UptimeRegister.connector_id == Connector.id)
        .group_by(Connector.charger_id)
        .subquery()
    )
    due = session.execute(
        select(Charger.id, Charger.created_at, newest.c.day)
        .join(newest, newest.c.charger_id == Charger.id)
        .where(
            (newest.c.day < yesterday) | newest.c.day.is_(None), Charger.created_at < _begin(yesterday + DAY)
        )
        .order_by(newest.c.day, Charger.id)
        .limit(MOST_CHARGERS)
    ).all()
    count = 0
    for charger_id, created_at, day in due:
        first = day + DAY if day else created_at.astimezone(UTC).date()
        last = min(yesterday, first + DAY * (MOST_DAYS - 1))
        count += _reckon(session, charger_id, first, last)
    return count


def _reckon(session: Session, charger_id: int, first: date, last: date) -> int:
    connectors = session.scalars(select(Connector).where(Connector.charger_id == charger_id)).all()
    days = [first + DAY * n for n in range((last - first).days + 1)]
    ordered = _orders(session, charger_id, _begin(last + DAY))
    registers = _registers(session, [x.id for x in connectors])
    for day in days:
        begin, end = _begin(day), _begin(day + DAY)
        told = [
            Told(x.received_at, x.evse_number, x.status)
            for x in charger_queries.history(session, charger_id, since=begin, at=end)
        ]
        for connector in connectors:
            sums = reckon(told, ordered, connector.evse_number, begin, end)
            before = registers.get(connector.id)
            registers[connector.id] = UptimeRegister(
                connector_id=connector.id,
                day=day,
                known_total_s=round(sums.known_s) + (before.known_total_s if before else 0),
                outage_total_s=round(sums.outage_s) + (before.outage_total_s if before else 0),
                excluded_total_s=round(sums.excluded_s) + (before.excluded_total_s if before else 0),
            )
            session.add(registers[connector.id])
    return len(connectors) * len(days)


def _orders(session: Session, charger_id: int, until: datetime) -> list[Ordered]:
    """The operator's orders of availability that the charger accepted, as they were shown to it."""
    rows = session.scalars(
        select(Command).where(
            Command.charger_id == charger_id,
            Command.effect == Effect.STATUS_CHANGED,
            Command.state == CommandState.ACCEPTED,
            Command.answered_at < until,
        )
    )
    return [
        Ordered(x.answered_at, x.effect_evse or 0, x.effect_key == "Operative") for x in rows if x.answered_at
    ]


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _registers(session: Session, connector_ids: Sequence[int]) -> dict[int, UptimeRegister]:
    """The newest registers of these connectors, of those that have any."""
    newest = (
        select(UptimeRegister.connector_id, func.max(UptimeRegister.day).label("day"))
        .where(UptimeRegister.connector_id.in_(connector_ids))
        .group_by(UptimeRegister.connector_id)
        .subquery()
    )
    is_newest = and_(newest.c.connector_id == UptimeRegister.connector_id, newest.c.day == UptimeRegister.day)
    return {x.connector_id: x for x in session.scalars(select(UptimeRegister).join(newest, is_newest))}


_FIRST, _LAST = aliased(UptimeRegister, name="first"), aliased(UptimeRegister, name="last")
_SECONDS = (
    _LAST.known_total_s - func.coalesce(_FIRST.known_total_s, 0),
    _LAST.outage_total_s - func.coalesce(_FIRST.outage_total_s, 0),
    _LAST.excluded_total_s - func.coalesce(_FIRST.excluded_total_s, 0),
)


def _between(query: Sums, since: date, until: date) -> Sums:
    """`query` of columns of chargers and connectors, and _SECONDS from `since` to before `until`; none simulated.

    Two registers of each connector are looked up, however many days lie between them: that before `since`, which a
    connector has unless it is younger; and the last one before `until`, which is that of the day before, unless that
    day is still to be reckoned. Which day it is is settled first, or planners walk through all the days there are.
    """
    before = until - DAY
    is_there = exists().where(UptimeRegister.connector_id == Connector.id, UptimeRegister.day == before)
    newest = select(func.max(UptimeRegister.day)).where(
        UptimeRegister.connector_id == Connector.id, UptimeRegister.day < before
    )
    last = case(
        (is_there.correlate(Connector), type_coerce(before, Date())),
        else_=newest.correlate(Connector).scalar_subquery(),
    )
    found = select(Connector.id, last.label("last")).cte("found").prefix_with("MATERIALIZED")
    return (
        query.select_from(found)
        .join(Connector, Connector.id == found.c.id)
        .join(Connector.charger)
        .join(_LAST, and_(_LAST.connector_id == found.c.id, _LAST.day == found.c.last))
        .outerjoin(_FIRST, and_(_FIRST.connector_id == found.c.id, _FIRST.day == since - DAY))
        .where(Charger.is_simulated.is_(False), found.c.last >= since)
    )


def _late(before: date) -> CTE:
    """(id, the day of its newest register) of connectors that have none on the day `before`: nearly always nobody.

    Then two counts tell so, and no connector is looked at.
    """
    there, older = aliased(UptimeRegister), aliased(UptimeRegister)
    all_there = select(func.count()).where(there.day == before).scalar_subquery()
    all_known = select(func.count(Connector.id)).scalar_subquery()
    is_there = exists().where(there.connector_id == Connector.id, there.day == before)
    newest = select(func.max(older.day)).where(older.connector_id == Connector.id, older.day < before)
    return (
        select(Connector.id, newest.correlate(Connector).scalar_subquery().label("day"))
        .where(all_known > all_there, ~is_there.correlate(Connector))
        .cte("late")
        .prefix_with("MATERIALIZED")
    )


def _last(since: date, until: date, late: CTE) -> Subquery:
    """The last register of each connector from `since` to before `until`: none of simulated chargers.

    Registers of a day lie together. They are read as they lie; only connectors that have none on the last day, which
    is then still to be reckoned for them, are looked up one by one.
    """
    before, simulated = until - DAY, _simulated()
    columns = [getattr(UptimeRegister, x) for x in ("connector_id", *TOTALS)]
    its = and_(UptimeRegister.connector_id == late.c.id, UptimeRegister.day == late.c.day)
    found = (
        select(*columns).where(UptimeRegister.day == before),
        select(*columns).join(late, its).where(late.c.day >= since),
    )
    return union_all(*(x.where(UptimeRegister.connector_id.not_in(simulated)) for x in found)).subquery()


def _simulated() -> Select[Any]:
    return select(Connector.id).join(Connector.charger).where(Charger.is_simulated.is_(True))


def _moved(since: date, until: date) -> Subquery:
    """By how much each connector's registers moved from `since` to before `until`."""
    last, first = _last(since, until, _late(until - DAY)), aliased(UptimeRegister)
    moved = ((last.c[x] - func.coalesce(getattr(first, x), 0)).label(x) for x in TOTALS)
    is_its_first = and_(first.connector_id == last.c.connector_id, first.day == since - DAY)
    return select(last.c.connector_id, *moved).select_from(last).outerjoin(first, is_its_first).subquery()


def days_of_all(since: date, until: date) -> Sums:
    """The seconds of all connectors together, of which `share_of` makes sense.

    A difference of sums: to find each connector's first register would take longer than to add them up.
    """
    late = _late(until - DAY)
    last = _last(since, until, late)
    is_counted = and_(
        UptimeRegister.day == since - DAY,
        UptimeRegister.connector_id.not_in(_simulated()),
        UptimeRegister.connector_id.not_in(select(late.c.id).where(late.c.day < since)),
    )
    shown = select(*(func.sum(last.c[x]).label(x) for x in TOTALS)).subquery()
    before = (
        select(*(func.sum(getattr(UptimeRegister, x)).label(x) for x in TOTALS)).where(is_counted).subquery()
    )
    moved = (shown.c[x] - func.coalesce(before.c[x], 0) for x in TOTALS)
    return select(*moved).select_from(shown.join(before, true()))


def share_of(row: Sequence[Any]) -> float | None:
    """The uptime of what `days_of_all` has found; None where nothing is known."""
    known_s, outage_s, excluded_s = (int(x or 0) for x in row)
    return (known_s - (outage_s - excluded_s)) / known_s if known_s else None


def fleet_uptime(
    session: Session, since: date, until: date, *, site_ids: Collection[int] | None = None
) -> Sequence[Share]:
    """Each connector's share of the days from `since` to before `until`, the worst first.

    `site_ids`: only what stands there.
    """
    title = func.coalesce(Charger.name, Charger.identity)
    query = _between(select(Charger.id, title, Connector.evse_number, *_SECONDS), since, until)
    if site_ids is not None:
        query = query.where(Charger.site_id.in_(site_ids))
    _, outage_s, excluded_s = _SECONDS
    query = query.order_by((outage_s - excluded_s).desc(), Charger.id, Connector.evse_number)
    return [Share(*row) for row in session.execute(query)]


@dataclass(frozen=True, slots=True)
class Fleet:
    """The connectors with the worst share, how many there are of whom anything is known, and the share of them all."""

    worst: Sequence[Share]
    count: int
    uptime: float | None


def fleet(session: Session, since: date, until: date, *, most: int) -> Fleet:
    """As `fleet_uptime`, for a page: names are asked for of those alone that it shows. One query."""
    of_each = _moved(since, until)
    moved = select(of_each).where(of_each.c.known_total_s > 0).cte("moved").prefix_with("MATERIALIZED")
    seconds = [moved.c[x] for x in TOTALS]
    whole = select(func.count().label("count"), *(func.sum(x).label(x.name) for x in seconds)).subquery()
    _, outage_s, excluded_s = seconds
    worst = (
        select(moved).order_by((outage_s - excluded_s).desc(), moved.c.connector_id).limit(most).subquery()
    )
    named_as = func.coalesce(Charger.name, Charger.identity)
    rows = session.execute(
        select(Charger.id, named_as, Connector.evse_number, *(worst.c[x] for x in TOTALS), whole)
        .select_from(worst)
        .join(whole, true())
        .join(Connector, Connector.id == worst.c.connector_id)
        .join(Connector.charger)
        .order_by((worst.c.outage_total_s - worst.c.excluded_total_s).desc(), worst.c.connector_id)
    ).all()
    if not rows:
        return Fleet([], 0, None)
    count, *sums = rows[0][-1 - len(TOTALS) :]
    return Fleet([Share(*x[: -1 - len(TOTALS)]) for x in rows], count, share_of(sums))
