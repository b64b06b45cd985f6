"""What a period brought: on a page, as CSV and as a workbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import gevent
import xlsxwriter
from flask import Blueprint, Response, render_template, request

from csms import clock
from csms.domain import reports
from csms.domain.base import Invalid
from csms.domain.reports import Figures, Grouping, Line, Wanted
from csms.extensions import db
from csms.web import exports, filters
from csms.web.addresses import with_query
from csms.web.shell import zone

blueprint = Blueprint("reports", __name__, url_prefix="/reports")

PERIODS = {
    "week": "7 days",
    "month": "This month",
    "last_month": "Last month",
    "quarter": "This quarter",
    "year": "This year",
    "last_year": "Last year",
}
GROUPINGS = {
    Grouping.DAY: "Day",
    Grouping.MONTH: "Month",
    Grouping.SITE: "Site",
    Grouping.CHARGER: "Charger",
    Grouping.DRIVER: "Driver",
}
NEVI_TARGET = 0.97  # 23 CFR 680.116(b): each port, over a year
MOST_SHARES = 200  # connectors on the page, the worst ones; the CSV has all
HEADINGS = (
    "sessions", "charged", "failed_starts", "success_percent", "energy_kwh", "hours", "utilisation_percent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both of them, in the reader's zone; `key` of PERIODS, or empty for others."""

    key: str
    first: date
    last: date


@blueprint.get("")
def index() -> str | tuple[str, int]:
    """The figures of a period. A period that makes no sense is explained, with this month's figures below."""
    problem = None
    try:
        period, wanted = _asked()
        found = reports.figures(db.session(), wanted, at=clock.now())
    except Invalid as error:
        problem = str(error)
        period = _preset("month", _today())
        wanted = _wanted(period, Grouping.DAY)
        found = reports.figures(db.session(), wanted, at=clock.now())
    page = render_template(
        "reports/index.html",
        problem=problem,
        grouping=wanted.grouping,
        groupings=_chips("reports.index", period, "group", GROUPINGS),
        group_words=GROUPINGS[wanted.grouping],
        figures=found,
        currencies=sorted(found.total.revenue),
        currency_heads=[(f"Revenue {x}", "num") for x in sorted(found.total.revenue)],
        csv_url=with_query("reports.as_csv", _query(period, wanted.grouping)),
        xlsx_url=with_query("reports.as_workbook", _query(period, wanted.grouping)),
        nearest=None if found.total.sessions else _nearest(wanted),
        **_frame("reports.index", period, wanted.grouping),
    )
    return (page, 422) if problem else page


def _nearest(wanted: Wanted) -> tuple[str, str] | None:
    """(name, address) of the month nearest to the period in which a session ended."""
    ended_at = reports.nearest_end(db.session(), wanted)
    if ended_at is None:
        return None
    first = ended_at.astimezone(ZoneInfo(zone())).date().replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    words = filters.localtime(ended_at, zone(), "month")
    return words, with_query("reports.index", _query(Period("", first, last), Grouping.DAY))


@blueprint.get("/uptime")
def uptime() -> str | tuple[str, int]:
    """Each connector's uptime in the period, the worst first."""
    problem = None
    try:
        period, _ = _asked()
    except Invalid as error:
        problem = str(error)
        period = _preset("month", _today())
    shares = reports.fleet_uptime(db.session(), period.first, period.last + timedelta(days=1))
    known = [x for x in shares if x.uptime is not None]
    page = render_template(
        "reports/uptime.html",
        problem=problem,
        shares=known[:MOST_SHARES],
        count=len(known),
        whole=_whole(known),
        target=NEVI_TARGET,
        csv_url=with_query("reports.uptime_csv", _query(period, None)),
        **_frame("reports.uptime", period, None),
    )
    return (page, 422) if problem else page


@blueprint.get("/uptime.csv")
def uptime_csv() -> Response:
    """Each connector's seconds in the period, and its uptime in per cent."""
    period, _ = _asked()
    rows: list[list[Any]] = [["charger", "connector", "known_s", "outage_s", "excluded_s", "uptime_percent"]]
    for x in reports.fleet_uptime(db.session(), period.first, period.last + timedelta(days=1)):
        rows.append([x.title, x.evse, x.known_s, x.outage_s, x.excluded_s, _percent(x.uptime, 3)])
    return exports.download(iter([exports.csv_text(rows)]), _file_name("uptime", period, "csv"))


@blueprint.get("/sessions.csv")
def as_csv() -> Response:
    """The figures as CSV: one line per group and the total."""
    period, wanted = _asked()
    found = reports.figures(db.session(), wanted, at=clock.now())
    return exports.download(
        iter([exports.csv_text(_rows(wanted, found))]), _file_name("sessions", period, "csv")
    )


