"""Starts one server, product or baseline, on a core of its own with a database of its own, and stops it."""

import http.client
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import machine

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 60.0
STOPS_WITHIN_S = 20.0
QUERIES = "X-Queries"  # in the head of an answer: how many queries it took
PASSWORD = "bench-bench-bench-1"  # noqa: S105  of a user who lives as long as one measurement


@dataclass(frozen=True)
class Side:
    """How to start a server. Commands may say {port}, {folder} and {password}; the first ones prepare."""

    name: str
    serve: str
    prepare: tuple[str, ...] = ()


BASELINE = Side("baseline", "python -m bench.baseline --port {port} --database {folder}/bench.sqlite")
COUNTRY = ("python -m bench.country {folder}",)
PAGES = (
    Side("baseline", "python -m bench.plain_page --port {port} --database {folder}/bench.sqlite", COUNTRY),
    Side("product", "python -m bench.counting", COUNTRY),
)


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    pid: int
    port: int
    folder: Path

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a plain GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def own_stalls(self) -> dict[str, float]:
        """The longest stall of its event loop in the last seconds, in ms, by the server's own word at /metrics."""
        status, text = self.get("/metrics")
        if status != 200:
            return {}
        found = re.search(r"^amberline_event_loop_longest_stall_seconds\{within=\"10s\"\} (\S+)$", text, re.M)
        return {"own_stall_ms": float(found[1]) * 1000} if found else {}


def environment_of(port: int, folder: Path) -> dict[str, str]:
    """The product's settings; all that is not named here keeps its default, as in production."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite",
        "INSTANCE_DIR": str(folder),
        "SECRET_KEY": "a-key-for-benchmarks-3f9d2c7b51e8064a",
        "REDIS_URL": "",
        "CSMS_LAB": "1",
        "UNKNOWN_CHARGERS": "accept",
    }


@contextmanager
def running(side: Side, port: int, parent: Path) -> Iterator[Server]:
    """A fresh server with a fresh database under `parent`, ready; stopped and deleted afterwards.

    Raises RuntimeError with the end of its log when it does not start.
    """
    _demand_free(port)
    with tempfile.TemporaryDirectory(prefix=f"bench-{side.name}-", dir=parent) as name:
        folder = Path(name)
        environment = environment_of(port, folder)

        def words(command: str) -> list[str]:
            return shlex.split(command.format(port=port, folder=folder, password=PASSWORD))

        with (folder / "server.log").open("wb") as log:
            for command in side.prepare:
                done = subprocess.run(words(command), cwd=ROOT, env=environment, stdout=log, stderr=log)
                if done.returncode:
                    raise RuntimeError(f"{command!r} failed:\n{_end_of(folder / 'server.log')}")
            process = subprocess.Popen(
                words(side.serve),
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=_onto_the_servers_core,
            )
            server = Server(side.name, process.pid, port, folder)
            try:
                _wait_until_ready(server, process)
                yield server
            finally:
                _stop(process)


def _demand_free(port: int) -> None:
    """Raise RuntimeError when somebody listens already: his server would be measured, not ours."""
    with socket.socket() as sock:
        if sock.connect_ex(("127.0.0.1", port)) == 0:
            raise RuntimeError(f"port {port} is taken; choose another one with --port")


def _onto_the_servers_core() -> None:
    os.sched_setaffinity(0, {machine.cores()[0]})


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if server.get("/healthz")[0] == 200:
                return
        except OSError:  # not listening yet
            pass
        time.sleep(0.1)
    raise RuntimeError(
        f"the {server.name} does not answer /healthz:\n{_end_of(server.folder / 'server.log')}"
    )


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
