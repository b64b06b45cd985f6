"""Sums of ended sessions over a period, in one line per day, month, site, charger or driver."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    and_,
    case,
    column,
    func,
    select,
    values,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from csms.domain.accounts import Account
from csms.domain.base import Invalid, UTCDateTime
from csms.domain.chargers import Charger, Connector
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.reports.lasting import lasted_s
from csms.domain.sites import Site
from csms.domain.tariffs import TariffVersion
from csms.domain.transactions import Transaction, TransactionState
from csms.sentences import told

LONGEST = timedelta(days=3_660)
MOST_DAYS = 366  # as lines of their own; more of them are months
NOBODY, EVERYWHERE = 0, -1  # keys of what has no site or account, and of everything
NOT_OVER = (
    TransactionState.ACTIVE,
    TransactionState.ORPHAN,
)  # told by what is not, or SQLite looks for states
FAILED = (CommandState.REJECTED, CommandState.ERROR, CommandState.TIMEOUT, CommandState.EXPIRED)


class Grouping(enum.StrEnum):
    """What a report has a line for."""

    DAY = "day"
    MONTH = "month"
    SITE = "site"
    CHARGER = "charger"
    DRIVER = "driver"


TIMES = (Grouping.DAY, Grouping.MONTH)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The sessions that ended from `since` to before `until`; days and months are those of `zone`.

    `site_ids`: only what happened there. Simulated chargers are left out unless `is_simulated`.
    """

    since: datetime
    until: datetime
    grouping: Grouping
    zone: ZoneInfo
    site_ids: Collection[int] | None = None
    is_simulated: bool = False


@dataclass(slots=True)
class Line:
    """Sums of one group. `revenue` in cents by currency; `connectors` that it had to itself, 0 for a driver."""

    key: int
    label: str
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    sessions: int = 0
    charged: int = 0  # sessions that gave energy
    failed_starts: int = 0  # starts from pages and programs that came to nothing
    energy_wh: int = 0
    duration_s: int = 0
    revenue: Counter[str] = field(default_factory=Counter)
    connectors: int = 0

    @property
    def success(self) -> float | None:
        """Sessions that gave energy, among all that were tried; None where nothing was."""
        tried = self.sessions + self.failed_starts
        return self.charged / tried if tried else None

    @property
    def utilisation(self) -> float | None:
        """The share of the time of its connectors in which a session ran; a session counts where it ended."""
        if not (self.connectors and self.begun_at and self.ended_at):
            return None
        whole_s = self.connectors * (self.ended_at - self.begun_at).total_seconds()
        return min(1.0, self.duration_s / whole_s) if whole_s > 0 else None


@dataclass(frozen=True, slots=True)
class Figures:
    lines: Sequence[Line]
    total: Line


def figures(session: Session, wanted: Wanted, *, at: datetime) -> Figures:
    """The report's lines, days and months in order, everything else with the most energy first; and their sum.

    Raises Invalid for a period that is empty, longer than ten years, or of more than a year in days.
    """
    _check(wanted)
    until = min(wanted.until, max(at, wanted.since))  # no connector was free in the time to come
    lines: dict[int, Line] = {}
    spans = None
    if wanted.grouping in TIMES:
        periods = list(_periods(wanted))
        names = [begin.astimezone(wanted.zone).date().isoformat() for begin, _ in periods]
        lines = {n: Line(n, names[n], begin, min(end, until)) for n, (begin, end) in enumerate(periods)}
        spans = _as_table(periods)
    for key, currency, *sums, cents in session.execute(_sessions(wanted, spans)):
        _add(lines.setdefault(key, Line(key, "", wanted.since, until)), currency, sums, cents)
    if wanted.grouping is not Grouping.DRIVER:  # an order is in nobody's name
        for key, count in session.execute(_failed_starts(wanted, spans)):
            lines.setdefault(key, Line(key, "", wanted.since, until)).failed_starts = count
    _complete(session, wanted, lines.values())
    ordered = list(lines.values())
    if spans is None:
        ordered.sort(key=lambda x: (-x.energy_wh, x.label))
    return Figures(ordered, _total(session, wanted, ordered, until))


