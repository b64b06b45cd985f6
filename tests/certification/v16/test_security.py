"""Who a charger is and by what it shows it: settled before the first message; and what it tells of its security."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from websockets.exceptions import InvalidStatus, WebSocketException

from csms import clock
from tests import pki
from tests.certification.v16.charge_point import ChargePoint, utc
from tests.certification.v16.operators import Operator

# The suites that the whitepaper asks for, §2.4 and §2.5.
SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)
HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "a1" * 32,
    "issuerKeyHash": "b2" * 32,
    "serialNumber": "7f3c",
}


def test_tc_073_csms_new_key(new_cp: ChargePoint, operator: Operator) -> None:
    """The charger gets a new key; from then on it comes with that one, and not with the old one. Whitepaper A01"""
    old = bytes.fromhex(operator.makes_key())
    new_cp.connects(password=old)
    new_cp.boots()
    new, order = operator.sends_key()
    new_cp.expects("ChangeConfiguration", key="AuthorizationKey", value=new).answers(status="Accepted")
    assert new not in str(order.ends("accepted", "Accepted")), "a key is shown once"
    new_cp.disconnects()
    assert refusal(new_cp, password=old) == 401
    new_cp.connects(password=bytes.fromhex(new))
    new_cp.boots()


def test_tc_074_csms_new_certificate(cp: ChargePoint, operator: Operator, tmp_path: Path) -> None:
    """The charger is told to ask for a certificate, asks, gets one, and comes with it. Whitepaper A02"""
    comes_by_certificate(cp, operator, tmp_path)
    order = operator.renews_certificate()
    cp.expects("ChangeConfiguration", key="CpoName").answers(status="Accepted")
    trigger = cp.expects("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
    trigger.answers(status="Accepted")
    key = pki.ec_key()
    cp.sends("SignCertificate", csr=pki.csr(cp.identity, key=key)).gets(status="Accepted")
    order.is_seen()
    chain = cp.expects("CertificateSigned").answers(status="Accepted")["certificateChain"]
    cp.disconnects()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "new.pem").write_bytes(chain.encode() + private)
    cp.connects(context=pki.client_context(tmp_path / "new.pem"))
    cp.boots()
    (made,) = operator.security()["certificates"]
    assert made["used_at"] is not None


def test_tc_075_1_csms_manufacturers_root(cp: ChargePoint, operator: Operator) -> None:
    """The charger gets a root certificate of its manufacturer. Whitepaper M05"""
    installs(cp, operator, "manufacturer", "ManufacturerRootCertificate")


def test_tc_075_2_csms_central_systems_root(cp: ChargePoint, operator: Operator) -> None:
    """The charger gets a root certificate by which it knows the server. Whitepaper M05"""
    installs(cp, operator, "central_system", "CentralSystemRootCertificate")


def test_tc_076_csms_certificate_is_deleted(cp: ChargePoint, operator: Operator) -> None:
    """The charger tells which certificates it has; one is deleted by the hashes that it told. Whitepaper M03, M04"""
    order = operator.reads_certificates("central_system")
    asked = cp.expects("GetInstalledCertificateIds", certificateType="CentralSystemRootCertificate")
    asked.answers(status="Accepted", certificateHashData=[HASHES])
    order.ends("accepted", "Accepted")
    (told,) = operator.security()["installed"]
    order = operator.deletes_certificate(told["id"])
    cp.expects("DeleteCertificate", certificateHashData=HASHES).answers(status="Accepted")
    order.ends("accepted", "Accepted")
    assert operator.security()["installed"] == []


def test_tc_077_csms_event_of_a_bad_charger_certificate(cp: ChargePoint, operator: Operator) -> None:
    """The charger did not take its new certificate, and says so: the event is taken down. Whitepaper A04, §8"""
    told_of_event(cp, operator, "InvalidChargePointCertificate")


def test_tc_078_csms_event_of_a_bad_server_certificate(cp: ChargePoint, operator: Operator) -> None:
    """The charger did not trust the server's certificate, and says so once it is back. Whitepaper A04, §8"""
    told_of_event(cp, operator, "InvalidCentralSystemCertificate")


def test_tc_083_csms_higher_profile(new_cp: ChargePoint, operator: Operator) -> None:
    """From profile 1 to 2: the charger comes over TLS, and may never come without it again. Whitepaper A05"""
    key = bytes.fromhex(operator.makes_key())
    new_cp.connects(password=key)
    new_cp.boots()
    raises(new_cp, operator, 2)
    new_cp.disconnects()
    new_cp.connects(password=key, context=pki.client_context())
    new_cp.boots()
    new_cp.disconnects()
    assert refusal(new_cp, password=key) == 403
    new_cp.connects(password=key, context=pki.client_context())


