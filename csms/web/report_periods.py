"""The days that a report is about, and what it has a line for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext

from csms import sight
from csms.domain.base import Invalid
from csms.domain.reports import Grouping, Wanted

PERIODS = {
    "week": lazy_gettext("7 days"),
    "last_week": lazy_gettext("Last week"),
    "month": lazy_gettext("This month"),
    "last_month": lazy_gettext("Last month"),
    "quarter": lazy_gettext("This quarter"),
    "year": lazy_gettext("This year"),
    "last_year": lazy_gettext("Last year"),
}
GROUPINGS = {
    Grouping.DAY: lazy_gettext("Day"),
    Grouping.MONTH: lazy_gettext("Month"),
    Grouping.SITE: lazy_gettext("Site"),
    Grouping.CHARGER: lazy_gettext("Charger"),
    Grouping.DRIVER: lazy_gettext("Driver"),
}
TITLES = {
    Grouping.DAY: lazy_gettext("By day"),
    Grouping.MONTH: lazy_gettext("By month"),
    Grouping.SITE: lazy_gettext("By site"),
    Grouping.CHARGER: lazy_gettext("By charger"),
    Grouping.DRIVER: lazy_gettext("By driver"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both of them, in the reader's zone; `key` of PERIODS, or empty for others."""

    key: str
    first: date
    last: date


def preset(key: str, today: date) -> Period:
    """Raises Invalid for what is none of PERIODS."""
    first = today.replace(day=1)
    match key:
        case "week":
            return Period(key, today - timedelta(days=6), today)
        case "last_week":
            monday = today - timedelta(days=today.weekday() + 7)
            return Period(key, monday, monday + timedelta(days=6))
        case "month":
            return Period(key, first, today)
        case "last_month":
            last = first - timedelta(days=1)
            return Period(key, last.replace(day=1), last)
        case "quarter":
            return Period(key, first.replace(month=(today.month - 1) // 3 * 3 + 1), today)
        case "year":
            return Period(key, date(today.year, 1, 1), today)
        case "last_year":
            return Period(key, date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))
    raise Invalid(
        "A period is one of %(periods)s; others are told by since and until.",
        "period",
        periods=", ".join(PERIODS),
    )


def wanted(period: Period, grouping: Grouping, zone: ZoneInfo) -> Wanted:
    """What to sum, as far as whoever is asking may see it."""
    since = datetime.combine(period.first, time(), zone).astimezone(UTC)
    until = datetime.combine(period.last + timedelta(days=1), time(), zone).astimezone(UTC)
    seen = sight.limits()
    return Wanted(since, until, grouping, zone, site_ids=seen.site_ids if seen else None)
