"""Rollouts of firmware. Views of the blueprint `firmware`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import maintenance
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.maintenance import FirmwareFile, Job, JobState, Plan, Rollout, is_downgrade, library, queries
from csms.domain.maintenance import rollouts as rules
from csms.domain.maintenance.rules import split
from csms.extensions import db
from csms.web.firmware import blueprint as blueprint
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.web.upkeep import addresses
from csms.work import atomic

Answer = str | Response | tuple[str, int]
MOST_LISTED = 500
STATES = {
    "running": (lazy_gettext("Running"), "active", "loader-circle"),
    "paused": (lazy_gettext("Paused"), "wait", "circle-pause"),
    "done": (lazy_gettext("Done"), "ready", "circle-check"),
    "cancelled": (lazy_gettext("Called off"), "out", "ban"),
}
USUAL = {"stages": "5, 100", "gate_min": "60", "most_failures": "0", "waits_for_idle": "1"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage and how far it is."""

    number: int
    percent: int
    count: int
    ended: int
    failed: int
    is_current: bool


@blueprint.get("/rollouts")
def rollouts() -> str:
    found = queries.rollouts(db.session())
    return render_template(
        "firmware/rollouts.html",
        rollouts=found,
        tallies=queries.tallies(db.session(), [x.id for x in found]),
        states=STATES,
        zone=zone(),
        now=clock.now(),
    )


@blueprint.get("/<int:firmware_id>/rollout")
@requires("operate")
def plan(firmware_id: int) -> str:
    """How it could be done, and who would take part."""
    return _preview(library.get(db.session(), firmware_id), USUAL)


def _preview(firmware: FirmwareFile, given: Mapping[str, str]) -> str:
    try:
        return _plan_page(firmware, given, _plan(firmware, given), {})
    except Invalid as error:
        return _plan_page(firmware, given, None, {error.field or "name": said(error)})


def _plan_page(
    firmware: FirmwareFile, given: Mapping[str, str], wanted: Plan | None, problems: Mapping[str, str]
) -> str:
    session = db.session()
    groups = queries.groups(session)
    return render_template(
        "firmware/plan.html",
        firmware=firmware,
        given=given,
        problems=problems,
        members=(members := rules.members(session, firmware, wanted) if wanted else []),
        counts=[x for x in split(len(members), wanted.stages) if x] if wanted else [],
        versions=sorted({x.version for x in groups if x.version}),
        is_downgrade=is_downgrade,
    )


def _plan(firmware: FirmwareFile, given: Mapping[str, str]) -> Plan:
    numbers = [x.strip().removesuffix("%").strip() for x in given.get("stages", "").split(",")]
    if not all(x.isascii() and x.isdigit() and len(x) < 4 for x in numbers):
        raise Invalid("Write rising percentages that end with 100, such as 5, 25, 100.", "stages")
    return Plan(
        name=given.get("name", "").strip() or gettext("To %(version)s", version=firmware.version),
        vendor=firmware.vendor,
        model=firmware.model,
        version_from=given.get("version_from", "").strip() or None,
        stages=[int(x) for x in numbers],
        gate_s=_number(given, "gate_min", 43_200) * 60,
        waits_for_idle="waits_for_idle" in given,
        most_failures=_number(given, "most_failures", 10_000),
        allows_downgrade="allows_downgrade" in given,
    )


def _number(given: Mapping[str, str], name: str, most: int) -> int:
    text = given.get(name, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= most):
        raise Invalid("Write a whole number up to %(most)s.", name, most=most)
    return int(text)


@blueprint.post("/<int:firmware_id>/rollout")
@requires("operate")
def begin(firmware_id: int) -> Answer:
    """Begin it; or only show who would take part with these choices."""
    given = request.form.to_dict()
    if given.get("what") != "begin":
        return _preview(library.get(db.session(), firmware_id), given)
    try:
        with atomic() as session:
            firmware, at = library.get(session, firmware_id), clock.now()
            rollout = rules.begin(session, firmware, _plan(firmware, given), by=actor(), at=at)
            maintenance.advance(session, addresses(), at)
            _note(session, "begin", rollout)
            rollout_id = rollout.id
    except NotFound:
        raise
    except DomainError as error:
        firmware = library.get(db.session(), firmware_id)
        field = error.field if isinstance(error, Invalid) and error.field else "name"
        return _plan_page(firmware, given, None, {field: said(error)}), 422
    flash(gettext("It has begun."), "success")
    return redirect(url_for(".rollout", rollout_id=rollout_id))


@blueprint.get("/rollouts/<int:rollout_id>")
def rollout(rollout_id: int) -> str:
    found = queries.rollout(db.session(), rollout_id)
    return render_template(
        "firmware/rollout.html",
        live_url=url_for("live.stream", topics=f"rollout:{found.id}"),
        **_view(found),
    )


@blueprint.get("/rollouts/<int:rollout_id>/live")
def rollout_live(rollout_id: int) -> str:
    """All that changes, for its live region."""
    return render_template("firmware/_rollout.html", **_view(queries.rollout(db.session(), rollout_id)))


def _view(found: Rollout) -> dict[str, Any]:
    query = queries.jobs(rollout_id=found.id).order_by(Job.stage, Job.id)
    jobs = db.session().scalars(query).unique().all()
    return {
        "rollout": found,
        "jobs": jobs[:MOST_LISTED],
        "left_out": max(0, len(jobs) - MOST_LISTED),
        "stages": [_stage(found, number, jobs) for number in range(len(found.stages))],
        "states": STATES,
        "waiting": sum(x.state is JobState.WAITING and x.stage == found.stage for x in jobs),
        "here": url_for(".rollout", rollout_id=found.id),
        "zone": zone(),
        "now": clock.now(),
    }


def _stage(found: Rollout, number: int, jobs: Any) -> Stage:
    mine = [x for x in jobs if x.stage == number]
    failed = sum(x.state is JobState.FAILED for x in mine)
    ended = sum(x.is_ended for x in mine)
    is_current = number == found.stage and found.state.value in ("running", "paused")
    return Stage(number + 1, found.stages[number], len(mine), ended, failed, is_current)


@blueprint.post("/rollouts/<int:rollout_id>/<any(pause,resume,cancel,skip):what>")
@requires("operate")
def change_rollout(rollout_id: int, what: str) -> Answer:
    """Pause it, go on, leave out who still waits, or end it."""
    with atomic() as session:
        found, at = queries.rollout(session, rollout_id), clock.now()
        match what:
            case "pause":
                rules.pause(session, found, by=actor())
            case "resume":
                rules.resume(session, found, at=at)
                maintenance.advance(session, addresses(), at)
            case "skip":
                rules.skip(session, found, at=at)
            case _:
                rules.cancel(session, found, at=at)
        _note(session, what, found)
    return redirect(url_for(".rollout", rollout_id=rollout_id))


@blueprint.post("/rollouts/<int:rollout_id>/jobs/<int:job_id>/retry")
@requires("operate")
def retry_job(rollout_id: int, job_id: int) -> Answer:
    with atomic() as session:
        found = queries.rollout(session, rollout_id)
        job = queries.rollout_job(session, rollout_id, job_id)
        rules.retry(session, found, job, at=clock.now())
        _note(session, "retry", found, job.charger.identity)
    return redirect(url_for(".rollout", rollout_id=rollout_id))


def _note(session: Session, what: str, found: Rollout, detail: str | None = None) -> None:
    put_on_record(session, f"rollout.{what}", f"rollout {found.id}", detail or found.name)
