"""Sums of ended sessions over a period, in one line per day, month, site, charger or driver."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from csms.domain.accounts import Account
from csms.domain.base import Invalid
from csms.domain.chargers import Charger, Connector
from csms.domain.commands import FAILED_START, Command
from csms.domain.reports import raw, registers
from csms.domain.reports.wanted import EVERYWHERE, NOBODY, TIMES, Grouping, Period, Wanted
from csms.domain.sites import Site
from csms.sentences import told

LONGEST = timedelta(days=3_660)
MOST_DAYS = 366  # as lines of their own; more of them are months
ENERGY = raw.SUMS.index("energy_wh")


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
    """`is_cut`: there are more lines, of which these are those with the most energy."""

    lines: Sequence[Line]
    total: Line
    is_cut: bool = False


Found = dict[
    int, list[tuple[str | None, Sequence[int]]]
]  # by key: what there was in each currency, as raw.SUMS


def figures(session: Session, wanted: Wanted, *, at: datetime, most: int | None = None) -> Figures:
    """The report's lines, days and months in order, everything else with the most energy first; and their sum.

    `most`: of what is no time, so many lines. Raises Invalid for a period that is empty, longer than ten years, or of
    more than a year in days.
    """
    _check(wanted)
    until = min(wanted.until, max(at, wanted.since))  # no connector was free in the time to come
    is_of_times = wanted.grouping in TIMES
    periods = list(_periods(wanted)) if is_of_times else [(wanted.since, wanted.until)]
    leading = None
    if most is not None and registers.can_tell(wanted, periods):
        leading = registers.leading(session, wanted, periods, most)
    found = _sessions(session, wanted, periods, leading)
    failed = _failed_starts(session, wanted, periods)
    in_all = (
        found if leading is None else _sessions(session, replace(wanted, grouping=Grouping.MONTH), periods)
    )
    total = _line(EVERYWHERE, [y for x in in_all.values() for y in x], failed.total())
    total.label, total.begun_at, total.ended_at = "Total", wanted.since, until
    keys = leading or (range(len(periods)) if is_of_times else _first(found, failed, most))
    lines = [_line(x, found.get(x, ()), failed[x]) for x in keys]
    if is_of_times:
        for line, (begin, end) in zip(lines, periods, strict=True):
            line.label = begin.astimezone(wanted.zone).date().isoformat()
            line.begun_at, line.ended_at = begin, min(end, until)
    else:
        for line in lines:
            line.begun_at, line.ended_at = wanted.since, until
    _complete(session, wanted, lines, total)
    if not is_of_times:
        lines.sort(key=lambda x: (-x.energy_wh, x.label))
    is_cut = leading is not None or len(lines) < len(found.keys() | failed.keys())
    return Figures(lines, total, is_cut and not is_of_times)


def _first(found: Found, failed: Counter[int], most: int | None) -> list[int]:
    """The keys with the most energy."""
    energy_wh = {key: sum(x[ENERGY] for _, x in rows) for key, rows in found.items()}
    return sorted(energy_wh.keys() | failed.keys(), key=lambda x: (-energy_wh.get(x, 0), x))[:most]


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


def _sessions(
    session: Session, wanted: Wanted, periods: Sequence[Period], keys: Sequence[int] | None = None
) -> Found:
    rows: Iterable[Sequence[Any]]
    if registers.can_tell(wanted, periods):
        rows = registers.sessions(session, wanted, periods, keys)
    else:
        spans = raw.as_table(periods) if wanted.grouping in TIMES else None
        rows = session.execute(raw.sessions(wanted, spans))
    found: Found = {}
    for key, currency, *sums in rows:
        found.setdefault(key, []).append((currency, sums))
    return found


def _failed_starts(session: Session, wanted: Wanted, periods: Sequence[Period]) -> Counter[int]:
    """Per line: starts from pages and programs after which no session began. An order is in no driver's name."""
    if wanted.grouping is Grouping.DRIVER:
        return Counter()
    place = Charger.id if wanted.grouping is Grouping.CHARGER else func.coalesce(Charger.site_id, NOBODY)
    key: Any = Command.requested_at if wanted.grouping in TIMES else place
    query: Select[Any] = (
        select(key, func.count())
        .join_from(Command, Charger, Charger.id == Command.charger_id)
        .where(
            Command.requested_at >= wanted.since,
            Command.requested_at < wanted.until,
            text(FAILED_START),
        )
        .group_by(key)
    )
    rows = session.execute(_here(query, wanted))
    if wanted.grouping not in TIMES:
        return Counter({key: count for key, count in rows})
    counts: Counter[int] = Counter()
    begins = [begin for begin, _ in periods]
    for moment, count in rows:
        counts[bisect_right(begins, moment) - 1] += count
    return counts


def _here(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if not wanted.is_simulated:
        query = query.where(Charger.is_simulated.is_(False))
    return query if wanted.site_ids is None else query.where(Charger.site_id.in_(wanted.site_ids))


def _line(key: int, rows: Iterable[tuple[str | None, Sequence[int]]], failed_starts: int) -> Line:
    line = Line(key, "", failed_starts=failed_starts)
    lasted_ms = 0
    for currency, (sessions, charged, energy_wh, its_ms, cents) in rows:
        line.sessions += int(sessions)
        line.charged += int(charged)
        line.energy_wh += int(energy_wh)
        lasted_ms += int(its_ms)
        if currency and cents:
            line.revenue[currency] += int(cents)
    line.duration_s = round(lasted_ms / 1000)
    return line


def _complete(session: Session, wanted: Wanted, lines: Collection[Line], total: Line) -> None:
    """Names, and how many connectors each line's sessions had to themselves."""
    keys = [x.key for x in lines]
    labels: dict[int, str] = {}
    if wanted.grouping is Grouping.SITE:
        labels = {NOBODY: told("No site"), **_pairs(session, select(Site.id, Site.name), Site.id, keys)}
    elif wanted.grouping is Grouping.CHARGER:
        title = func.coalesce(Charger.name, Charger.identity)
        labels = _pairs(session, select(Charger.id, title), Charger.id, keys)
    elif wanted.grouping is Grouping.DRIVER:
        names = _pairs(session, select(Account.id, Account.name), Account.id, keys)
        labels = {NOBODY: told("Without an account"), **names}
        _name(lines, labels, {}, 0)
        return
    total.connectors = session.scalar(_here(_connectors(func.count()), wanted)) or 0
    place = func.coalesce(Charger.site_id, NOBODY)
    by: dict[Grouping, Any] = {Grouping.SITE: place, Grouping.CHARGER: Charger.id}
    key = by.get(wanted.grouping)
    counted: dict[int, int] = {}
    if key is not None:
        query = _here(_connectors(key, func.count()).group_by(key), wanted)
        counted = _pairs(session, query, key, keys)
    _name(lines, labels, counted, total.connectors if key is None else 0)


def _name(
    lines: Collection[Line], labels: Mapping[int, str], connectors: Mapping[int, int], otherwise: int
) -> None:
    for line in lines:
        line.label = labels.get(line.key, line.label)
        line.connectors = connectors.get(line.key, otherwise)


def _connectors(*columns: Any) -> Select[Any]:
    return select(*columns).select_from(Charger).join(Connector, Connector.charger_id == Charger.id)


def _pairs(session: Session, query: Any, key: Any, keys: Sequence[int]) -> dict[int, Any]:
    rows = session.execute(query.where(key.in_(keys)))
    return {row[0]: row[1] for row in rows}
