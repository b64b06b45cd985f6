"""One echo server for the folder, and chargers that hang up when their test is over."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ocpp.websocket.peer import Charger, Connect

ROOT = Path(__file__).parents[3]
SERVER = Path(__file__).with_name("echo_server.py")


@pytest.fixture(scope="package")
def port() -> Iterator[int]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HEAD_DEADLINE_S": "0.5"}
    process = subprocess.Popen([sys.executable, SERVER], stdout=subprocess.PIPE, env=environ, text=True)
    assert process.stdout is not None
    with process.stdout:
        yield int(process.stdout.readline())
    process.terminate()
    process.wait(5)


@pytest.fixture
def connect(port: int) -> Iterator[Connect]:
    with contextlib.ExitStack() as stack:

        def open_one(path: str = "/echo", *, deflate: bool = False, after: bytes = b"") -> Charger:
            charger = Charger(port, path, deflate=deflate, after=after)
            stack.callback(charger.sock.close)
            return charger

        yield open_one
