"""A server of its own process on a free port, as a user runs it, for tests over real sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import requests

ROOT = Path(__file__).parents[1]
START_WITHIN_S = 180.0  # the machine may be busy with many tests
STOP_WITHIN_S = 60
SECRET_KEY = "made-up-for-tests-4f1d2a9c7e6b8035d0a1"


class Process(Protocol):
    """What a server's process must be able to: `subprocess.Popen` is one."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, number: int) -> None: ...
    def kill(self) -> None: ...


class LiveServer:
    """`python wsgi.py` with an environment of its own. Its database and its log outlive a crash."""

    def __init__(self, directory: Path, database_url: str, **settings: str) -> None:
        self.directory = directory
        self.database_url = database_url
        self.port = free_port()
        self.log = directory / "server.log"
        self.settings: Mapping[str, str] = settings
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "CSMS_LAB": "1",
            "CSMS_MIGRATE": "1",
            "INSTANCE_DIR": str(self.directory),
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": SECRET_KEY,
            "PUBLIC_BASE_URL": self.url,
            **self.settings,
        }

    def start(self, **more: str) -> None:
        """Start it, and return when it answers."""
        self.process = self.spawn(self.environment() | more)
        give_up_at = time.monotonic() + START_WITHIN_S
        while True:
            try:
                if requests.get(f"{self.url}/healthz", timeout=2).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                pass  # not there yet, or the machine is too busy to answer: we look again
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def spawn(self, environment: dict[str, str]) -> Process:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "wsgi.py"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_WITHIN_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_WITHIN_S)

    def faults(self) -> list[str]:
        """Lines of its log that should not be there."""
        return [
            line
            for line in self.log.read_text().splitlines()
            if "Traceback" in line or " error " in line or "_failed" in line
        ]


@contextmanager
def running(server: LiveServer) -> Iterator[LiveServer]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
