"""How much of the time chargers were up, by the formula of the US federal programme (NEVI, 23 CFR 680.116(b)).

Days are reckoned once, when they are over, and added up. The present day is not in the figure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from csms.domain.base import Sums
from csms.domain.chargers import Charger, Connector
from csms.domain.chargers import queries as charger_queries
from csms.domain.commands import Command, CommandState, Effect
from csms.domain.reports.models import UptimeDay
from csms.domain.reports.rules import Ordered, Told, reckon

MOST_CHARGERS = 50  # reckoned in one unit of work
MOST_DAYS = 31  # of one charger in one unit of work: its older days follow in the next ones
DAY = timedelta(days=1)


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
        select(Connector.charger_id, func.max(UptimeDay.day).label("day"))
        .outerjoin(UptimeDay, UptimeDay.connector_id == Connector.id)
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
    for day in days:
        begin, end = _begin(day), _begin(day + DAY)
        told = [
            Told(x.received_at, x.evse_number, x.status)
            for x in charger_queries.history(session, charger_id, since=begin, at=end)
        ]
        for connector in connectors:
            sums = reckon(told, ordered, connector.evse_number, begin, end)
            session.add(
                UptimeDay(
                    connector_id=connector.id,
                    day=day,
                    known_s=round(sums.known_s),
                    outage_s=round(sums.outage_s),
                    excluded_s=round(sums.excluded_s),
                )
            )
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


_SUMS = tuple(func.sum(x) for x in (UptimeDay.known_s, UptimeDay.outage_s, UptimeDay.excluded_s))


def _days(since: date, until: date, site_ids: Collection[int] | None = None) -> ColumnElement[bool]:
    """The days from `since` to before `until` of connectors, at these sites or at all; simulated ones are left out.

    Told by their ids, connectors are looked up one after the other in the index that holds all that is added up.
    """
    connectors = select(Connector.id).join(Connector.charger).where(Charger.is_simulated.is_(False))
    if site_ids is not None:
        connectors = connectors.where(Charger.site_id.in_(site_ids))
    return and_(UptimeDay.connector_id.in_(connectors), UptimeDay.day >= since, UptimeDay.day < until)


def days_of_all(since: date, until: date) -> Sums:
    """The seconds of all connectors together, of which `share_of` makes sense."""
    return select(*_SUMS).where(_days(since, until))


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
    summed = (
        select(UptimeDay.connector_id, *(x.label(f"s{n}") for n, x in enumerate(_SUMS)))
        .where(_days(since, until, site_ids))
        .group_by(UptimeDay.connector_id)
        .subquery()
    )
    title = func.coalesce(Charger.name, Charger.identity)
    query = (
        select(Charger.id, title, Connector.evse_number, summed.c.s0, summed.c.s1, summed.c.s2)
        .select_from(summed)
        .join(Connector, Connector.id == summed.c.connector_id)
        .join(Charger, Charger.id == Connector.charger_id)
        .order_by((summed.c.s1 - summed.c.s2).desc(), Charger.id, Connector.evse_number)
    )
    return [Share(*row) for row in session.execute(query)]
