"""What a period brought: on a page, and as files. Site hosts see the figures of their sites."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, render_template, request
from flask_babel import gettext
from flask_login import current_user

from csms import clock
from csms.domain import reports
from csms.domain.base import Invalid, Refused
from csms.domain.reports import Format, Grouping, Wanted
from csms.extensions import db
from csms.sentences import gettext_noop
from csms.web import exports, filters, report_files
from csms.web.addresses import with_query
from csms.web.languages import said
from csms.web.report_files import Report, file_name, percent
from csms.web.report_periods import GROUPINGS, PERIODS, TITLES, Period, preset, wanted
from csms.web.security import can, requires
from csms.web.shell import zone

blueprint = Blueprint("reports", __name__, url_prefix="/reports")

FILES = (
    ("CSV", "reports.as_csv"),
    (gettext_noop("Excel"), "reports.as_workbook"),
    ("PDF", "reports.as_pdf"),
)

NEVI_TARGET = 0.97  # 23 CFR 680.116(b): each port, over a year
MOST_LINES = 100  # of sites, chargers or drivers on the page, those with the most energy; the files have all
UPTIME_HEADS = ("charger", "connector", "known_s", "outage_s", "excluded_s", "uptime_percent")
MOST_SHARES = 100  # connectors on the page, the worst ones; the CSV has all


@blueprint.get("")
@requires("host")
def index() -> str | tuple[str, int]:
    """The figures of a period. A period that makes no sense is explained, with this month's figures below."""
    return page()


def page(
    given: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    changed: int | None = None,
) -> str | tuple[str, int]:
    """`given`, `problems`: what was written to have it sent by e-mail, and what is wrong with that. `changed`: the one
    that it was to change.
    """
    problem = None
    try:
        report = _report(*_asked(), most=MOST_LINES)
    except (Invalid, Refused) as error:
        problem = said(error)
        period = preset("month", _today())
        report = _report(period, _wanted(period, Grouping.DAY))
    period, grouping = report.period, report.wanted.grouping
    found = render_template(
        "reports/index.html",
        problem=problem,
        report=report,
        grouping=grouping,
        groupings=_chips("reports.index", period, "group", _groupings()),
        group_words=GROUPINGS[grouping],
        title=TITLES[grouping],
        figures=report.figures,
        heads=list(report_files.heads(report)),
        words=report_files.words,
        days=report_files.days_told(period, zone()),
        co2=report_files.co2_told(report.co2_g),
        currencies=report.currencies,
        files=[(words, with_query(endpoint, _query(period, grouping))) for words, endpoint in FILES],
        nearest=None if report.figures.total.sessions else _nearest(report.wanted),
        schedules=reports.schedules_of(db.session(), current_user.id),
        given=given or {},
        problems=problems or {},
        changed=changed,
        **_frame("reports.index", period, grouping),
    )
    return (found, 422) if problem or problems else found


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
        problem = said(error)
        period = preset("month", _today())
    fleet = reports.fleet(db.session(), period.first, period.last + timedelta(days=1), most=MOST_SHARES)
    page = render_template(
        "reports/uptime.html",
        problem=problem,
        shares=fleet.worst,
        count=fleet.count,
        whole=fleet.uptime,
        target=NEVI_TARGET,
        csv_url=with_query("reports.uptime_csv", _query(period, None)),
        workbook_url=with_query("reports.uptime_workbook", _query(period, None)),
        **_frame("reports.uptime", period, None),
    )
    return (page, 422) if problem else page


@blueprint.get("/uptime.csv")
def uptime_csv() -> Response:
    """Each connector's seconds in the period, and its uptime in per cent."""
    period, _ = _asked()
    rows = [UPTIME_HEADS, *_uptime_rows(period)]
    return exports.download(iter([exports.csv_text(rows)]), file_name("uptime", period, "csv"))


@blueprint.get("/uptime.xlsx")
def uptime_workbook() -> Response:
    """The same for spreadsheets: numbers as numbers."""
    period, _ = _asked()
    name = file_name("uptime", period, "xlsx")
    return exports.workbook("Uptime", UPTIME_HEADS, _uptime_rows(period), name)


def _uptime_rows(period: Period) -> list[tuple[Any, ...]]:
    found = reports.fleet_uptime(db.session(), period.first, period.last + timedelta(days=1))
    return [(x.title, x.evse, x.known_s, x.outage_s, x.excluded_s, percent(x.uptime, 3)) for x in found]


@blueprint.get("/sessions.csv")
@requires("host")
def as_csv() -> Response:
    """The figures as CSV: one line per group and the total."""
    report = _report(*_asked())
    name = file_name("sessions", report.period, "csv")
    return exports.download(iter([exports.csv_text(report_files.rows(report))]), name)


@blueprint.get("/sessions.xlsx")
@requires("host")
def as_workbook() -> Response:
    """The figures as a workbook for spreadsheets: numbers as numbers."""
    return _download(Format.XLSX)


@blueprint.get("/sessions.pdf")
@requires("host")
def as_pdf() -> Response:
    """The figures to be read and printed, in the reader's language."""
    return _download(Format.PDF)


def _download(form: Format) -> Response:
    file = report_files.as_file(_report(*_asked()), form, clock.now())
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, mimetype=file.mimetype, headers=headers)


def _report(period: Period, asked: Wanted, most: int | None = None) -> Report:
    """Raises Invalid for periods that cannot be summed, Refused for drivers' names where they may not be seen."""
    found = reports.figures(db.session(), asked, at=clock.now(), most=most)
    return Report(period, asked, found, current_app.extensions["settings"].co2_g)


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


def _groupings() -> Mapping[Grouping, Any]:
    """What whoever is asking may have a line for: drivers are not for site hosts to see."""
    return GROUPINGS if can("view") else {x: y for x, y in GROUPINGS.items() if x is not Grouping.DRIVER}


def _frame(endpoint: str, period: Period, grouping: Grouping | None) -> dict[str, Any]:
    """What both reports show above their figures."""
    group = grouping.value if grouping else ""
    tabs = [("reports.index", gettext("Sessions"))]
    if can("view"):
        tabs.append(("reports.uptime", gettext("Uptime")))
    return {
        "period": period,
        "periods": [
            (key, words, with_query(endpoint, {"period": key, "group": group}), None)
            for key, words in PERIODS.items()
        ],
        "group": group,
        "tabs": [(x, words, with_query(x, _query(period, None))) for x, words in tabs],
        "zone": zone(),
    }


def _asked() -> tuple[Period, Wanted]:
    """What the address asks for. Raises Invalid for dates and groupings that are none, Refused for drivers."""
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
        period = preset(request.args.get("period") or "month", _today())
    if grouping not in _groupings():
        raise Refused("Drivers are not yours to see.")
    return period, _wanted(period, grouping)


def _day(text: str | None, field: str) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise Invalid("Choose the first and the last day, such as 2026-03-01.", field) from None


def _today() -> date:
    return clock.now().astimezone(ZoneInfo(zone())).date()


def _wanted(period: Period, grouping: Grouping) -> Wanted:
    return wanted(period, grouping, ZoneInfo(zone()))
