"""A charger's firmware and its logs. Views of the blueprint `chargers`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, files
from csms.domain import chargers, maintenance
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.chargers import Charger
from csms.domain.maintenance import JobKind, library, queries
from csms.extensions import db
from csms.web.charger_meters import blueprint as blueprint
from csms.web.chargers import about, frame, shown
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.web.upkeep import LOGS, addresses, wanted
from csms.work import atomic

Answer = str | Response | WerkzeugResponse | tuple[str, int]


@blueprint.get("/<int:charger_id>/firmware")
def firmware(charger_id: int) -> str:
    return _page(shown(charger_id), {}, {})


@blueprint.get("/<int:charger_id>/firmware/list")
def firmware_list(charger_id: int) -> str:
    """All that changes, for its live region."""
    charger, at = shown(charger_id), clock.now()
    return render_template("chargers/_firmware.html", **about(charger, at), **_jobs(charger))


@blueprint.post("/<int:charger_id>/logs")
@requires("operate")
def request_log(charger_id: int) -> Answer:
    """Ask for a log."""
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            at = clock.now()
            job = maintenance.order_log(
                session, charger, _kind(), wanted(request.form), addresses(), by=actor(), at=at
            )
            put_on_record(session, "log.request", charger.identity, job.kind.value)
    except NotFound:
        raise
    except DomainError as error:
        return _again(charger_id, error)
    flash(gettext("Asked for. The file appears here when the charger has sent it."), "success")
    return redirect(url_for(".firmware", charger_id=charger_id))


def _kind() -> JobKind:
    try:
        return JobKind(request.form.get("kind", ""))
    except ValueError:
        raise Invalid("Choose what to ask for.", "kind") from None


@blueprint.post("/<int:charger_id>/firmware")
@requires("operate")
def update_firmware(charger_id: int) -> Answer:
    """Order an update: to a firmware of the library, or to what lies at an address."""
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            job = _ordered(session, charger, clock.now())
            put_on_record(session, "firmware.order", charger.identity, job.version_wanted or "by address")
    except NotFound:
        raise
    except DomainError as error:
        return _again(charger_id, error)
    flash(gettext("Ordered. What the charger does of it is told here."), "success")
    return redirect(url_for(".firmware", charger_id=charger_id))


def _ordered(session: Any, charger: Charger, at: datetime) -> maintenance.Job:
    given = request.form.to_dict()
    chosen = given.get("firmware", "")
    found = (
        library.get(session, int(chosen))
        if chosen.isascii() and chosen.isdigit() and len(chosen) < 19
        else None
    )
    if found is not None and not given.get("signature"):
        given |= {"signing_certificate": found.signing_certificate or "", "signature": found.signature or ""}
    return maintenance.order_firmware(session, charger, found, wanted(given), addresses(), by=actor(), at=at)


@blueprint.get("/<int:charger_id>/logs/<int:file_id>")
@requires("operate")
def log_file(charger_id: int, file_id: int) -> Response:
    """A file as it came: a download, never shown in the browser."""
    file = maintenance.received_file(db.session(), charger_id, file_id)
    answer = files.attachment(files.logs(), file.stored_as or "", file.name, file.size_bytes, file.sha256)
    if answer is None:
        abort(404)
    return answer


def _again(charger_id: int, error: DomainError) -> Answer:
    field = error.field if isinstance(error, Invalid) and error.field else "kind"
    return _page(shown(charger_id), request.form.to_dict(), {field: said(error)}), 422


def _page(charger: Charger, given: dict[str, str], problems: dict[str, str]) -> str:
    return render_template(
        "chargers/firmware.html",
        logs=LOGS,
        library=[(x.id, _offer(x)) for x in library.for_charger(db.session(), charger)],
        given=given,
        problems=problems,
        **frame(charger, "firmware", clock.now()),
        **_jobs(charger),
    )


def _offer(found: maintenance.FirmwareFile) -> str:
    offer = f"{found.version} · {found.name}"
    return gettext("%(firmware)s · signed", firmware=offer) if found.is_signed else offer


def _jobs(charger: Charger) -> dict[str, Any]:
    session = db.session()
    return {
        "logs_asked": queries.newest(session, charger.id, is_log=True),
        "updates": queries.newest(session, charger.id, is_log=False),
        "kept_days": files.settings().logs_kept_days,
        "events": queries.events(session, charger.id),
    }
