"""Logs of chargers, and updates of their firmware."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for
from pydantic import Field

from csms import clock, files
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Out, answers
from csms.domain import maintenance
from csms.domain.base import NotFound
from csms.domain.maintenance import Addresses, Job, JobKind, JobState, ReceivedFile, Wanted, library
from csms.domain.maintenance import queries as maintenance_queries
from csms.extensions import db


class Retries(In):
    """Without `location` an address of this installation is made: it works once, and for `TRANSFER_HOURS`."""

    location: str | None = Field(None, max_length=512, examples=["ftp://user:password@files.example.org/"])
    retries: int | None = Field(None, ge=0, le=100)
    retry_interval_s: int | None = Field(None, ge=0, le=86_400)


class NewLog(Retries):
    """`diagnostics` is GetDiagnostics; the others are GetLog of the security whitepaper."""

    kind: JobKind = Field(JobKind.DIAGNOSTICS, examples=["security_log"])
    oldest_at: Moment | None = None
    latest_at: Moment | None = None


class NewUpdate(Retries):
    """A firmware of the library, or the address of one. With a signature it is a SignedUpdateFirmware.

    `version`: what the charger must report then; known of the library's. `is_signed` false sends firmware of the
    library without its signature.
    """

    firmware_id: int | None = None
    version: str | None = Field(None, max_length=50)
    retrieve_at: Moment | None = None
    install_at: Moment | None = None
    is_signed: bool = True
    signing_certificate: str | None = Field(None, max_length=5500)
    signature: str | None = Field(None, max_length=800)


class FileOut(Out):
    """`url`: where it can be downloaded; null when it has been deleted."""

    id: int
    name: str
    size_bytes: int
    sha256: str
    received_at: datetime
    url: str | None


class JobOut(Out):
    """`state` is what we know, `word` the newest status that the charger told. A log is done when its file is here, an
    update when the charger has said Installed and has booted with the new version.
    """

    id: int
    charger: str
    kind: JobKind
    state: JobState
    word: str | None
    word_at: datetime | None
    detail: str | None
    request_id: int
    command_id: str | None
    firmware_id: int | None
    rollout_id: int | None
    location: str | None
    address_until: datetime | None
    fetched_at: datetime | None
    file_name: str | None
    files: list[FileOut]
    version_before: str | None
    version_wanted: str | None
    version_seen: str | None
    requested_by: str | None
    requested_at: datetime
    ordered_at: datetime | None
    finished_at: datetime | None


class JobList(Out):
    data: list[JobOut]
    next_cursor: str | None


def addresses() -> Addresses:
    settings = files.settings()
    return Addresses(settings.public_base_url, settings.transfer_lifetime)


def job_out(job: Job) -> JobOut:
    identity = job.charger.identity
    return JobOut.of(job, charger=identity, files=[_file_out(x, identity) for x in job.files])


def _file_out(file: ReceivedFile, identity: str) -> FileOut:
    url = None
    if file.stored_as is not None:
        url = url_for("api.fetch_log_file", identity=identity, file_id=file.id)
    return FileOut.of(file, url=url)


@blueprint.get("/chargers/<identity>/logs")
@spec.validate(resp=answers(200, JobList), tags=["maintenance"], operation_id="listLogs")
@needs(Scope.READ)
def list_logs(identity: str, query: Listing) -> Any:
    """Logs that were asked for, newest first, with the files that have come."""
    return _list(identity, query, is_log=True)


@blueprint.post("/chargers/<identity>/logs")
@spec.validate(resp=answers(201, JobOut), tags=["maintenance"], operation_id="requestLog")
@needs(Scope.OPERATE)
def request_log(identity: str, json: NewLog) -> Any:
    """Ask a charger for its diagnostics or its security log."""
    with unit() as session:
        charger = queries.charger(session, identity, with_connectors=False)
        wanted = Wanted(**json.model_dump(exclude={"kind"}))
        by, at = guard.caller().username, clock.now()
        job = maintenance.order_log(session, charger, json.kind, wanted, addresses(), by=by, at=at)
        guard.audit(session, "log.requested", charger.identity, f"{job.kind.value} {job.id}")
        job_id, charger_id = job.id, charger.id
    found = maintenance_queries.job(db.session(), charger_id, job_id, is_log=True)
    return job_out(found), 201, {"Location": url_for("api.show_log", identity=identity, job_id=job_id)}


@blueprint.get("/chargers/<identity>/logs/<int:job_id>")
@spec.validate(resp=answers(200, JobOut), tags=["maintenance"], operation_id="getLog")
@needs(Scope.READ)
def show_log(identity: str, job_id: int) -> JobOut:
    """One request for a log, as it stands."""
    charger = queries.charger(db.session(), identity, with_connectors=False)
    return job_out(maintenance_queries.job(db.session(), charger.id, job_id, is_log=True))


@blueprint.get("/chargers/<identity>/log-files/<int:file_id>")
@spec.validate(
    resp=answers(200, None, "The file's bytes."),
    tags=["maintenance"],
    operation_id="downloadLogFile",
    skip_validation=True,
)
@needs(Scope.OPERATE)
def fetch_log_file(identity: str, file_id: int) -> Any:
    """A file that a charger has sent, as it came."""
    charger = queries.charger(db.session(), identity, with_connectors=False)
    file = maintenance.received_file(db.session(), charger.id, file_id)
    answer = files.attachment(files.logs(), file.stored_as or "", file.name, file.size_bytes, file.sha256)
    if answer is None:
        raise NotFound("The file is not on this machine's disk: machines must share INSTANCE_DIR.")
    # In pieces: SpecTree would read a Response whole.
    return answer.response, answer.status_code, answer.headers


@blueprint.get("/chargers/<identity>/firmware")
@spec.validate(resp=answers(200, JobList), tags=["maintenance"], operation_id="listUpdates")
@needs(Scope.READ)
def list_updates(identity: str, query: Listing) -> Any:
    """Updates of a charger's firmware, newest first."""
    return _list(identity, query, is_log=False)