def _check(wanted: Wanted) -> None:
    length = wanted.until - wanted.since
    if length <= timedelta():
        raise Invalid("The period ends before it begins.", "until")
    if length > LONGEST:
        raise Invalid("A report covers ten years at most.", "since")
    if wanted.grouping is Grouping.DAY and length > timedelta(days=MOST_DAYS, hours=2):
        raise Invalid("A report by day covers a year at most; choose months.", "group")


def _periods(wanted: Wanted) -> Iterator[tuple[datetime, datetime]]:
    """The days or months of the zone that the period touches, cut to it."""
    begin = wanted.since
    while begin < wanted.until:
        day = begin.astimezone(wanted.zone).date()
        following = day + timedelta(days=1)
        if wanted.grouping is Grouping.MONTH:
            following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(datetime.combine(following, time(), wanted.zone).astimezone(UTC), wanted.until)
        yield begin, end
        begin = end


def _as_table(periods: Sequence[tuple[datetime, datetime]]) -> CTE:
    columns = (column("n", Integer), column("since", UTCDateTime), column("until", UTCDateTime))
    rows = [(n, begin, end) for n, (begin, end) in enumerate(periods)]
    return values(*columns, name="span").data(rows).cte("span")


def _within(moment: InstrumentedAttribute[Any], wanted: Wanted, spans: CTE | None) -> ColumnElement[bool]:
    since, until = (wanted.since, wanted.until) if spans is None else (spans.c.since, spans.c.until)
    return and_(moment >= since, moment < until)


def _sessions(wanted: Wanted, spans: CTE | None) -> Select[Any]:
    """Per group and currency: how many sessions ended, how many gave energy, Wh, seconds, cents.

    The sums need no row but those of one index; whose currency it is is asked once a group.
    """
    groups: dict[Grouping, SQLColumnExpression[Any]] = {
        Grouping.SITE: func.coalesce(Charger.site_id, NOBODY),
        Grouping.CHARGER: Transaction.charger_id,
        Grouping.DRIVER: func.coalesce(Transaction.account_id, NOBODY),
    }
    key = groups[wanted.grouping] if spans is None else spans.c.n
    has_lasted = Transaction.ended_at > Transaction.started_at
    seconds = lasted_s(Transaction.started_at, Transaction.ended_at)
    sums = (
        func.count().label("sessions"),
        func.sum(case((Transaction.energy_wh > 0, 1), else_=0)).label("charged"),
        func.coalesce(func.sum(Transaction.energy_wh), 0).label("energy_wh"),
        func.sum(case((has_lasted, seconds), else_=0)).label("seconds"),
        func.coalesce(func.sum(Transaction.cost_cents), 0).label("cents"),
    )
    ended: Select[Any] = (
        select(key.label("key"), Transaction.tariff_version_id.label("version_id"), *sums)  # type: ignore[assignment]
        .select_from(Transaction if spans is None else spans)
        .where(_within(Transaction.ended_at, wanted, spans), Transaction.state.not_in(NOT_OVER))
        .group_by(key, Transaction.tariff_version_id)
    )
    if spans is not None:
        ended = ended.join(Transaction, _within(Transaction.ended_at, wanted, spans))
    if wanted.grouping is Grouping.SITE:
        ended = ended.join(Charger, Charger.id == Transaction.charger_id)
    found = _at(ended, Transaction.charger_id, wanted).subquery()
    return (
        select(found.c.key, TariffVersion.currency, *(found.c[x.name] for x in sums))
        .select_from(found)
        .outerjoin(TariffVersion, TariffVersion.id == found.c.version_id)
    )


