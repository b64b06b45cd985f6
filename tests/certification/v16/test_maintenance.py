"""Firmware and diagnostics, as far as the charger tells of them."""

from __future__ import annotations

from datetime import datetime

from tests.certification.v16.charge_point import BOOT, ChargePoint, utc
from tests.certification.v16.operators import Operator

FILE = "https://firmware.example.com/box-2.0.bin"
UPLOADS = "https://uploads.example.com/diagnostics/"


def test_tc_044_1_csms_firmware_is_installed(cp: ChargePoint, operator: Operator) -> None:
    """Downloading, downloaded, installing, installed: each is heard, and so is the new version. 1.6 §4.5, §5.19"""
    job = updates(cp, operator)
    for status in ("Downloading", "Downloaded", "Installing"):
        progresses(cp, status)
        operator.sees_job("firmware", job, "running", status)
    cp.disconnects()
    cp.connects().sends("BootNotification", **BOOT | {"firmwareVersion": "2.0"}).gets(status="Accepted")
    progresses(cp, "Installed")
    operator.sees_job("firmware", job, "done", "Installed")
    assert operator.charger()["firmware_version"] == "2.0"


def test_tc_044_2_csms_firmware_cannot_be_downloaded(cp: ChargePoint, operator: Operator) -> None:
    """The download fails, and the operator is told. 1.6 §4.5, §7.25"""
    job = updates(cp, operator)
    progresses(cp, "Downloading")
    progresses(cp, "DownloadFailed")
    operator.sees_job("firmware", job, "failed", "DownloadFailed")


def test_tc_044_3_csms_firmware_cannot_be_installed(cp: ChargePoint, operator: Operator) -> None:
    """The installation fails, and the operator is told; the old version is still there. 1.6 §4.5, §7.25"""
    job = updates(cp, operator)
    for status in ("Downloading", "Downloaded", "Installing", "InstallationFailed"):
        progresses(cp, status)
    operator.sees_job("firmware", job, "failed", "InstallationFailed")
    assert operator.charger()["firmware_version"] == "1.0"


def test_tc_045_1_csms_diagnostics_are_uploaded(cp: ChargePoint, operator: Operator) -> None:
    """The charger names the file, uploads it, and says when it is there. 1.6 §4.4, §5.9"""
    job = diagnoses(cp, operator)
    for status in ("Uploading", "Uploaded"):
        assert cp.sends("DiagnosticsStatusNotification", status=status).payload == {}
    operator.sees_job("logs", job, "done", "Uploaded")


def test_tc_045_2_csms_diagnostics_cannot_be_uploaded(cp: ChargePoint, operator: Operator) -> None:
    """The upload fails, and the operator is told. 1.6 §4.4, §7.24"""
    job = diagnoses(cp, operator)
    for status in ("Uploading", "UploadFailed"):
        assert cp.sends("DiagnosticsStatusNotification", status=status).payload == {}
    operator.sees_job("logs", job, "failed", "UploadFailed")


def updates(cp: ChargePoint, operator: Operator) -> int:
    """An order to install FILE that the charger has confirmed; the operator's job."""
    job = operator.updates(location=FILE, version="2.0", retries=1, retry_interval_s=10)
    cp.expects("UpdateFirmware", location=FILE, retries=1, retryInterval=10).answers()
    return job


def diagnoses(cp: ChargePoint, operator: Operator) -> int:
    """An order to upload the last hour's diagnostics that the charger has confirmed; the operator's job."""
    begin, end = utc(-3600), utc()
    job = operator.asks_for_log(location=UPLOADS, oldest_at=begin, latest_at=end)
    asked = cp.expects("GetDiagnostics", location=UPLOADS).answers(fileName="diagnostics.zip")
    assert datetime.fromisoformat(asked["startTime"]) == datetime.fromisoformat(begin)
    assert datetime.fromisoformat(asked["stopTime"]) == datetime.fromisoformat(end)
    return job


def progresses(cp: ChargePoint, status: str) -> None:
    assert cp.sends("FirmwareStatusNotification", status=status).payload == {}
