"""A charger's way to a certificate of its own, over real sockets; and a key whose change is cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests import pki
from tests.desk import Desk, wait_for
from tests.flows.peer import PATIENCE_S, Peer, basic, dial, knock
from tests.live import LiveServer, free_port
from tests.turns import in_turns

PATH = "/ws/ocpp/CP-1"


@pytest.fixture
def live_settings(tmp_path: Path) -> dict[str, str]:
    return pki.server_files(tmp_path) | {"TLS_PORT": str(free_port())}


@pytest.fixture
def peer(live: LiveServer, desk: Desk) -> Iterator[Peer]:
    """The charger, booted; in the lab it is let in without anything."""
    peer = dial(live, PATH)
    peer.tell(
        "BootNotification",
        {"chargePointVendor": "Test", "chargePointModel": "Peer", "chargePointSerialNumber": "SN-1"},
    )
    yield peer
    peer.close()


def order(peer: Peer, action: str) -> str:
    """The next order of this kind is accepted; others are not known. Its payload, as text."""
    while True:
        asked = peer.order()
        if asked.action == action:
            peer.answer(asked, {"status": "Accepted"})
            return json.dumps(asked.payload)
        peer.send(json.dumps([4, asked.id, "NotSupported", "", {}]))


def test_a_charger_gets_a_certificate_and_from_then_on_nothing_less_is_let_in(
    live: LiveServer, desk: Desk, peer: Peer, tmp_path: Path
) -> None:
    desk.call("POST", "/chargers/CP-1/certificates/renew", 202)
    order(peer, "ExtendedTriggerMessage")
    key = pki.ec_key()
    csr = {"csr": pki.csr("SN-1", key=key)}
    assert peer.tell("SignCertificate", csr) == {"status": "Accepted"}
    chain = json.loads(order(peer, "CertificateSigned"))["certificateChain"]
    pem = tmp_path / "charger.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    pem.write_text(chain + private)
    wait_for(
        lambda: desk.call("GET", "/chargers/CP-1/security")["certificates"][0]["state"],
        lambda seen: seen == "installed",
    )
    desk.call("POST", "/chargers/CP-1/security/raise", 202, json={"security_profile": 3})
    assert '"SecurityProfile"' in order(peer, "ChangeConfiguration")
    peer.close()
    wait_for(desk.is_online, lambda seen: not seen)
    again = Peer(
        connect(
            f"wss://localhost:{live.settings['TLS_PORT']}{PATH}",
            ssl=in_turns(pki.client_context(pem)),
            subprotocols=[Subprotocol("ocpp1.6")],
            open_timeout=PATIENCE_S,
            legacy=True,
        )
    )
    assert again.boot()["status"] == "Accepted"
    told = desk.call("GET", "/chargers/CP-1/security")
    assert (told["security_profile"], told["proven_profile"], told["offered_profile"]) == (3, 3, 3)
    assert told["certificates"][0]["used_at"]
    assert knock(live, PATH).status == 403
    again.close()


def test_a_key_whose_change_was_cut_off_is_settled_by_the_next_connection(
    live: LiveServer, desk: Desk, peer: Peer
) -> None:
    old = str(desk.call("POST", "/chargers/CP-1/key", 201)["key"])
    new = str(desk.call("POST", "/chargers/CP-1/key/rotate", 202)["key"])
    while (asked := peer.order()).action != "ChangeConfiguration":
        peer.send(json.dumps([4, asked.id, "NotSupported", "", {}]))
    assert asked.payload == {"key": "AuthorizationKey", "value": new}
    peer.hang_up()
    wait_for(desk.is_online, lambda seen: not seen)
    assert desk.call("GET", "/chargers/CP-1/security")["key_is_changing"] is True
    dial(live, PATH, authorization=basic("CP-1", new)).close()
    told = wait_for(
        lambda: desk.call("GET", "/chargers/CP-1/security"), lambda seen: not seen["key_is_changing"]
    )
    assert told["proven_profile"] == 1
    assert knock(live, PATH, authorization=basic("CP-1", old)).status == 401
    assert new not in live.log.read_text()
