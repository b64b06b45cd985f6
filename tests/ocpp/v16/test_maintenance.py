"""What chargers tell of firmware and logs: kept whatever it is, and counted where it belongs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from make import NOW, Wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import commands, maintenance
from csms.domain.base import Invalid
from csms.domain.maintenance import Addresses, Job, JobEvent, JobKind, JobState, Wanted, library
from tests import orders

OURS = Addresses("https://charging.example.org", timedelta(hours=24))
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


def _log(session: Session, wire: Wire, kind: JobKind = JobKind.SECURITY_LOG, **wanted: Any) -> Job:
    job = maintenance.order_log(session, wire.charger, kind, Wanted(**wanted), OURS, by="olga", at=wire.now)
    store(session)
    return job


def _update(session: Session, wire: Wire, **wanted: Any) -> Job:
    wanted.setdefault("location", "http://files.example.org/box.bin")
    job = maintenance.order_firmware(
        session, wire.charger, None, Wanted(**wanted), OURS, by="olga", at=wire.now
    )
    store(session)
    return job


def _tell(wire: Wire, action: str, status: str, request_id: int | None = None, **more: Any) -> None:
    payload = {"status": status} | ({} if request_id is None else {"requestId": request_id})
    assert wire.call(action, payload, id=status, **more) == {}


def _file(session: Session, job: Job) -> None:
    maintenance.file_received(
        session, job, name="a.log", stored_as="0" * 32, size_bytes=1, sha256="", address=None, at=NOW
    )
    store(session)


def _boot(wire: Wire, version: str | None = None) -> None:
    report = {"chargePointVendor": "Acme", "chargePointModel": "Box"}
    wire.call("BootNotification", report | ({"firmwareVersion": version} if version else {}), id="boot")


def test_every_field_of_the_orders_can_be_said(session: Session, wire: Wire) -> None:
    retry = {"retries": 3, "retry_interval_s": 60}
    times = {"oldest_at": NOW - timedelta(days=2), "latest_at": NOW - timedelta(days=1)}
    dates = {"retrieve_at": NOW + timedelta(hours=1), "install_at": NOW + timedelta(hours=2)}
    signed = {"signing_certificate": CERTIFICATE, "signature": "c2ln"}
    place = "ftp://u:p@files.example.org/"
    diagnostics = _log(session, wire, JobKind.DIAGNOSTICS, location=place, **retry, **times)
    security = _log(session, wire, JobKind.SECURITY_LOG, location=place, **retry, **times)
    _update(session, wire, location=place, retrieve_at=dates["retrieve_at"], **retry)
    update = _update(session, wire, location=place, **retry, **dates, **signed)
    taken = [orders.take(wire) for _ in range(4)]
    assert [(x.action, x.payload) for x in taken if x] == [
        (
            "GetDiagnostics",
            {
                "location": place,
                "retries": 3,
                "retryInterval": 60,
                "startTime": "2026-03-12T09:26:53.000Z",
                "stopTime": "2026-03-13T09:26:53.000Z",
            },
        ),
        (
            "GetLog",
            {
                "logType": "SecurityLog",
                "requestId": security.request_id,
                "retries": 3,
                "retryInterval": 60,
                "log": {
                    "remoteLocation": place,
                    "oldestTimestamp": "2026-03-12T09:26:53.000Z",
                    "latestTimestamp": "2026-03-13T09:26:53.000Z",
                },
            },
        ),
        (
            "UpdateFirmware",
            {
                "location": place,
                "retrieveDate": "2026-03-14T10:26:53.000Z",
                "retries": 3,
                "retryInterval": 60,
            },
        ),
        (
            "SignedUpdateFirmware",
            {
                "requestId": update.request_id,
                "retries": 3,
                "retryInterval": 60,
                "firmware": {
                    "location": place,
                    "retrieveDateTime": "2026-03-14T10:26:53.000Z",
                    "installDateTime": "2026-03-14T11:26:53.000Z",
                    "signingCertificate": CERTIFICATE,
                    "signature": "c2ln",
                },
            },
        ),
    ]
    kept = commands.get(session, diagnostics.command_id or "")
    assert ":p@" not in f"{kept.arguments}{kept.payload}{diagnostics.location}"


def test_a_word_belongs_to_the_job_of_its_request_id(session: Session, wire: Wire) -> None:
    first, second = _log(session, wire), _log(session, wire)
    _tell(wire, "LogStatusNotification", "Uploading", first.request_id)
    assert (first.word, second.word) == ("Uploading", None)
    _tell(wire, "LogStatusNotification", "UploadFailure", second.request_id)
    assert (first.state, second.state) == (JobState.RUNNING, JobState.FAILED)


def test_late_unknown_and_repeated_words_are_kept_and_change_nothing(session: Session, wire: Wire) -> None:
    job = _log(session, wire)
    _file(session, job)
    _tell(wire, "LogStatusNotification", "Uploaded", job.request_id)
    assert job.state is JobState.DONE
    _tell(wire, "LogStatusNotification", "Uploading", job.request_id)
    for _ in range(3):
        _tell(wire, "LogStatusNotification", "UploadFailure", job.request_id)
    _tell(wire, "LogStatusNotification", "Uploaded", 123_456)
    _tell(
        wire, "SignedFirmwareStatusNotification", "Installed", job.request_id
    )  # of a log, and not of firmware
    _tell(wire, "LogStatusNotification", "Idle")
    assert job.state is JobState.DONE
    events = session.scalars(select(JobEvent).order_by(JobEvent.id)).all()
    assert [(x.word, x.count, x.job_id) for x in events] == [
        ("Uploaded", 1, job.id),
        ("Uploading", 1, job.id),
        ("UploadFailure", 3, job.id),
        ("Uploaded", 1, None),
        ("Installed", 1, None),
        ("Idle", 1, None),
    ]


def test_the_older_words_speak_of_the_newest_job(session: Session, wire: Wire) -> None:
    _update(session, wire)
    job = _update(session, wire)
    wire.charger.firmware_version = "1.0"
    for word in ("Downloading", "Downloaded", "Installing"):
        _tell(wire, "FirmwareStatusNotification", word)
    _boot(wire, "2.0")
    assert job.state is JobState.RUNNING
    _tell(wire, "FirmwareStatusNotification", "Installed")
    assert (job.state, job.detail) == (JobState.DONE, "It has booted with 2.0.")


def test_installed_may_come_before_the_boot(session: Session, wire: Wire) -> None:
    job = _update(session, wire, version="2.0")
    _tell(wire, "FirmwareStatusNotification", "Installed")
    assert job.state is JobState.RUNNING
    _boot(wire, "2.0")
    assert job.state is JobState.DONE


def test_a_charger_that_never_tells_its_version_may_be_updated(session: Session, wire: Wire) -> None:
    job = _update(session, wire)
    _tell(wire, "FirmwareStatusNotification", "Installed")
    _boot(wire)
    assert job.state is JobState.DONE


@pytest.mark.parametrize("status", ["InvalidCertificate", "RevokedCertificate", "Rejected"])
def test_an_update_that_is_refused_has_failed(session: Session, wire: Wire, status: str) -> None:
    job = _update(session, wire, signing_certificate=CERTIFICATE, signature="c2ln")
    order = orders.take(wire)
    assert order is not None
    orders.answer(wire, order, {"status": status})
    assert (job.state, job.detail) == (JobState.FAILED, f"The charger said no: {status}.")


def test_a_job_whose_order_comes_to_nothing_fails(session: Session, wire: Wire) -> None:
    refused, silent = _log(session, wire), _log(session, wire, JobKind.DIAGNOSTICS)
    order = orders.take(wire)
    assert order is not None
    orders.fail(wire, order, "NotSupported")
    assert maintenance.settle_overdue(session, NOW + timedelta(seconds=5)) == 1
    assert refused.state is JobState.FAILED
    assert maintenance.settle_overdue(session, NOW + timedelta(minutes=31)) == 1
    assert silent.detail == "Nothing was heard after the order."
    _file(session, silent)
    _tell(wire, "DiagnosticsStatusNotification", "Uploaded")  # late, and welcome
    assert silent.state is JobState.DONE


def test_half_a_proof_is_judged_by_which_half_it_is(session: Session, wire: Wire) -> None:
    said, sent = _log(session, wire), _log(session, wire)
    _tell(wire, "LogStatusNotification", "Uploaded", said.request_id)
    _file(session, sent)
    wire.charger.firmware_version = "1.0"
    booted = _update(session, wire, version="2.0")
    _boot(wire, "2.0")
    maintenance.settle_overdue(session, NOW + timedelta(minutes=16))
    assert [x.state for x in (said, sent, booted)] == [JobState.FAILED, JobState.DONE, JobState.DONE]


def test_an_address_is_good_for_its_time_and_its_purpose(session: Session, wire: Wire) -> None:
    _log(session, wire, JobKind.DIAGNOSTICS)
    order = orders.take(wire)
    assert order is not None
    token = order.payload["location"].rpartition("/")[2]
    assert len(token) == 22
    assert maintenance.receiving(session, token, NOW) is not None
    assert maintenance.receiving(session, token + "x", NOW) is None
    assert maintenance.fetching(session, token, NOW) is None
    assert maintenance.receiving(session, token, NOW + timedelta(hours=24)) is None


def test_firmware_of_the_library_needs_its_content(session: Session, wire: Wire) -> None:
    firmware = library.add(session, library.About("a.bin", "2.0"), by=None, at=NOW)
    with pytest.raises(Invalid):
        maintenance.order_firmware(session, wire.charger, firmware, Wanted(), OURS, by=None, at=NOW)
