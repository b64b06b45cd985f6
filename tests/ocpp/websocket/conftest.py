"""One echo server for the folder, and chargers that hang up when their test is over."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pki
from tests.ocpp.websocket.peer import Charger, Connect

ROOT = Path(__file__).parents[3]
SERVER = Path(__file__).with_name("echo_server.py")


@pytest.fixture(scope="package")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The plain one, and that for TLS."""
    directory = tmp_path_factory.mktemp("tls")
    files = pki.server_files(directory)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HEAD_DEADLINE_S": "0.5"}
    environ |= {"TLS_PEM": files["TLS_CERT_ECDSA"], "TLS_ROOT": files["CA_FILE"]}
    process = subprocess.Popen([sys.executable, SERVER], stdout=subprocess.PIPE, env=environ, text=True)
    assert process.stdout is not None
    with process.stdout:
        plain, secure = process.stdout.readline().split()
        yield int(plain), int(secure)
    process.terminate()
    process.wait(30)


@pytest.fixture
def port(ports: tuple[int, int]) -> int:
    return ports[0]


@pytest.fixture(params=["plain", "tls"])
def connect(request: pytest.FixtureRequest, ports: tuple[int, int]) -> Iterator[Connect]:
    """Opens connections; every test is done without and with TLS."""
    secure = ports[1] if request.param == "tls" else None
    with contextlib.ExitStack() as stack:

        def open_one(path: str = "/echo", *, deflate: bool = False, after: bytes = b"") -> Charger:
            charger = Charger(ports[0], path, deflate=deflate, after=after, tls_port=secure)
            stack.callback(charger.sock.close)
            return charger

        yield open_one
