"""Certificates in the simulated charger, and what it tells of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from csms.simulator import Charger
from csms.simulator.clock import real_now
from tests import pki
from tests.simulator.conftest import MakeCharger
from tests.simulator.peer import Peer

USE = "CentralSystemRootCertificate"


def signed(csr: str, days: int = 30) -> str:
    """A certificate for the request, by an authority of the test's own."""
    request = x509.load_pem_x509_csr(csr.encode())
    issuer, key = x509.Name([]), ec.generate_private_key(ec.SECP256R1())
    begins = real_now() - timedelta(days=60)
    builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(issuer)
    builder = builder.public_key(request.public_key()).serial_number(77)
    builder = builder.not_valid_before(begins).not_valid_after(real_now() + timedelta(days=days))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def request_of(peer: Peer) -> str:
    asked = peer.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
    assert asked == {"status": "Accepted"}
    peer.answers["SignCertificate"] = {"status": "Accepted"}
    return str(peer.wait_for("SignCertificate")["csr"])


@pytest.fixture(autouse=True)
def _usual_answers(peer: Peer) -> None:
    peer.answers["SignCertificate"] = {"status": "Accepted"}


def test_a_charger_asks_for_its_certificate_and_takes_it(peer: Peer, charger: Charger) -> None:
    assert peer.ask("ChangeConfiguration", {"key": "CpoName", "value": "Amber"}) == {"status": "Accepted"}
    csr = request_of(peer)
    subject = x509.load_pem_x509_csr(csr.encode()).subject.rfc4514_string()
    assert subject == "O=Amber,CN=SIM-0001"
    assert peer.ask("CertificateSigned", {"certificateChain": signed(csr)}) == {"status": "Accepted"}


def test_a_certificate_that_is_not_its_own_is_refused_and_reported(peer: Peer, charger: Charger) -> None:
    csr = request_of(peer)
    expired = signed(csr, days=-1)
    assert peer.ask("CertificateSigned", {"certificateChain": expired}) == {"status": "Rejected"}
    assert peer.wait_for("SecurityEventNotification")["type"] == "InvalidChargePointCertificate"


def test_roots_are_kept_listed_and_deleted_by_their_hashes(peer: Peer, charger: Charger) -> None:
    given = {"certificateType": USE}
    assert peer.ask("GetInstalledCertificateIds", given) == {"status": "NotFound"}
    root = given | {"certificate": pki.authority_of().pem}
    assert peer.ask("InstallCertificate", root) == {"status": "Accepted"}
    (name,) = peer.ask("GetInstalledCertificateIds", given)["certificateHashData"]
    assert peer.ask("DeleteCertificate", {"certificateHashData": name}) == {"status": "Accepted"}
    assert peer.ask("DeleteCertificate", {"certificateHashData": name}) == {"status": "NotFound"}
    assert peer.ask("InstallCertificate", given | {"certificate": "none"}) == {"status": "Rejected"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("LogStatusNotification", "LogStatusNotification"),
        ("FirmwareStatusNotification", "SignedFirmwareStatusNotification"),
    ],
)
def test_what_only_the_extended_trigger_knows_is_told(
    peer: Peer, charger: Charger, asked: str, told: str
) -> None:
    assert peer.ask("ExtendedTriggerMessage", {"requestedMessage": asked}) == {"status": "Accepted"}
    assert peer.wait_for(told) == {"status": "Idle"}


def test_the_security_profile_rises_when_what_it_needs_is_there_and_never_falls(
    peer: Peer, make_charger: MakeCharger
) -> None:
    make_charger()
    rise = {"key": "SecurityProfile", "value": "1"}
    assert peer.ask("ChangeConfiguration", rise) == {"status": "Rejected"}
    key = {"key": "AuthorizationKey", "value": "00112233445566778899aabbccddeeff"}
    assert peer.ask("ChangeConfiguration", key) == {"status": "Accepted"}
    peer.wait_for_connection(2)
    peer.wait_for("BootNotification", 1)
    peer.wait(lambda: peer.ask("ChangeConfiguration", rise) == {"status": "Accepted"}, "profile 1")
    peer.wait_for_connection(3)
    lower = {"key": "SecurityProfile", "value": "0"}
    peer.wait(lambda: peer.ask("ChangeConfiguration", lower) == {"status": "Rejected"}, "refusal")
    without_tls = {"key": "SecurityProfile", "value": "2"}
    assert peer.ask("ChangeConfiguration", without_tls) == {"status": "Rejected"}
