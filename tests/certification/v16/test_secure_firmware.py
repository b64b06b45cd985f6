"""Signed firmware, and the log of what happened to a charger's security."""

from __future__ import annotations

from tests import pki
from tests.certification.v16.charge_point import BOOT, ChargePoint, utc
from tests.certification.v16.operators import Operator

FILE = "https://firmware.example.com/box-2.0.bin"
UPLOADS = "https://uploads.example.com/logs/"


def test_tc_079_csms_security_log(cp: ChargePoint, operator: Operator) -> None:
    """The charger names the file of its security log, uploads it, and says when it is there. Whitepaper N01"""
    job = operator.asks_for_log(kind="security_log", location=UPLOADS)
    asked = cp.expects("GetLog", logType="SecurityLog", log={"remoteLocation": UPLOADS})
    number = asked.answers(status="Accepted", filename="security.log")["requestId"]
    for status in ("Uploading", "Uploaded"):
        assert cp.sends("LogStatusNotification", status=status, requestId=number).payload == {}
    operator.sees_job("logs", job, "done", "Uploaded")


def test_tc_080_csms_signed_firmware(cp: ChargePoint, operator: Operator) -> None:
    """Each step to the new firmware is heard, the check of its signature among them. Whitepaper L01"""
    job, number = updates(cp, operator)
    for status in ("Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting"):
        progresses(cp, number, status)
        operator.sees_job("firmware", job, "running", status)
    cp.disconnects()
    cp.connects().sends("BootNotification", **BOOT | {"firmwareVersion": "2.0"}).gets(status="Accepted")
    progresses(cp, number, "Installed")
    event = {"type": "FirmwareUpdated", "timestamp": utc()}
    assert cp.sends("SecurityEventNotification", **event).payload == {}
    operator.sees_job("firmware", job, "done", "Installed")
    assert operator.charger()["firmware_version"] == "2.0"


def test_tc_081_csms_firmware_with_a_bad_signature(cp: ChargePoint, operator: Operator) -> None:
    """The signature is wrong: that is heard, and so is the event; the old firmware is still there. Whitepaper L01"""
    job, number = updates(cp, operator)
    for status in ("Downloading", "Downloaded", "InvalidSignature"):
        progresses(cp, number, status)
    event = {"type": "InvalidFirmwareSignature", "timestamp": utc()}
    assert cp.sends("SecurityEventNotification", **event).payload == {}
    operator.sees_job("firmware", job, "failed", "InvalidSignature")
    assert operator.events() == ["InvalidFirmwareSignature"]
    assert operator.charger()["firmware_version"] == "1.0"


def updates(cp: ChargePoint, operator: Operator) -> tuple[int, int]:
    """Signed firmware that the charger has agreed to install: the operator's job, and the charger's number for it."""
    certificate, signature = pki.authority_of("Web Trust").pem, "c2lnbmF0dXJl"
    signed = {"signing_certificate": certificate, "signature": signature}
    job = operator.updates(location=FILE, version="2.0", **signed)
    wanted = {"location": FILE, "signature": signature}
    asked = cp.expects("SignedUpdateFirmware", firmware=wanted).answers(status="Accepted")
    assert asked["firmware"]["signingCertificate"].split() == certificate.split()
    return job, int(asked["requestId"])


def progresses(cp: ChargePoint, number: int, status: str) -> None:
    told = cp.sends("SignedFirmwareStatusNotification", status=status, requestId=number)
    assert told.payload == {}
