"""Servers that start fast: they are forked from a process that has imported the program already (forking.py)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.live import ROOT, LiveServer


class Nursery:
    """The forking process, from the tests' side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it; what it has forked and nobody has stopped is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)  # the machine may be busy
        self._process.stdout.close()


class Child:
    """A forked server, as far as `LiveServer` needs `subprocess.Popen`."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.ask(look=self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        give_up_at = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > give_up_at:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedServer(LiveServer):
    """A `LiveServer` that was not started as a program but forked from one that was about to be it."""

    def __init__(self, nursery: Nursery, directory: Path, database_url: str, **settings: str) -> None:
        super().__init__(directory, database_url, **settings)
        self.nursery = nursery
        self.module = "wsgi"
        self.arguments: tuple[str, ...] = ()

    def spawn(self, environment: dict[str, str]) -> Child:
        pid = self.nursery.ask(
            environment=environment, log=str(self.log), module=self.module, arguments=self.arguments
        )
        return Child(self.nursery, pid)

    def flask(self, *arguments: str) -> str:
        """What a `flask` command prints. Raises AssertionError when it fails."""
        log = self.directory / f"flask-{arguments[0]}.log"
        log.unlink(missing_ok=True)
        pid = self.nursery.ask(
            environment=self.environment(),
            log=str(log),
            module="flask",
            arguments=("--app", "wsgi", *arguments),
        )
        assert Child(self.nursery, pid).wait(300) == 0, log.read_text()
        return log.read_text()
