"""Security on the wire of 1.6: events, signing, root certificates, keys and profiles (whitepaper, edition 2)."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from make import NOW, Wire, make_charger, make_wire, store
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from csms.domain import attention, chargers, commands, security
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Charger, keys
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.security import CertificateUse, Offer, Proof, SecurityEvent, SigningRequest, SigningState
from csms.domain.security.rules import name_of_root
from csms.ocpp import message, units
from csms.ocpp.orders import Claim
from csms.ocpp.v16 import version
from tests import pki

PEPPER = b"pepper"
EVENT = {"type": "TamperDetectionActivated", "timestamp": "2026-03-14T09:26:50Z", "techInfo": "door"}


def sent(wire: Wire) -> list[Any]:
    """The next order that goes out, as a frame."""
    outgoing = Claim(version, wire.station, wire.epoch, NOW, 30)(wire.session)
    assert outgoing is not None
    store(wire.session)
    return list(json.loads(outgoing.text))


def answered(wire: Wire, frame: list[Any], payload: Any) -> None:
    text = json.dumps([3, frame[1], payload])
    reply = message.parse(text)
    assert isinstance(reply, message.CallResult)
    units.Answered(version, wire.station, wire.epoch, text, NOW, time.perf_counter(), reply)(wire.session)
    store(wire.session)


def ask(wire: Wire, kind: Kind, **arguments: Any) -> Command:
    command = commands.request(wire.session, wire.charger, kind, arguments, by="olga", at=NOW)
    store(wire.session)
    return command


def fresh(wire: Wire) -> Charger:
    charger = chargers.get(wire.session, wire.charger.id)
    wire.session.refresh(charger)
    return charger


# Events.


def test_an_event_is_kept_once_however_often_it_comes(wire: Wire, session: Session) -> None:
    for number in range(2):
        assert wire.call("SecurityEventNotification", EVENT, id=f"e{number}") == {}
    event = session.scalars(select(SecurityEvent)).one()
    assert (event.type, event.tech_info, event.is_critical) == ("TamperDetectionActivated", "door", True)


def test_a_critical_event_needs_somebody_until_it_was_looked_at(wire: Wire, session: Session) -> None:
    wire.call("SecurityEventNotification", EVENT)
    assert [x.matter for x in attention.items(session, at=NOW) if x.matter == "security"] == ["security"]
    assert attention.tally(session, at=NOW).total == 1
    security.acknowledge(session, wire.charger)
    store(session)
    assert attention.tally(session, at=NOW).total == 0
    assert len(security.events(session, wire.charger.id)) == 1


def test_other_events_are_kept_and_alarm_nobody(wire: Wire, session: Session) -> None:
    for kind in ("InvalidMessages", "SomethingOfTheVendor"):
        wire.call("SecurityEventNotification", EVENT | {"type": kind}, id=kind)
    assert [x.is_critical for x in security.events(session)] == [False, False]
    assert attention.tally(session, at=NOW).total == 0


# Certificates of chargers.


@pytest.fixture
def signer(session: Session) -> Wire:
    charger = make_charger(session, "CP-1", online=True, serial_number="SN-1")
    return make_wire(session, charger)


def sign(wire: Wire) -> int:
    count = security.sign_due(wire.session, pki.authority_of, at=NOW)
    store(wire.session)
    return count


def test_a_request_is_accepted_stored_and_answered_later_with_a_certificate(signer: Wire) -> None:
    assert signer.call("SignCertificate", {"csr": pki.csr("SN-1")}) == {"status": "Accepted"}
    assert not commands.has_work(signer.session, signer.charger.id, NOW)
    assert sign(signer) == 1
    frame = sent(signer)
    chain = frame[3]["certificateChain"]
    assert frame[2] == "CertificateSigned"
    assert "\r" not in chain
    assert len(chain) <= 10_000
    leaf, issuer = x509.load_pem_x509_certificates(chain.encode())
    leaf.verify_directly_issued_by(issuer)
    assert leaf.subject.rfc4514_string() == "CN=SN-1,O=Amberline"
    answered(signer, frame, {"status": "Accepted"})
    request = signer.session.scalars(select(SigningRequest)).one()
    assert request.state is SigningState.INSTALLED
    assert request.expires_at is not None


def test_the_signature_of_our_own_authority_is_sha_256_with_rsa(signer: Wire) -> None:
    signer.call("SignCertificate", {"csr": pki.csr("SN-1")})
    security.sign_due(signer.session, pki.rsa_authority, at=NOW)
    store(signer.session)
    leaf = x509.load_pem_x509_certificate(sent(signer)[3]["certificateChain"].encode())
    assert leaf.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSA_WITH_SHA256


def test_the_same_request_again_is_signed_once(signer: Wire) -> None:
    csr = pki.csr("SN-1")
    for number in range(2):
        assert signer.call("SignCertificate", {"csr": csr}, id=str(number)) == {"status": "Accepted"}
    assert sign(signer) == 1
    assert sign(signer) == 0


def test_a_charger_that_takes_only_little_gets_its_certificate_alone(signer: Wire) -> None:
    key = [("CertificateSignedMaxChainSize", "1000", True)]
    chargers.store_configuration(signer.session, signer.charger, key, at=NOW)
    store(signer.session)
    signer.call("SignCertificate", {"csr": pki.csr("SN-1")})
    sign(signer)
    assert len(x509.load_pem_x509_certificates(sent(signer)[3]["certificateChain"].encode())) == 1


@pytest.mark.parametrize(
    ("csr", "words"),
    [
        ("no PEM at all", "no signing request"),
        (pki.csr("SN-1").replace("REQUEST", "CERTIFICATE"), "no signing request"),
        (pki.csr("SN-1", key=pki.rsa_key(1024)), "1024 bits"),
        (pki.csr("SN-1", key=ec.generate_private_key(ec.SECP192R1())), "192 bits"),
        (pki.csr("SN-1", "Emberline"), "CpoName"),
        (pki.csr("SN-2"), "serial number"),
    ],
    ids=["text", "other PEM", "short RSA", "short EC", "other owner", "other name"],
)
def test_a_request_that_is_not_as_it_must_be_is_rejected_with_the_reason(
    signer: Wire, csr: str, words: str
) -> None:
    signer.station = replace(signer.station, operator_name="Amberline")
    assert signer.call("SignCertificate", {"csr": csr}) == {"status": "Rejected"}
    request = signer.session.scalars(select(SigningRequest)).one()
    assert request.state is SigningState.REFUSED
    assert words in (request.reason or "")
    assert sign(signer) == 0


def test_no_charger_gets_a_certificate_in_the_name_of_another(signer: Wire) -> None:
    make_charger(signer.session, "SN-1")
    assert signer.call("SignCertificate", {"csr": pki.csr("SN-1")}) == {"status": "Rejected"}


def test_a_charger_that_asks_again_and_again_is_told_no(signer: Wire) -> None:
    told = [signer.call("SignCertificate", {"csr": pki.csr("SN-1")}, id=str(n))["status"] for n in range(6)]
    assert told == ["Accepted"] * 5 + ["Rejected"]


def test_a_charger_that_is_away_gets_its_certificate_when_it_is_back(signer: Wire) -> None:
    signer.call("SignCertificate", {"csr": pki.csr("SN-1")})
    chargers.close_link(signer.session, signer.charger.id, signer.epoch, reason="gone", at=NOW)
    store(signer.session)
    assert sign(signer) == 1
    assert commands.has_work(signer.session, signer.charger.id, NOW)


def test_a_trigger_for_the_state_of_firmware_is_done_by_the_message_of_the_whitepaper(wire: Wire) -> None:
    payload = {"requestedMessage": "FirmwareStatusNotification"}
    command = ask(wire, Kind.RAW, action="ExtendedTriggerMessage", payload=payload)
    answered(wire, sent(wire), {"status": "Accepted"})
    assert command.is_waiting
    wire.call("SignedFirmwareStatusNotification", {"status": "Idle"})
    assert not command.is_waiting


def test_the_trigger_for_a_new_certificate_waits_for_the_request(signer: Wire) -> None:
    command = ask(signer, Kind.TRIGGER, message="SignChargePointCertificate")
    frame = sent(signer)
    assert frame[2:] == ["ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}]
    answered(signer, frame, {"status": "Accepted"})
    signer.call("SignCertificate", {"csr": pki.csr("SN-1")})
    assert commands.get(signer.session, command.id).observed_at == NOW


def test_renewing_tells_the_owners_name_first(signer: Wire) -> None:
    security.renew_certificate(signer.session, signer.charger, "Amberline", by="olga", at=NOW)
    store(signer.session)
    assert sent(signer)[2:] == ["ChangeConfiguration", {"key": "CpoName", "value": "Amberline"}]
    assert sent(signer)[2] == "ExtendedTriggerMessage"


# Root certificates.


def hash_data(name: security.CertificateName) -> dict[str, str]:
    return {
        "hashAlgorithm": name.hash_algorithm,
        "issuerNameHash": name.issuer_name_hash.upper(),
        "issuerKeyHash": name.issuer_key_hash,
        "serialNumber": name.serial_number,
    }


def test_a_root_is_installed_listed_by_its_hashes_and_deleted(wire: Wire, session: Session) -> None:
    pem = pki.authority_of().pem
    security.request_installation(session, wire.charger, CertificateUse.MANUFACTURER, pem, by=None, at=NOW)
    store(session)
    frame = sent(wire)
    given = {"certificateType": "ManufacturerRootCertificate", "certificate": pem}
    assert frame[2:] == ["InstallCertificate", given]
    answered(wire, frame, {"status": "Accepted"})
    assert [x.subject for x in security.installed(session, wire.charger.id)] == [
        "CN=Amberline CA,O=Amberline"
    ]

    security.request_listing(session, wire.charger, CertificateUse.MANUFACTURER, by=None, at=NOW)
    store(session)
    frame = sent(wire)
    assert frame[2:] == ["GetInstalledCertificateIds", {"certificateType": "ManufacturerRootCertificate"}]
    mine = hash_data(name_of_root(pki.authority_of().certificate, "SHA384"))
    other = {"hashAlgorithm": "SHA256", "issuerNameHash": "ab", "issuerKeyHash": "cd", "serialNumber": "1"}
    answered(wire, frame, {"status": "Accepted", "certificateHashData": [mine, other]})
    known, unknown = security.installed(session, wire.charger.id)
    assert known.subject == "CN=Amberline CA,O=Amberline"
    assert known.expires_at is not None
    assert unknown.subject is None

    security.request_deletion(session, wire.charger, known, by=None, at=NOW)
    store(session)
    frame = sent(wire)
    assert frame[2:] == ["DeleteCertificate", {"certificateHashData": mine}]
    answered(wire, frame, {"status": "Failed"})
    assert len(security.installed(session, wire.charger.id)) == 2
    security.request_deletion(session, wire.charger, known, by=None, at=NOW)
    store(session)
    answered(wire, sent(wire), {"status": "Accepted"})
    assert [x.subject for x in security.installed(session, wire.charger.id)] == [None]


def test_a_charger_that_has_none_of_a_kind_says_so(wire: Wire, session: Session) -> None:
    security.request_listing(session, wire.charger, CertificateUse.CENTRAL_SYSTEM, by=None, at=NOW)
    store(session)
    answered(wire, sent(wire), {"status": "NotFound"})
    assert list(security.installed(session, wire.charger.id)) == []


@pytest.mark.parametrize("pem", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_root_is_not_sent(wire: Wire, session: Session, pem: str) -> None:
    with pytest.raises(Invalid):
        security.request_installation(
            session, wire.charger, CertificateUse.MANUFACTURER, pem, by=None, at=NOW
        )


# Keys (A01) and profiles (A05).


@pytest.fixture
def keyed(session: Session) -> Wire:
    charger = make_charger(session, "CP-1", online=True, security_profile=1)
    charger.key_hash = keys.hash_key("0" * 40, PEPPER)
    store(session)
    return make_wire(session, charger)


def rotate(wire: Wire) -> str:
    _, key = security.rotate_key(wire.session, wire.charger, PEPPER, by="olga", at=NOW)
    store(wire.session)
    return key


def is_let_in(charger: Charger, key: str) -> bool:
    stored = [x for x in (charger.key_hash, charger.next_key_hash) if x is not None]
    return any(keys.matches(x, key.encode(), PEPPER) for x in stored)


def come(wire: Wire, proof: Proof, *, is_secure: bool = False) -> Charger:
    """The charger connects anew."""
    charger = fresh(wire)
    security.connected(wire.session, charger, Offer(proof, is_secure, "no TLS"), at=NOW)
    store(wire.session)
    return fresh(wire)


def test_an_accepted_key_is_the_only_one(keyed: Wire) -> None:
    key = rotate(keyed)
    frame = sent(keyed)
    assert frame[2:] == ["ChangeConfiguration", {"key": "AuthorizationKey", "value": key}]
    answered(keyed, frame, {"status": "Accepted"})
    charger = fresh(keyed)
    assert is_let_in(charger, key)
    assert not is_let_in(charger, "0" * 40)


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
def test_a_key_that_the_charger_does_not_take_is_forgotten(keyed: Wire, status: str) -> None:
    key = rotate(keyed)
    answered(keyed, sent(keyed), {"status": status})
    charger = fresh(keyed)
    assert is_let_in(charger, "0" * 40)
    assert not is_let_in(charger, key)


@pytest.mark.parametrize("used", [Proof.KEY, Proof.NEXT_KEY])
def test_when_the_answer_is_lost_both_keys_count_until_one_is_used(keyed: Wire, used: Proof) -> None:
    key = rotate(keyed)
    sent(keyed)
    assert is_let_in(fresh(keyed), key)
    assert is_let_in(fresh(keyed), "0" * 40)
    charger = come(keyed, used)
    assert is_let_in(charger, key) is (used is Proof.NEXT_KEY)
    assert is_let_in(charger, "0" * 40) is (used is Proof.KEY)


def test_a_key_that_was_not_sent_yet_outlives_a_connection_with_the_old_one(keyed: Wire) -> None:
    key = rotate(keyed)
    charger = come(keyed, Proof.KEY)
    assert is_let_in(charger, key)
    answered(keyed, sent(keyed), {"status": "Accepted"})
    assert not is_let_in(fresh(keyed), "0" * 40)


def test_a_key_that_waits_for_a_reboot_counts_when_it_is_used(keyed: Wire) -> None:
    key = rotate(keyed)
    answered(keyed, sent(keyed), {"status": "RebootRequired"})
    assert is_let_in(fresh(keyed), "0" * 40)
    assert not is_let_in(come(keyed, Proof.NEXT_KEY), "0" * 40)
    assert is_let_in(fresh(keyed), key)


def test_a_new_key_stands_nowhere_when_it_is_sent_or_given_up(keyed: Wire, session: Session) -> None:
    key = rotate(keyed)
    sent(keyed)
    come(keyed, Proof.KEY)
    unsent = rotate(keyed)
    commands.expire(session, NOW.replace(hour=23))
    store(session)
    late = session.scalars(select(Command).where(Command.state == CommandState.EXPIRED)).one()
    stored = ("SELECT * FROM command", "SELECT * FROM frame", "SELECT * FROM charger")
    rows = [str(row) for query in stored for row in session.execute(text(query))]
    assert late.arguments == {}
    assert not any(key in row or unsent in row for row in rows)


def test_an_accepted_profile_counts_from_the_first_connection_that_has_it(keyed: Wire) -> None:
    security.raise_profile(keyed.session, keyed.charger, 2, by="olga", at=NOW)
    store(keyed.session)
    frame = sent(keyed)
    assert frame[2:] == ["ChangeConfiguration", {"key": "SecurityProfile", "value": "2"}]
    answered(keyed, frame, {"status": "Accepted"})
    assert come(keyed, Proof.KEY).security_profile == 1  # it fell back (A05.FR.08)
    charger = come(keyed, Proof.KEY, is_secure=True)
    assert (charger.security_profile, charger.target_profile, charger.proven_profile) == (2, None, 2)


def test_a_profile_that_the_charger_refuses_is_not_waited_for(keyed: Wire) -> None:
    security.raise_profile(keyed.session, keyed.charger, 3, by="olga", at=NOW)
    store(keyed.session)
    answered(keyed, sent(keyed), {"status": "Rejected"})
    assert fresh(keyed).target_profile is None


def test_a_profile_set_by_hand_in_the_configuration_is_followed(keyed: Wire) -> None:
    ask(keyed, Kind.RAW, action="ChangeConfiguration", payload={"key": "SecurityProfile", "value": "2"})
    answered(keyed, sent(keyed), {"status": "Accepted"})
    assert fresh(keyed).target_profile == 2


def test_a_profile_is_never_lowered_once_it_was_reached(keyed: Wire, session: Session) -> None:
    security.require_profile(session, keyed.charger, 2)
    security.require_profile(session, keyed.charger, 1)  # nothing has come with it yet
    security.require_profile(session, keyed.charger, 2)
    store(session)
    come(keyed, Proof.KEY, is_secure=True)
    with pytest.raises(Refused, match="never lowered"):
        security.require_profile(session, fresh(keyed), 1)
    with pytest.raises(Refused, match="only be raised"):
        security.raise_profile(session, fresh(keyed), 1, by=None, at=NOW)
