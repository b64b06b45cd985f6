"""What a period brought, and how much of it chargers were up."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from pydantic import Field

from csms import clock
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Money, Out, answers
from csms.domain import reports
from csms.domain.reports import Grouping, Line, Share, Wanted
from csms.extensions import db


class PeriodQuery(In):
    since: date = Field(description="the first day", examples=["2026-03-01"])
    until: date = Field(description="the last day, which counts too", examples=["2026-03-31"])


class FiguresQuery(PeriodQuery):
    group: Grouping = Field(Grouping.DAY, description="what there is a line for")


class ReportLineOut(Out):
    """`success` and `utilisation` are shares from 0 to 1, null where nothing was tried or there is no connector.

    `co2_kg`: emitted for `energy_wh`, by the grams per kWh of the installation's settings; null where none are set.
    """

    label: str
    sessions: int
    charged: int
    failed_starts: int
    energy_wh: int
    duration_s: int
    revenue: list[Money]
    success: float | None
    utilisation: float | None
    co2_kg: float | None


class FiguresOut(Out):
    time_zone: str
    data: list[ReportLineOut]
    total: ReportLineOut


class ShareOut(Out):
    """`uptime` is (known − (outage − excluded)) ÷ known, after 23 CFR 680.116(b)."""

    charger_id: int
    title: str
    evse: int
    known_s: int
    outage_s: int
    excluded_s: int
    uptime: float | None


class ShareList(Out):
    data: list[ShareOut]


@blueprint.get("/reports/sessions")
@spec.validate(resp=answers(200, FiguresOut), tags=["reports"], operation_id="reportSessions")
@needs(Scope.READ)
def report_sessions(query: FiguresQuery) -> Any:
    """Ended sessions of the days from `since` to `until`, summed per day, month, site, charger or driver.

    Days are those of the installation's zone; a session counts on the day on which it ended; simulated chargers
    are left out.
    """
    zone: ZoneInfo = current_app.extensions["settings"].time_zone
    since, until = (
        datetime.combine(x, time(), zone).astimezone(UTC)
        for x in (query.since, query.until + timedelta(days=1))
    )
    found = reports.figures(db.session(), Wanted(since, until, query.group, zone), at=clock.now())
    return FiguresOut(time_zone=zone.key, data=[_line(x) for x in found.lines], total=_line(found.total))


@blueprint.get("/reports/uptime")
@spec.validate(resp=answers(200, ShareList), tags=["reports"], operation_id="reportUptime")
@needs(Scope.READ)
def report_uptime(query: PeriodQuery) -> Any:
    """Each connector's whole days of UTC, the worst first. The present day is not in it."""
    shares = reports.fleet_uptime(db.session(), query.since, query.until + timedelta(days=1))
    return ShareList(data=[_share(x) for x in shares])


def _line(line: Line) -> ReportLineOut:
    return ReportLineOut.of(
        line,
        revenue=[Money.of_cents(cents, x) for x, cents in sorted(line.revenue.items())],
        co2_kg=reports.co2_kg(line.energy_wh, current_app.extensions["settings"].co2_g),
    )


def _share(share: Share) -> ShareOut:
    return ShareOut.of(share)
