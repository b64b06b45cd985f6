"""Reports by e-mail, as whoever wants them orders, pauses and ends them on the page of reports."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import reports
from csms.domain.base import Invalid, Refused
from csms.domain.reports import Every, Format, Grouping
from csms.web import languages
from csms.web.choices import one_of
from csms.web.languages import said
from csms.web.reports import page
from csms.web.security import can, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("report_schedules", __name__, url_prefix="/reports/schedules")


@blueprint.post("")
@requires("host")
def add() -> Any:
    """Send this report from now on."""
    form = request.form
    try:
        with atomic() as session:
            made = reports.schedule(
                session,
                current_user.id,
                _grouping(form.get("group", "")),
                one_of(Every, form.get("every"), "every"),
                one_of(Format, form.get("format"), "format"),
                form.get("recipients", ""),
                language=languages.current(),
                zone=_zone(),
                at=clock.now(),
            )
            put_on_record(session, "report.scheduled", ", ".join(made.recipients), made.every.value)
    except Invalid as error:
        return page(form, {error.field or "recipients": said(error)})
    except Refused as error:
        return page(form, {"recipients": said(error)})
    flash(gettext("This report is sent from now on."), "success")
    return redirect(url_for("reports.index", group=form.get("group")), 303)


@blueprint.post("/<int:schedule_id>")
@requires("host")
def change(schedule_id: int) -> Any:
    """To whom it goes, how often, and as what."""
    form = request.form
    try:
        with atomic() as session:
            kept = reports.schedule_of(session, current_user.id, schedule_id)
            every = one_of(Every, form.get("every"), "every")
            attached = one_of(Format, form.get("format"), "format")
            recipients = form.get("recipients", "")
            reports.reschedule(kept, every, attached, recipients, zone=_zone(), at=clock.now())
            put_on_record(session, "report.changed", ", ".join(kept.recipients), every.value)
    except Invalid as error:
        return page(form, {error.field or "recipients": said(error)}, changed=schedule_id)
    flash(gettext("Saved."), "success")
    return redirect(url_for("reports.index"), 303)


@blueprint.post("/<int:schedule_id>/pause")
@requires("host")
def pause(schedule_id: int) -> Response:
    """Send it no more, or again, as the form says."""
    goes_on = request.form.get("is_on") == "1"
    with atomic() as session:
        kept = reports.schedule_of(session, current_user.id, schedule_id)
        if goes_on:
            reports.go_on(kept, zone=_zone(), at=clock.now())
        else:
            reports.pause(kept)
        put_on_record(session, "report.resumed" if goes_on else "report.paused", ", ".join(kept.recipients))
    flash(gettext("This report is sent from now on.") if goes_on else gettext("It is paused."), "success")
    return redirect(url_for("reports.index"), 303)


@blueprint.post("/<int:schedule_id>/remove")
@requires("host")
def remove(schedule_id: int) -> Response:
    with atomic() as session:
        kept = reports.schedule_of(session, current_user.id, schedule_id)
        put_on_record(session, "report.unscheduled", ", ".join(kept.recipients))
        session.delete(kept)
    flash(gettext("It is not sent any more."), "success")
    return redirect(url_for("reports.index"), 303)


def _grouping(written: str) -> Grouping:
    """Raises Invalid for what is none, Refused for drivers where they may not be seen."""
    if written not in set(Grouping):
        raise Invalid("A report has a line per %(grouping)s.", "group", grouping=", ".join(Grouping))
    if written == Grouping.DRIVER and not can("view"):
        raise Refused("Drivers are not yours to see.")
    return Grouping(written)


def _zone() -> ZoneInfo:
    found: ZoneInfo = current_app.extensions["settings"].time_zone
    return found
