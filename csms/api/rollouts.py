"""Rollouts of firmware."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.maintenance import JobList, addresses, job_out
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import maintenance
from csms.domain.maintenance import Job, JobState, Plan, Rollout, RolloutState, library
from csms.domain.maintenance import queries as maintenance_queries
from csms.domain.maintenance import rollouts as rules
from csms.extensions import db


class NewRollout(In):
    """Chargers of the firmware's vendor and model; `stages` are cumulative percentages, the last is 100. After each
    stage its chargers are watched for `gate_s`: online, without fault, with the new version, with sessions that work.
    """

    firmware_id: int
    name: str = Field(min_length=1, max_length=80)
    vendor: str | None = Field(None, max_length=50)
    model: str | None = Field(None, max_length=50)
    version_from: str | None = Field(None, max_length=50)
    stages: list[int] = Field([5, 100], min_length=1, max_length=10)
    gate_s: int = Field(3600, ge=0, le=rules.LONGEST_GATE_S)
    waits_for_idle: bool = True
    most_failures: int = Field(0, ge=0)
    allows_downgrade: bool = False


class RolloutOut(Out):
    """`stage` counts from 0. `reason`: why it is paused. `jobs`: how many chargers are in which state."""

    id: int
    name: str
    firmware_id: int
    version: str
    vendor: str | None
    model: str | None
    version_from: str | None
    state: RolloutState
    reason: str | None
    stages: list[int]
    stage: int
    gate_s: int
    gate_until: datetime | None
    waits_for_idle: bool
    most_failures: int
    is_signed: bool
    jobs: dict[JobState, int]
    created_by: str | None
    created_at: datetime
    finished_at: datetime | None


class RolloutList(Out):
    data: list[RolloutOut]
    next_cursor: str | None


def _outs(session: Session, rollouts: Any) -> list[RolloutOut]:
    tallies = maintenance_queries.tallies(session, [x.id for x in rollouts])
    return [RolloutOut.of(x, version=x.firmware.version, jobs=dict(tallies.get(x.id, {}))) for x in rollouts]


def _out(session: Session, rollout_id: int) -> RolloutOut:
    return _outs(session, [maintenance_queries.rollout(session, rollout_id)])[0]


@blueprint.get("/rollouts")
@spec.validate(resp=answers(200, RolloutList), tags=["maintenance"], operation_id="listRollouts")
@needs(Scope.READ)
def list_rollouts(query: Listing) -> Any:
    """Rollouts, newest first."""
    wanted = select(Rollout).options(joinedload(Rollout.firmware))
    found = page(db.session(), wanted, (Rollout.id,), query, newest_first=True)
    data = _outs(db.session(), found.rows)
    return RolloutList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/rollouts")
@spec.validate(resp=answers(201, RolloutOut), tags=["maintenance"], operation_id="beginRollout")
@needs(Scope.OPERATE)
def begin_rollout(json: NewRollout) -> Any:
    """Begin one. 409 when no charger would take part."""
    with unit() as session:
        at, by = clock.now(), guard.caller().username
        firmware = library.get(session, json.firmware_id)
        plan = Plan(**json.model_dump(exclude={"firmware_id"}))
        rollout = rules.begin(session, firmware, plan, by=by, at=at)
        maintenance.advance(session, addresses(), at)
        guard.audit(session, "rollout.begun", f"rollout {rollout.id}", rollout.name)
        begun = _out(session, rollout.id)
    return begun, 201, {"Location": url_for("api.show_rollout", rollout_id=begun.id)}


@blueprint.get("/rollouts/<int:rollout_id>")
@spec.validate(resp=answers(200, RolloutOut), tags=["maintenance"], operation_id="getRollout")
@needs(Scope.READ)
def show_rollout(rollout_id: int) -> RolloutOut:
    """One rollout, as it stands."""
    return _out(db.session(), rollout_id)


@blueprint.get("/rollouts/<int:rollout_id>/jobs")
@spec.validate(resp=answers(200, JobList), tags=["maintenance"], operation_id="listRolloutJobs")
@needs(Scope.READ)
def list_rollout_jobs(rollout_id: int, query: Listing) -> Any:
    """Its updates, charger by charger, in the order of their turn."""
    maintenance_queries.rollout(db.session(), rollout_id)
    wanted = maintenance_queries.jobs(rollout_id=rollout_id)
    found = page(db.session(), wanted, (Job.id,), query)
    return JobList(data=[job_out(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.post("/rollouts/<int:rollout_id>/pause")
@spec.validate(resp=answers(200, RolloutOut), tags=["maintenance"], operation_id="pauseRollout")
@needs(Scope.OPERATE)
def pause_rollout(rollout_id: int) -> RolloutOut:
    """Order nothing more for now."""
    return _changed(rollout_id, "pause")


@blueprint.post("/rollouts/<int:rollout_id>/resume")
@spec.validate(resp=answers(200, RolloutOut), tags=["maintenance"], operation_id="resumeRollout")
@needs(Scope.OPERATE)
def resume_rollout(rollout_id: int) -> RolloutOut:
    """Go on; what has failed so far is taken as looked at."""
    return _changed(rollout_id, "resume")


@blueprint.post("/rollouts/<int:rollout_id>/skip")
@spec.validate(resp=answers(200, RolloutOut), tags=["maintenance"], operation_id="skipRollout")
@needs(Scope.OPERATE)
def skip_waiting(rollout_id: int) -> RolloutOut:
    """Go on without the chargers of this stage that still wait."""
    return _changed(rollout_id, "skip")


@blueprint.post("/rollouts/<int:rollout_id>/cancel")
@spec.validate(resp=answers(200, RolloutOut), tags=["maintenance"], operation_id="cancelRollout")
@needs(Scope.OPERATE)
def cancel_rollout(rollout_id: int) -> RolloutOut:
    """End it: nobody else gets the firmware."""
    return _changed(rollout_id, "cancel")


@blueprint.post("/rollouts/<int:rollout_id>/jobs/<int:job_id>/retry")
@spec.validate(resp=answers(200, RolloutOut), tags=["maintenance"], operation_id="retryRolloutJob")
@needs(Scope.OPERATE)
def retry_rollout_job(rollout_id: int, job_id: int) -> RolloutOut:
    """Try once more at a charger at which it failed."""
    return _changed(rollout_id, "retry", job_id)


def _changed(rollout_id: int, what: str, job_id: int = 0) -> RolloutOut:
    with unit() as session:
        at, by = clock.now(), guard.caller().username
        rollout = maintenance_queries.rollout(session, rollout_id)
        match what:
            case "pause":
                rules.pause(session, rollout, by=by)
            case "resume":
                rules.resume(session, rollout, at=at)
                maintenance.advance(session, addresses(), at)
            case "skip":
                rules.skip(session, rollout, at=at)
            case "cancel":
                rules.cancel(session, rollout, at=at)
            case _:
                job = maintenance_queries.rollout_job(session, rollout_id, job_id)
                rules.retry(session, rollout, job, at=at)
        guard.audit(session, f"rollout.{what}", f"rollout {rollout.id}", rollout.name)
        session.flush()
        return _out(session, rollout_id)
