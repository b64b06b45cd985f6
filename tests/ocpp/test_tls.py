"""Chargers over TLS, with real handshakes: which connection is enough for whom, and what is said to the others."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from make import make_charger
from sqlalchemy import select
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from csms import clock
from csms.domain import security
from csms.domain.chargers import Attempt, RefusalCause, keys
from csms.domain.security import SigningRequest, SigningState
from tests import pki
from tests.desk import Desk, wait_for
from tests.flows.peer import PATIENCE_S, Peer, basic, knock
from tests.live import SECRET_KEY, free_port
from tests.nursery import ForkedServer, Nursery
from tests.turns import in_turns

PEPPER = hashlib.sha256(b"charger keys" + SECRET_KEY.encode()).digest()
KEY = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"
SETTINGS = {
    "CSMS_LAB": "0",
    "UNKNOWN_CHARGERS": "refuse",
    "PROXY_ADDRESSES": "127.0.9.9",
    "TRUSTED_PROXIES": "1",
}


@pytest.fixture(scope="module")
def house(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("tls")
    shutil.copy(sqlite_template, directory / "amberline.db")
    settings = pki.server_files(directory) | SETTINGS | {"TLS_PORT": str(free_port())}
    server = ForkedServer(nursery, directory, f"sqlite:///{directory / 'amberline.db'}", **settings)
    server.start()
    desk = Desk(server)
    yield desk
    desk.close()
    server.stop()
    assert server.faults() == []


def add(desk: Desk, identity: str, profile: int, key: str | None = KEY, **more: Any) -> str:
    with desk.writing() as session:
        charger = make_charger(session, identity, security_profile=profile, **more)
        charger.key_hash = keys.hash_key(key, PEPPER) if key else None
    return identity


def dial(
    desk: Desk, identity: str, context: ssl.SSLContext | None = None, key: str | None = KEY, **headers: str
) -> Peer:
    """Connect over TLS. Raises InvalidStatus when the server refuses, and what TLS raises."""
    if key:
        headers["Authorization"] = basic(identity, key)
    return Peer(
        connect(
            f"wss://localhost:{desk.server.settings['TLS_PORT']}/ws/ocpp/{identity}",
            ssl=in_turns(context or pki.client_context()),
            subprotocols=[Subprotocol("ocpp1.6")],
            additional_headers=headers,
            open_timeout=PATIENCE_S,
            close_timeout=1,
            ping_interval=None,
            compression=None,
            max_size=None,
            legacy=True,
        )
    )


def refused(desk: Desk, identity: str, context: ssl.SSLContext | None = None, key: str | None = KEY) -> int:
    """The status with which a charger is sent away."""
    with pytest.raises(InvalidStatus) as refusal:
        dial(desk, identity, context, key)
    return refusal.value.response.status_code


def attempt_of(desk: Desk, cause: RefusalCause, identity: str) -> Attempt:
    with desk.reading() as session:
        query = select(Attempt).where(Attempt.cause == cause, Attempt.identity == identity)
        return session.scalars(query).one()


def failed_handshake(desk: Desk, words: str = "") -> str:
    """What is told of a handshake that failed, with these words in it; it is forgotten then, and so are those before.

    Nobody waits for it to be stored.
    """

    def look() -> str | None:
        with desk.writing() as session:
            attempt = session.scalars(
                select(Attempt).where(Attempt.cause == RefusalCause.TLS_FAILED)
            ).one_or_none()
            if attempt is not None:
                session.delete(attempt)
            return attempt.detail if attempt else None

    return wait_for(look, lambda seen: seen is not None and words in seen) or ""


# The connection itself.


def test_a_charger_with_its_key_over_tls_is_at_profile_2(house: Desk) -> None:
    peer = dial(house, add(house, "tls-1", 2))
    assert peer.boot()["status"] == "Accepted"
    charger = house.charger("tls-1")
    assert (charger.proven_profile, charger.lease.offered_profile, charger.lease.is_secure) == (2, 2, True)
    assert charger.lease.transport.startswith("TLSv1.3, ")
    peer.close()


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
    ],
)
def test_each_suite_that_the_whitepaper_asks_for_is_spoken(house: Desk, suite: str) -> None:
    identity = add(house, f"suite-{suite}", 2)
    peer = dial(house, identity, pki.client_context(ciphers=suite, version=ssl.TLSVersion.TLSv1_2))
    assert peer.tell("Heartbeat", {})["currentTime"]
    assert house.charger(identity).lease.transport == f"TLSv1.2, {suite}"
    peer.close()


def test_tls_1_1_is_refused_and_told(house: Desk) -> None:
    context = pki.client_context(ciphers="ALL:@SECLEVEL=0", version=ssl.TLSVersion.TLSv1_1)
    with pytest.raises((OSError, WebSocketException)):
        dial(house, add(house, "tls-old", 2), context)
    assert "no TLS newer than 1.1" in failed_handshake(
        house
    )  # listed, and it alarms nobody: it may be anybody


def test_what_is_large_goes_through_in_both_directions(house: Desk) -> None:
    identity = add(house, "tls-large", 2)
    peer = dial(house, identity)
    sample = {"value": "1000", "context": "Sample.Periodic", "unit": "Wh"}
    values = [{"timestamp": "2026-03-14T09:26:53Z", "sampledValue": [sample] * 40}] * 200
    assert peer.tell("MeterValues", {"connectorId": 1, "meterValue": values}) == {}
    peer.send('[2,"' + "x" * 36 + '","DataTransfer",{"vendorId":"v","data":"' + "y" * 200_000 + '"}]')
    assert peer.reply("x" * 36)[0] == 3
    pong = peer.ws.ping()
    assert pong.wait(PATIENCE_S)
    order = house.order("DataTransfer", {"vendorId": "v", "data": "z" * 100_000}, identity)
    asked = peer.order()
    assert len(asked.payload["data"]) == 100_000
    peer.answer(asked, {"status": "UnknownVendorId"})
    house.command_when(order, lambda seen: seen["state"] == "rejected")
    peer.close()
    wait_for(lambda: house.is_online(identity), lambda seen: not seen)


def test_pieces_and_bursts_of_messages_are_read_one_after_the_other(house: Desk) -> None:
    peer = dial(house, add(house, "tls-burst", 2))
    for number in range(60):
        peer.send(f'[2,"b{number}","Heartbeat",{{}}]')
    for number in range(60):
        assert peer.reply(f"b{number}")[0] == 3
    peer.close()


def test_a_peer_that_vanishes_is_noticed(house: Desk) -> None:
    peer = dial(house, add(house, "tls-gone", 2))
    peer.boot()
    peer.hang_up()
    wait_for(lambda: house.is_online("tls-gone"), lambda seen: not seen)


def test_what_breaks_the_protocol_is_closed_with_its_code(house: Desk) -> None:
    peer = dial(house, add(house, "tls-binary", 2))
    peer.ws.send(b"\x00\x01")
    assert peer.close_code() == 1003


def test_pages_are_served_over_tls_too(house: Desk) -> None:
    root = house.server.directory / "root.pem"
    root.write_text(pki.authority_of("Web Trust").pem)
    answer = requests.get(
        f"https://localhost:{house.server.settings['TLS_PORT']}/healthz", verify=str(root), timeout=10
    )
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"]


# Less than a charger's profile is not let in.


def test_without_tls_a_charger_of_profile_2_is_sent_away_with_the_remedy(house: Desk) -> None:
    identity = add(house, "below-1", 2)
    shake = knock(house.server, f"/ws/ocpp/{identity}", authorization=basic(identity, KEY))
    assert shake.status == 403
    attempt = attempt_of(house, RefusalCause.BELOW_PROFILE, identity)
    assert "without TLS" in attempt.detail
    assert "wss://" in attempt.remedy
    assert house.charger(identity).last_path is None


def test_whoever_says_that_a_proxy_ended_tls_and_is_none_is_not_believed(house: Desk) -> None:
    identity = add(house, "below-2", 2)
    lies = {"X-Forwarded-Proto": "https"}
    assert (
        knock(house.server, f"/ws/ocpp/{identity}", authorization=basic(identity, KEY), headers=lies).status
        == 403
    )
    told = knock(
        house.server,
        f"/ws/ocpp/{identity}",
        authorization=basic(identity, KEY),
        headers=lies | {"X-Forwarded-For": "203.0.113.9"},
        source="127.0.9.9",
    )
    assert told.status == 101
    told.sock.close()
    wait_for(lambda: house.charger(identity).lease.address, lambda seen: seen == "203.0.113.9")


def test_over_tls_a_wrong_key_is_a_wrong_key(house: Desk) -> None:
    assert refused(house, add(house, "below-3", 2), key="f" * 40) == 401
    assert refused(house, "below-3", key=None) == 401


def test_after_the_first_connection_over_tls_there_is_no_way_back(house: Desk) -> None:
    identity = add(house, "rising-1", 1)
    plain = f"/ws/ocpp/{identity}"
    authorization = basic(identity, KEY)
    with house.writing() as session:
        session.get_one(type(house.charger(identity)), house.charger(identity).id).target_profile = 2
    shake = knock(house.server, plain, authorization=authorization)  # it may still come as before (A05.FR.08)
    assert shake.status == 101
    shake.sock.close()
    wait_for(lambda: house.is_online(identity), lambda seen: not seen)
    dial(house, identity).close()
    charger = house.charger(identity)
    assert (charger.security_profile, charger.target_profile, charger.proven_profile) == (2, None, 2)
    assert knock(house.server, plain, authorization=authorization).status == 403


# Certificates.


def test_a_charger_with_its_certificate_needs_no_key(house: Desk, tmp_path: Path) -> None:
    identity = add(house, "mutual-1", 3, key=None, serial_number="SN-0001")
    for name in ("SN-0001", identity):
        peer = dial(house, identity, pki.client_context(pki.charger_pem(tmp_path, name)), key=None)
        assert peer.boot()["status"] == "Accepted"
        peer.close()
        wait_for(lambda: house.is_online(identity), lambda seen: not seen)
    charger = house.charger(identity)
    assert (charger.proven_profile, charger.lease.offered_profile) == (3, 3)
    assert len(charger.lease.fingerprint) == 64


def test_a_revoked_certificate_lets_nobody_in_and_who_came_with_it_is_heard_no_more(
    house: Desk, tmp_path: Path
) -> None:
    identity = add(house, "revoked-1", 3, key=None, serial_number="SN-0077")
    context = pki.client_context(pki.charger_pem(tmp_path, "SN-0077"))
    peer = dial(house, identity, context, key=None)
    assert peer.boot()["status"] == "Accepted"
    charger = house.charger(identity)
    with house.writing() as session:
        made = SigningRequest(
            **{"charger_id": charger.id, "digest": 77, "csr": "", "state": SigningState.INSTALLED},
            **{"certificate": "PEM", "fingerprint": charger.lease.fingerprint, "requested_at": clock.now()},
        )
        session.add(made)
        session.flush()
        security.revoke_certificate(session, made.id, at=clock.now())
    assert not house.is_online(identity)
    with pytest.raises((WebSocketException, TimeoutError)):
        peer.tell("Heartbeat", {})  # another process has revoked it, of which the server hears nothing
    assert refused(house, identity, context, key=None) == 403
    assert "It was revoked." in attempt_of(house, RefusalCause.WRONG_CERTIFICATE, identity).detail


def test_a_charger_that_rises_with_its_certificate_and_its_key_has_risen(house: Desk, tmp_path: Path) -> None:
    identity = add(house, "rising-2", 2, serial_number="SN-0009")
    with house.writing() as session:
        session.get_one(type(house.charger(identity)), house.charger(identity).id).target_profile = 3
    foreign = pki.client_context(pki.charger_pem(tmp_path, "SN-0008"))
    dial(house, identity, foreign).close()  # it is let in by its key, as before
    assert house.charger(identity).security_profile == 2
    wait_for(lambda: house.is_online(identity), lambda seen: not seen)
    dial(house, identity, pki.client_context(pki.charger_pem(tmp_path, "SN-0009"))).close()
    charger = house.charger(identity)
    assert (charger.security_profile, charger.target_profile, charger.proven_profile) == (3, None, 3)
    assert refused(house, identity) == 403


def test_a_charger_of_profile_3_without_a_certificate_is_sent_away_whatever_key_it_has(house: Desk) -> None:
    assert refused(house, add(house, "mutual-2", 3)) == 403
    assert "PROXY_ADDRESSES" in attempt_of(house, RefusalCause.NO_CERTIFICATE, "mutual-2").remedy


@pytest.mark.parametrize(
    ("number", "common_name", "organisation", "problem"),
    [
        (3, "SN-0002", "Amberline", "not the charger's serial number"),
        (4, "mutual-4", "Emberline", "Its organisation is “Emberline”"),
    ],
)
def test_a_certificate_of_somebody_else_is_not_enough(
    house: Desk, tmp_path: Path, number: int, common_name: str, organisation: str, problem: str
) -> None:
    identity = add(house, f"mutual-{number}", 3)
    pem = pki.charger_pem(tmp_path, common_name, organisation)
    assert refused(house, identity, pki.client_context(pem)) == 403
    assert problem in attempt_of(house, RefusalCause.WRONG_CERTIFICATE, identity).detail


@pytest.mark.parametrize("flaw", ["expired", "foreign"])
def test_a_certificate_without_a_valid_path_ends_the_handshake(
    house: Desk, tmp_path: Path, flaw: str
) -> None:
    identity = add(house, f"mutual-{flaw}", 3)
    long_ago = clock.now() - timedelta(days=600)
    pem = (
        pki.charger_pem(tmp_path, identity, at=long_ago)
        if flaw == "expired"
        else pki.charger_pem(tmp_path, identity, by=pki.authority_of("Somebody"))
    )
    with pytest.raises((OSError, WebSocketException)):
        dial(house, identity, pki.client_context(pem), key=None)
    assert failed_handshake(house, {"expired": "expired", "foreign": "issuer"}[flaw])


def test_a_trusted_proxy_hands_the_certificate_on(house: Desk, tmp_path: Path) -> None:
    identity = add(house, "proxied-1", 3)
    path = f"/ws/ocpp/{identity}"
    headers = {
        "X-Forwarded-Proto": "https",
        "X-SSL-Client-Cert": pki.escaped(pki.charger_pem(tmp_path, identity)),
    }
    assert (
        knock(house.server, path, headers=headers).status == 403
    )  # from anybody else: as if it were not there
    shake = knock(house.server, path, headers=headers, source="127.0.9.9")
    assert shake.status == 101, shake.text
    shake.sock.close()


def test_a_proxy_that_verifies_nothing_lets_no_foreign_certificate_in(house: Desk, tmp_path: Path) -> None:
    identity = add(house, "proxied-2", 3)
    foreign = pki.charger_pem(tmp_path, identity, by=pki.authority_of("Somebody"))
    headers = {"X-Forwarded-Proto": "https", "X-SSL-Client-Cert": pki.escaped(foreign)}
    shake = knock(house.server, f"/ws/ocpp/{identity}", headers=headers, source="127.0.9.9")
    assert shake.status == 403


def test_who_speaks_tls_to_the_plain_port_is_told_of_at_once_and_by_the_right_cure(house: Desk) -> None:
    begun_at = time.monotonic()
    for _ in range(3):  # whatever bytes a handshake is made of
        with (
            socket.create_connection(("localhost", house.server.port), timeout=PATIENCE_S) as plain,
            pytest.raises(OSError, match=r"EOF|reset|violation"),
        ):
            pki.client_context().wrap_socket(plain, server_hostname="localhost")
    assert time.monotonic() - begun_at < 8
    assert "came to the port without it" in failed_handshake(house)