@blueprint.post("/chargers/<identity>/firmware")
@spec.validate(resp=answers(201, JobOut), tags=["maintenance"], operation_id="updateFirmware")
@needs(Scope.OPERATE)
def update_firmware(identity: str, json: NewUpdate) -> Any:
    """Have a charger fetch and install a firmware."""
    with unit() as session:
        charger = queries.charger(session, identity, with_connectors=False)
        firmware = library.get(session, json.firmware_id) if json.firmware_id is not None else None
        given = json.model_dump(exclude={"firmware_id", "is_signed"})
        if firmware is not None and json.is_signed and json.signature is None:
            given |= {"signing_certificate": firmware.signing_certificate, "signature": firmware.signature}
        by, at = guard.caller().username, clock.now()
        wanted = Wanted(**given)
        job = maintenance.order_firmware(session, charger, firmware, wanted, addresses(), by=by, at=at)
        guard.audit(
            session, "firmware.ordered", charger.identity, f"{job.version_wanted or 'by address'} {job.id}"
        )
        job_id, charger_id = job.id, charger.id
    found = maintenance_queries.job(db.session(), charger_id, job_id, is_log=False)
    return job_out(found), 201, {"Location": url_for("api.show_update", identity=identity, job_id=job_id)}


@blueprint.get("/chargers/<identity>/firmware/<int:job_id>")
@spec.validate(resp=answers(200, JobOut), tags=["maintenance"], operation_id="getUpdate")
@needs(Scope.READ)
def show_update(identity: str, job_id: int) -> JobOut:
    """One update, as it stands."""
    charger = queries.charger(db.session(), identity, with_connectors=False)
    return job_out(maintenance_queries.job(db.session(), charger.id, job_id, is_log=False))


def _list(identity: str, query: Listing, *, is_log: bool) -> Any:
    charger = queries.charger(db.session(), identity, with_connectors=False)
    wanted = maintenance_queries.jobs(charger_id=charger.id, is_log=is_log)
    found = page(db.session(), wanted, (Job.id,), query, newest_first=True)
    return JobList(data=[job_out(x) for x in found.rows], next_cursor=found.next_cursor), found.headers
