"""Asking a charger to send or to fetch a file."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import Invalid, announce
from csms.domain.chargers import Charger
from csms.domain.commands import Kind
from csms.domain.maintenance.models import FirmwareFile, Job, JobKind, JobState
from csms.domain.maintenance.rules import (
    check_location,
    hash_of,
    patience,
    without_password,
)

LONGEST_DELAY = timedelta(days=90)
_ORDERS = {
    JobKind.DIAGNOSTICS: Kind.FETCH_DIAGNOSTICS,
    JobKind.DIAGNOSTICS_LOG: Kind.FETCH_LOG,
    JobKind.SECURITY_LOG: Kind.FETCH_LOG,
    JobKind.FIRMWARE: Kind.UPDATE_FIRMWARE,
    JobKind.SIGNED_FIRMWARE: Kind.UPDATE_SIGNED_FIRMWARE,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What may be said with an order. Without `location` an address of ours is made for it.

    `oldest_at`, `latest_at` are of logs; `retrieve_at`, `install_at`, `version` and the signature of firmware.
    """

    location: str | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    oldest_at: datetime | None = None
    latest_at: datetime | None = None
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    version: str | None = None
    signing_certificate: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where our own addresses begin, and for how long each is good."""

    base_url: str
    good_for: timedelta


def order_log(
    session: Session,
    charger: Charger,
    kind: JobKind,
    wanted: Wanted,
    addresses: Addresses,
    *,
    by: str | None,
    at: datetime,
) -> Job:
    """Ask for a log. Raises Invalid for what makes no sense, Refused when the charger cannot be asked."""
    if not kind.is_log:
        raise Invalid("There is no such log.", "kind")
    if wanted.oldest_at and wanted.latest_at and wanted.oldest_at >= wanted.latest_at:
        raise Invalid("The end comes before the beginning.", "latest_at")
    job = new_job(session, charger, kind, wanted, by=by, at=at)
    return order(session, job, charger, wanted, addresses, by=by, at=at)


def order_firmware(
    session: Session,
    charger: Charger,
    firmware: FirmwareFile | None,
    wanted: Wanted,
    addresses: Addresses,
    *,
    by: str | None,
    at: datetime,
) -> Job:
    """Ask for an update: to `firmware` of the library, or to what lies at `wanted.location`. Raises as `order_log`."""
    if firmware is not None and firmware.stored_as is None and wanted.location is None:
        raise Invalid("The content of this firmware has not been uploaded yet.", "firmware")
    if firmware is None and wanted.location is None:
        raise Invalid("Choose a firmware, or write the address of one.", "location")
    if bool(wanted.signature) != bool(wanted.signing_certificate):
        raise Invalid("A signature and its certificate go together.", "signature")
    for name, moment in (("retrieve_at", wanted.retrieve_at), ("install_at", wanted.install_at)):
        if moment is not None and moment > at + LONGEST_DELAY:
            raise Invalid("At most 90 days ahead.", name)
    kind = JobKind.SIGNED_FIRMWARE if wanted.signature else JobKind.FIRMWARE
    if kind is JobKind.FIRMWARE and wanted.install_at is not None:
        raise Invalid("Only signed firmware can be installed at a set time.", "install_at")
    job = new_job(session, charger, kind, wanted, by=by, at=at)
    job.firmware = firmware
    job.version_wanted = wanted.version or (firmware.version if firmware else None)
    return order(session, job, charger, wanted, addresses, by=by, at=at)


def new_job(
    session: Session, charger: Charger, kind: JobKind, wanted: Wanted, *, by: str | None, at: datetime
) -> Job:
    job = Job(
        charger_id=charger.id,
        kind=kind,
        state=JobState.ORDERED,
        request_id=new_request_id(),
        version_before=charger.firmware_version,
        retries=wanted.retries,
        retry_interval_s=wanted.retry_interval_s,
        oldest_at=wanted.oldest_at,
        latest_at=wanted.latest_at,
        retrieve_at=wanted.retrieve_at,
        install_at=wanted.install_at,
        requested_by=by,
        requested_at=at,
    )
    session.add(job)
    return job


def new_request_id() -> int:
    """Random, so that a charger's memory of an older installation meets no other job here."""
    return secrets.randbelow(2**31 - 1) + 1


def order(
    session: Session,
    job: Job,
    charger: Charger,
    wanted: Wanted,
    addresses: Addresses,
    *,
    by: str | None,
    at: datetime,
    is_automatic: bool = False,
) -> Job:
    """Send the order of a job. Raises Refused when the charger cannot be asked now; then nothing has changed."""
    begins_at = max(at, wanted.retrieve_at or at)
    if wanted.location is not None:
        token, location = None, check_location(wanted.location)
    else:
        token = secrets.token_urlsafe(16)
        name = f"/{quote(job.firmware.name)}" if job.firmware is not None else ""
        location = f"{addresses.base_url}/transfers/{token}{name}"
    arguments, kind = _arguments(job, wanted, location, begins_at), _ORDERS[job.kind]
    command = commands.request(session, charger, kind, arguments, by=by, at=at, is_automatic=is_automatic)
    if token is None:
        job.location = without_password(location)
    else:
        job.token_hash, job.address_until = hash_of(token), begins_at + addresses.good_for
    job.state, job.command_id, job.ordered_at = JobState.ORDERED, command.id, at
    job.version_before = charger.firmware_version
    job.due_at = begins_at + patience(job.kind.is_log, job.retries, job.retry_interval_s)
    session.flush()
    tell_pages(session, job)
    return job


def _arguments(job: Job, wanted: Wanted, location: str, begins_at: datetime) -> dict[str, Any]:
    """What the order says, in words of no version; moments as RFC 3339."""
    given: dict[str, Any] = {
        "location": location,
        "request_id": job.request_id,
        "retries": wanted.retries,
        "retry_interval_s": wanted.retry_interval_s,
    }
    if job.kind.is_log:
        given["is_security"] = job.kind is JobKind.SECURITY_LOG
        moments = {"oldest_at": wanted.oldest_at, "latest_at": wanted.latest_at}
    else:
        given["signing_certificate"], given["signature"] = wanted.signing_certificate, wanted.signature
        moments = {"retrieve_at": begins_at, "install_at": wanted.install_at}
    given |= {name: moment.isoformat() if moment else None for name, moment in moments.items()}
    return {name: value for name, value in given.items() if value is not None}


def tell_pages(session: Session, job: Job) -> None:
    """Announce that a job has changed."""
    announce(session, f"charger:{job.charger_id}")
    if job.rollout_id is not None:
        announce(session, f"rollout:{job.rollout_id}")