def _at(query: Select[Any], charger_id: SQLColumnExpression[int], wanted: Wanted) -> Select[Any]:
    """What happened at the chargers that are meant."""
    if not wanted.is_simulated:
        query = query.where(charger_id.not_in(select(Charger.id).where(Charger.is_simulated.is_(True))))
    if wanted.site_ids is None:
        return query
    return query.where(charger_id.in_(select(Charger.id).where(Charger.site_id.in_(wanted.site_ids))))


def _failed_starts(wanted: Wanted, spans: CTE | None) -> Select[Any]:
    """Per group: starts from pages and programs after which no session began."""
    place = Charger.id if wanted.grouping is Grouping.CHARGER else func.coalesce(Charger.site_id, NOBODY)
    key = place if spans is None else spans.c.n
    query = select(key, func.count()).select_from(Command if spans is None else spans)
    if spans is not None:
        query = query.join(Command, _within(Command.requested_at, wanted, spans))
    query = query.join(Charger, Charger.id == Command.charger_id).where(
        _within(Command.requested_at, wanted, spans), Command.kind == Kind.START, Command.state.in_(FAILED)
    )
    return _here(query.group_by(key), wanted)


def _here(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if not wanted.is_simulated:
        query = query.where(Charger.is_simulated.is_(False))
    return query if wanted.site_ids is None else query.where(Charger.site_id.in_(wanted.site_ids))


def _add(line: Line, currency: str | None, sums: Sequence[Any], cents: int) -> None:
    sessions, charged, energy_wh, duration_s = (round(x) for x in sums)
    line.sessions += sessions
    line.charged += charged
    line.energy_wh += energy_wh
    line.duration_s += duration_s
    if currency and cents:
        line.revenue[currency] += int(cents)


def _complete(session: Session, wanted: Wanted, lines: Collection[Line]) -> None:
    """Names, and how many connectors each line's sessions had to themselves."""
    labels: dict[int, str] = {}
    if wanted.grouping is Grouping.SITE:
        labels = {NOBODY: told("No site"), **_names(session, Site.id, Site.name, lines)}
    elif wanted.grouping is Grouping.CHARGER:
        labels = _names(session, Charger.id, func.coalesce(Charger.name, Charger.identity), lines)
    elif wanted.grouping is Grouping.DRIVER:
        labels = {NOBODY: told("Without an account"), **_names(session, Account.id, Account.name, lines)}
    connectors = _connectors(session, wanted)
    for line in lines:
        line.label = labels.get(line.key, line.label)
        line.connectors = connectors.get(EVERYWHERE if wanted.grouping in TIMES else line.key, 0)


def _names(session: Session, key: Any, name: Any, lines: Collection[Line]) -> dict[int, str]:
    rows = session.execute(select(key, name).where(key.in_([x.key for x in lines])))
    return {row[0]: row[1] for row in rows}


def _connectors(session: Session, wanted: Wanted) -> dict[int, int]:
    """How many connectors there are per group; EVERYWHERE: in all."""
    if wanted.grouping is Grouping.DRIVER:
        return {}
    key = Charger.id if wanted.grouping is Grouping.CHARGER else func.coalesce(Charger.site_id, NOBODY)
    query: Select[Any] = select(key, func.count()).select_from(Charger).group_by(key)  # type: ignore[assignment]
    query = query.join(Connector, Connector.charger_id == Charger.id)
    counts = {row[0]: row[1] for row in session.execute(_here(query, wanted))}
    return {**counts, EVERYWHERE: sum(counts.values())}


def _total(session: Session, wanted: Wanted, lines: Sequence[Line], until: datetime) -> Line:
    everywhere = _connectors(session, wanted).get(EVERYWHERE, 0)
    total = Line(EVERYWHERE, "Total", wanted.since, until, connectors=everywhere)
    for line in lines:
        total.sessions += line.sessions
        total.charged += line.charged
        total.failed_starts += line.failed_starts
        total.energy_wh += line.energy_wh
        total.duration_s += line.duration_s
        total.revenue.update(line.revenue)
    return total