@blueprint.get("/sessions.xlsx")
def as_workbook() -> Response:
    """The figures as a workbook for spreadsheets: numbers as numbers."""
    period, wanted = _asked()
    rows = list(_rows(wanted, reports.figures(db.session(), wanted, at=clock.now())))
    # Writing a workbook is work for the processor alone: on a thread of its own it holds up no charger.
    body = gevent.get_hub().threadpool.apply(_workbook, (rows,))
    name = _file_name("sessions", period, "xlsx")
    return Response(
        body,
        mimetype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _workbook(rows: list[list[Any]]) -> bytes:
    buffer = BytesIO()
    with xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        sheet = book.add_worksheet("Sessions")
        bold = book.add_format({"bold": True})
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row, bold if number in (0, len(rows) - 1) else None)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, len(rows[0]), 14)
    return buffer.getvalue()


def _rows(wanted: Wanted, found: Figures) -> Iterator[list[Any]]:
    currencies = sorted(found.total.revenue)
    yield [wanted.grouping.value, *HEADINGS, *(f"revenue_{x}" for x in currencies)]
    for line in (*found.lines, found.total):
        yield [line.label, *_cells(line), *(line.revenue[x] / 100 for x in currencies)]


def _cells(line: Line) -> tuple[Any, ...]:
    return (
        line.sessions,
        line.charged,
        line.failed_starts,
        _percent(line.success),
        round(line.energy_wh / 1000, 3),
        round(line.duration_s / 3600, 2),
        _percent(line.utilisation),
    )


def _percent(share: float | None, places: int = 1) -> float | None:
    return None if share is None else round(share * 100, places)


def _whole(shares: list[reports.Share]) -> float | None:
    known = sum(x.known_s for x in shares)
    return (known - sum(x.outage_s - x.excluded_s for x in shares)) / known if known else None


def _file_name(what: str, period: Period, ending: str) -> str:
    return f"{what}-{period.first:%Y%m%d}-{period.last:%Y%m%d}.{ending}"


def _query(period: Period, grouping: Grouping | None) -> dict[str, str]:
    """The period and grouping as an address names them."""
    days = {"period": period.key}
    if not period.key:
        days = {"since": period.first.isoformat(), "until": period.last.isoformat()}
    return {**days, "group": grouping.value if grouping else ""}


def _chips(
    endpoint: str, period: Period, name: str, choices: Mapping[Any, str]
) -> list[tuple[str, str, str, None]]:
    query = _query(period, None)
    return [
        (str(x), words, with_query(endpoint, {**query, name: str(x)}), None) for x, words in choices.items()
    ]


def _frame(endpoint: str, period: Period, grouping: Grouping | None) -> dict[str, Any]:
    """What both reports show above their figures."""
    group = grouping.value if grouping else ""
    return {
        "period": period,
        "periods": [
            (key, words, with_query(endpoint, {"period": key, "group": group}), None)
            for key, words in PERIODS.items()
        ],
        "group": group,
        "tabs": [
            (x, words, with_query(x, _query(period, None)))
            for x, words in (("reports.index", "Sessions"), ("reports.uptime", "Uptime"))
        ],
        "zone": zone(),
    }


def _asked() -> tuple[Period, Wanted]:
    """What the address asks for. Raises Invalid for dates and groupings that are none."""
    try:
        grouping = Grouping(request.args.get("group") or Grouping.DAY)
    except ValueError:
        raise Invalid(
            "A report has a line per %(grouping)s.", "group", grouping=", ".join(Grouping)
        ) from None
    since, until = request.args.get("since"), request.args.get("until")
    if since or until:
        period = Period("", _day(since, "since"), _day(until, "until"))
        if period.last < period.first:
            raise Invalid("The last day is before the first.", "until")
    else:
        period = _preset(request.args.get("period") or "month", _today())
    return period, _wanted(period, grouping)


def _day(text: str | None, field: str) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise Invalid("Choose the first and the last day, such as 2026-03-01.", field) from None


def _today() -> date:
    return clock.now().astimezone(ZoneInfo(zone())).date()


def _preset(key: str, today: date) -> Period:
    first = today.replace(day=1)
    match key:
        case "week":
            return Period(key, today - timedelta(days=6), today)
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


def _wanted(period: Period, grouping: Grouping) -> Wanted:
    here = ZoneInfo(zone())
    since = datetime.combine(period.first, time(), here).astimezone(UTC)
    until = datetime.combine(period.last + timedelta(days=1), time(), here).astimezone(UTC)
    return Wanted(since, until, grouping, here)
