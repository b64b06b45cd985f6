"""Chargers and people behind the proxies that the document describes, with its snippets as they stand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from make import make_charger
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from csms.domain.chargers import keys
from tests import pki
from tests.desk import Desk, wait_for
from tests.flows.peer import PATIENCE_S, Peer, basic, knock
from tests.live import SECRET_KEY
from tests.nursery import ForkedServer, Nursery
from tests.proxies.proxy import Proxy, binary
from tests.turns import in_turns

PEPPER = hashlib.sha256(b"charger keys" + SECRET_KEY.encode()).digest()
KEY = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"
IDLE_S = float(os.environ.get("PROXY_IDLE_S", "0"))
SETTINGS = {
    "CSMS_LAB": "0",
    "UNKNOWN_CHARGERS": "refuse",
    "PUBLIC_BASE_URL": "https://charging.example.org",
    "PROXY_ADDRESSES": "127.0.0.1",
    "TRUSTED_PROXIES": "1",
}


@dataclass
class Site:
    """A server, an operator at it, and a proxy before it."""

    desk: Desk
    proxy: Proxy
    directory: Path

    def add(self, identity: str, profile: int, key: str | None = KEY) -> str:
        identity = f"{self.proxy.name}-{identity}"
        with self.desk.writing() as session:
            charger = make_charger(session, identity, security_profile=profile)
            charger.key_hash = keys.hash_key(key, PEPPER) if key else None
        return identity

    def dial(
        self,
        identity: str,
        certificate: Path | None = None,
        key: str | None = KEY,
        source: str = "127.0.0.7",
        **headers: str,
    ) -> Peer:
        """Connect through the proxy, from an address of its own. Raises InvalidStatus."""
        context = in_turns(pki.client_context(certificate))
        if key is not None:
            headers["Authorization"] = basic(identity, key)
        sock = socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE_S, (source, 0))
        sock.settimeout(None)
        return Peer(
            connect(
                f"wss://localhost:{self.proxy.port}/ws/ocpp/{identity.replace('-', '%2D')}",
                sock=sock,
                ssl=context,
                subprotocols=[Subprotocol("ocpp1.6")],
                additional_headers=headers,
                open_timeout=PATIENCE_S,
                close_timeout=1,
                ping_interval=None,
                legacy=True,
            )
        )

    def refused(self, identity: str, **how: Any) -> int:
        with pytest.raises(InvalidStatus) as refusal:
            self.dial(identity, **how)
        return int(refusal.value.response.status_code)

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        root = self.directory / "root.pem"
        root.write_text(pki.authority_of("Web Trust").pem)
        url = f"https://localhost:{self.proxy.port}{path}"
        return requests.request(
            method, url, verify=str(root), timeout=PATIENCE_S, allow_redirects=False, **more
        )


@pytest.fixture(scope="module")
def desk(nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("proxied")
    shutil.copy(sqlite_template, directory / "amberline.db")
    files = {"CA_FILE": pki.server_files(directory)["CA_FILE"]}
    server = ForkedServer(nursery, directory, f"sqlite:///{directory / 'amberline.db'}", **SETTINGS | files)
    server.start()
    desk = Desk(server)
    yield desk
    desk.close()
    server.stop()
    assert server.faults() == []


@pytest.fixture(scope="module", params=["nginx", "nginx mutual", "caddy", "caddy mutual"])
def site(
    request: pytest.FixtureRequest, desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    name, _, kind = request.param.partition(" ")
    if binary(name) is None:
        pytest.skip(f"{name} is not installed: apt install {name}")
    directory = tmp_path_factory.mktemp(name)
    certificate = pki.server_files(directory)["TLS_CERT"]
    proxy = Proxy(name, directory, desk.server.port, certificate, is_mutual=bool(kind))
    try:
        proxy.start()
        yield Site(desk, proxy, directory)
    finally:
        proxy.stop()


@pytest.fixture
def mutual(site: Site) -> Site:
    if not site.proxy.is_mutual:
        pytest.skip("without client certificates")
    return site


def test_a_charger_with_its_key_comes_through_as_itself(site: Site) -> None:
    identity = site.add(f"basic-{site.proxy.port}", 2)
    peer = site.dial(identity)
    assert peer.boot()["status"] == "Accepted"
    lease = site.desk.charger(identity).lease
    assert (lease.address, lease.offered_profile, lease.is_secure) == ("127.0.0.7", 2, True)
    command = site.desk.order("ClearCache", {}, identity)
    peer.answer(peer.order(), {"status": "Accepted"})
    site.desk.command_when(command, lambda x: x["state"] == "accepted")
    assert site.refused(identity, key="f" * 40) in (401, 409)
    peer.close()
    wait_for(lambda: site.desk.is_online(identity), lambda online: not online)


def test_pages_and_large_files_come_through(site: Site) -> None:
    login = site.request("GET", "/login", headers={"Accept": "text/html"})
    assert login.status_code == 200
    assert login.headers["Strict-Transport-Security"]
    assert "Secure" in login.headers["Set-Cookie"]
    assert site.request("PUT", "/transfers/" + "x" * 22, data=b"x" * 3_000_000).status_code == 404


def test_a_charger_with_its_certificate_needs_no_key(mutual: Site, tmp_path: Path) -> None:
    identity = mutual.add("certificate", 3, key=None)
    peer = mutual.dial(identity, pki.charger_pem(tmp_path, identity), key=None)
    assert peer.boot()["status"] == "Accepted"
    lease = mutual.desk.charger(identity).lease
    assert (lease.offered_profile, len(lease.fingerprint)) == (3, 64)
    peer.close()
    wait_for(lambda: mutual.desk.is_online(identity), lambda online: not online)


def test_other_certificates_are_refused(mutual: Site, tmp_path: Path) -> None:
    identity = mutual.add("refused", 3)
    assert mutual.refused(identity) == 403
    foreign = pki.charger_pem(tmp_path, identity, by=pki.authority_of("Somebody Else"))
    assert mutual.refused(identity, certificate=foreign) == 403
    assert mutual.refused(identity, certificate=pki.charger_pem(tmp_path, "ANOTHER")) == 403


def test_a_certificate_that_is_only_claimed_is_stripped(site: Site, tmp_path: Path) -> None:
    """In front of the proxy, and past it."""
    identity = site.add(f"claimed-{site.proxy.port}", 3)
    claim = {"X-SSL-Client-Cert": pki.escaped(pki.charger_pem(tmp_path, identity))}
    if site.proxy.is_mutual:
        assert site.refused(identity, **claim) == 403
    shake = knock(
        site.desk.server,
        f"/ws/ocpp/{identity}",
        authorization=basic(identity, KEY),
        headers=claim | {"X-Forwarded-Proto": "https"},
        source="127.0.0.9",
    )
    assert shake.status == 403


@pytest.mark.skipif(not IDLE_S, reason="PROXY_IDLE_S says for how long; `make nightly` takes an hour")
def test_a_charger_that_has_nothing_to_say_stays_connected(site: Site) -> None:
    identity = site.add(f"idle-{site.proxy.port}", 2)
    peer = site.dial(identity)
    peer.boot()
    until = time.monotonic() + IDLE_S
    while (left_s := until - time.monotonic()) > 0:  # pings are answered meanwhile
        with contextlib.suppress(TimeoutError):
            order = peer.order(left_s)
            peer.send(json.dumps([4, order.id, "NotSupported", "", {}]))
    assert peer.tell("Heartbeat", {})
    peer.close()