def test_tc_085_csms_basic_authentication(new_cp: ChargePoint, operator: Operator) -> None:
    """With its key a charger gets in; with a wrong one, or none, it does not. Whitepaper §2.3, OCPP-J 1.6 §6.2"""
    key = operator.makes_key()
    for password in ("0" * len(key), None):
        assert refusal(new_cp, password=password) == 401
    new_cp.connects(password=bytes.fromhex(key))
    new_cp.boots()


def test_tc_086_csms_server_certificate(new_cp: ChargePoint, operator: Operator) -> None:
    """Over TLS 1.2 and newer, with every suite that is asked for, the server shows what it is. Whitepaper §2.4"""
    key = bytes.fromhex(operator.makes_key())
    for suite in SUITES:
        context = pki.client_context(ciphers=suite, version=ssl.TLSVersion.TLSv1_2)
        new_cp.connects(password=key, context=context)
        new_cp.sends("Heartbeat")
        new_cp.disconnects()
    old = pki.client_context(ciphers="ALL:@SECLEVEL=0", version=ssl.TLSVersion.TLSv1_1)
    with pytest.raises((OSError, WebSocketException)):
        new_cp.connects(password=key, context=old)
    new_cp.connects(password=key, context=pki.client_context())
    new_cp.boots()


def test_tc_087_csms_chargers_certificate(cp: ChargePoint, operator: Operator, tmp_path: Path) -> None:
    """At profile 3 a charger comes with its certificate: not without, not with another's, an old one, or one that
    somebody else has signed. Whitepaper §2.5
    """
    comes_by_certificate(cp, operator, tmp_path)
    cp.disconnects()
    assert refusal(cp, context=pki.client_context()) == 403
    assert refusal(cp, context=pki.client_context(pki.charger_pem(tmp_path, "ANOTHER"))) == 403
    long_ago = clock.now() - timedelta(days=600)
    for pem in (
        pki.charger_pem(tmp_path, cp.identity, at=long_ago),
        pki.charger_pem(tmp_path, cp.identity, by=pki.authority_of("Somebody")),
    ):
        with pytest.raises((OSError, WebSocketException)):
            cp.connects(context=pki.client_context(pem))


def test_tc_088_csms_subprotocol(new_cp: ChargePoint) -> None:
    """1.6 is agreed on by its sub-protocol, also beside others; without one that is known there is no connection.
    OCPP-J 1.6 §3.1, §3.2
    """
    assert refusal(new_cp, offered=["ocpp0.1"]) == 400
    new_cp.connects(offered=["ocpp0.1", "ocpp1.6"])
    assert new_cp.peer.subprotocol == "ocpp1.6"
    new_cp.boots()


def refusal(cp: ChargePoint, **how: Any) -> int:
    """The HTTP status with which the charger is not let in."""
    with pytest.raises(InvalidStatus) as refused:
        cp.connects(**how)
    return int(refused.value.response.status_code)


def installs(cp: ChargePoint, operator: Operator, use: str, kind: str) -> None:
    """A root certificate reaches the charger as it is, and is accepted."""
    certificate = pki.authority_of("Web Trust").pem
    order = operator.installs(use, certificate)
    given = cp.expects("InstallCertificate", certificateType=kind).answers(status="Accepted")
    assert given["certificate"].split() == certificate.split()
    order.ends("accepted", "Accepted")


def told_of_event(cp: ChargePoint, operator: Operator, kind: str) -> None:
    """An event is confirmed, and the operator sees it."""
    assert cp.sends("SecurityEventNotification", type=kind, timestamp=utc()).payload == {}
    assert operator.events() == [kind]


def raises(cp: ChargePoint, operator: Operator, profile: int) -> None:
    """The charger is told to come with a higher security profile, and says yes."""
    order = operator.raises_profile(profile)
    asked = cp.expects("ChangeConfiguration", key="SecurityProfile", value=str(profile))
    asked.answers(status="Accepted")
    order.ends("accepted", "Accepted")


def comes_by_certificate(cp: ChargePoint, operator: Operator, directory: Path) -> None:
    """The charger is raised to profile 3, and has come so."""
    raises(cp, operator, 3)
    cp.disconnects()
    cp.connects(context=pki.client_context(pki.charger_pem(directory, cp.identity)))
    cp.boots()
    assert operator.security()["offered_profile"] == 3
