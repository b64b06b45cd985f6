"""Reports by e-mail: each is written when its period is over, as whoever wanted it may see it then."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import gevent
from flask import Flask, current_app
from sqlalchemy.orm import Session

from csms import clock, mail, rounds, sight
from csms.domain import accounts, reports
from csms.domain.accounts import User
from csms.domain.base import DomainError, Refused
from csms.domain.mail import File
from csms.domain.reports import Every, Grouping, ReportSchedule
from csms.extensions import db
from csms.sentences import told
from csms.sight import Limits
from csms.translations import speaking
from csms.web import report_files
from csms.web.report_files import Report
from csms.web.report_periods import preset, wanted
from csms.web.security import PERMISSIONS
from csms.work import StorageFailed, atomic

log = logging.getLogger(__name__)

EVERY_S = 30.0
PERIODS = {Every.WEEK: "last_week", Every.MONTH: "last_month"}


def start(app: Flask) -> gevent.Greenlet:
    """Send what is due, for as long as the process lives."""
    return rounds.start(app, "reports", EVERY_S, send_due)


def send_due() -> int:
    """Queue the mails of the reports whose time has come; how many reports that were."""
    due = [(x.id, x.due_at) for x in reports.due_schedules(db.session(), clock.now()) if x.due_at]
    db.session.remove()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    count = 0
    for schedule_id, due_at in due:
        with app.app_context():  # of its own: what one may see is not what the next may see
            try:
                count += _send(schedule_id, due_at)
            except StorageFailed:  # of the database, and so of every report: the next round tries again
                raise
            except (
                Exception
            ):  # the outermost door of one report: it is tried again later, and the others are sent
                log.exception("report_not_sent", extra={"schedule": schedule_id})
                _postpone(schedule_id, due_at)
    return count


def _send(schedule_id: int, due_at: datetime) -> bool:
    """Whether this process has sent it. The figures are summed and the files made before anything is locked."""
    at, zone = clock.now(), current_app.extensions["settings"].time_zone
    kept = db.session().get(ReportSchedule, schedule_id)
    if kept is None:
        return False
    try:
        report = _report(kept, due_at, zone, at)
        files = _files(kept, report, at)
    except DomainError as error:
        _stop(schedule_id, due_at, str(error), zone, at)
        return False
    db.session.remove()
    with atomic() as session:
        taken = reports.take_schedule(session, schedule_id, due_at, zone=zone, at=at)
        if taken is None:
            return False
        taken.sent_at, taken.error = at, None
        for address, (language, file) in files.items():
            _write(session, taken, report, address, language, file, at)
    return True


def _report(kept: ReportSchedule, due_at: datetime, zone: ZoneInfo, at: datetime) -> Report:
    """The figures of the period that was over then. Raises Refused for whom may not read them any more."""
    _see_as(kept.user, kept.grouping)
    period = preset(PERIODS[kept.every], due_at.astimezone(zone).date())
    asked = wanted(period, kept.grouping, zone)
    found = reports.figures(db.session(), asked, at=at)
    return Report(period, asked, found, current_app.extensions["settings"].co2_g)


def _see_as(user: User, grouping: Grouping) -> None:
    """From now on there is to be seen what this user sees."""
    granted = PERMISSIONS[user.role]
    if not user.is_enabled or "host" not in granted:
        raise Refused("Whoever wanted it may not read reports any more.")
    if "view" in granted:
        return
    if grouping is Grouping.DRIVER:
        raise Refused("Drivers are not yours to see.")
    sight.limit_to(Limits.to_sites(accounts.site_ids(db.session(), user.id)))


def _files(kept: ReportSchedule, report: Report, at: datetime) -> Mapping[str, tuple[str, File]]:
    """By recipient: what they read, and the file in it."""
    made: dict[str, File] = {}
    found = {}
    for address in kept.recipients:
        language = mail.language_of(db.session(), address) or kept.language
        if language not in made:
            with speaking(language):
                made[language] = report_files.as_file(report, kept.format, at)
        found[address] = (language, made[language])
    return found


def _write(
    session: Session,
    kept: ReportSchedule,
    report: Report,
    address: str,
    language: str,
    file: File,
    at: datetime,
) -> None:
    base, period = current_app.extensions["settings"].public_base_url, report.period
    days = f"since={period.first.isoformat()}&until={period.last.isoformat()}"
    try:
        with session.begin_nested():
            mail.write(
                session,
                "report",
                address,
                at=at,
                language=language,
                files=[file],
                period=period,
                is_weekly=kept.every is Every.WEEK,
                facts=_facts(report, language),
                username=kept.user.username,
                url=f"{base}/reports?{days}&group={kept.grouping.value}",
            )
    except (
        DomainError
    ) as error:  # too much waits for this address, or the file is too large: the page says so
        kept.error = str(error)


def _facts(report: Report, language: str) -> list[tuple[str, str]]:
    with speaking(language):
        return report_files.totals(report)


def _postpone(schedule_id: int, due_at: datetime) -> None:
    db.session.remove()
    with atomic() as session:
        words = told("It could not be made: the server's log says why. It is tried again every hour.")
        reports.postpone_schedule(session, schedule_id, due_at, words, at=clock.now())


def _stop(schedule_id: int, due_at: datetime, error: str, zone: ZoneInfo, at: datetime) -> None:
    db.session.remove()
    with atomic() as session:
        taken = reports.take_schedule(session, schedule_id, due_at, zone=zone, at=at)
        if taken is not None:
            reports.pause(taken, error)
