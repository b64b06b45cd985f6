"""RemoteStartTransaction through the API, there and back, against chargers that answer at once.

Each request waits for its charger's word (`Prefer: wait=15, until=answer`). Every charger is asked once per round,
so that no command meets another one of its charger.

    python -m bench.remote_start --port 8250 --chargers 200     # a server in lab mode that runs already
"""

import argparse
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import percentile
from bench.server import PASSWORD, ROOT

CREDENTIALS = json.dumps({"username": "bench", "password": PASSWORD})
COMMANDS = "/api/v1/chargers/{id}/commands"


class Api:
    """One kept connection of one API client. Raises RuntimeError on any answer but 2xx."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {"Content-Type": "application/json"}

    def post(self, path: str, body: str, **headers: str) -> str:
        self.connection.request("POST", path, body, self.headers | headers)
        answer = self.connection.getresponse()
        text = answer.read().decode(errors="replace")
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"POST {path} answered {answer.status}: {text[:500]}")
        return text

    def log_in(self, credentials: str) -> None:
        token = json.loads(self.post("/api/v1/token", credentials))["access"]
        self.headers["Authorization"] = f"Bearer {token}"


def round_trips(api: Api, path: str, identities: list[str], warm_up: int = 10) -> dict[str, float]:
    """Ask one charger after the other; the first are not counted. Raises RuntimeError unless accepted."""
    order = json.dumps(
        {"action": "RemoteStartTransaction", "payload": {"idTag": "BENCH0000001", "connectorId": 1}}
    )
    trips_s: list[float] = []
    for identity in identities:
        began_at = time.perf_counter()
        text = api.post(path.format(id=identity), order, Prefer="wait=15, until=answer")
        trips_s.append(time.perf_counter() - began_at)
        if '"accepted"' not in text.lower():
            raise RuntimeError(f"{identity} was not started: {text[:500]}")
    ordered = sorted(trips_s[warm_up:])
    return {
        "requests": len(ordered),
        "p50_ms": percentile(ordered, 0.50) * 1000,
        "p99_ms": percentile(ordered, 0.99) * 1000,
        "max_ms": ordered[-1] * 1000,
    }


@contextmanager
def held_chargers(port: int, count: int, prefix: str) -> Iterator[list[str]]:
    """`count` booted, instant chargers in a process of their own; yields their identities.

    Raises RuntimeError when they cannot all be connected.
    """
    command = [sys.executable, "-m", "bench.load", "--mode", "hold", "--port", str(port)]
    command += ["--chargers", str(count), "--prefix", prefix]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101  pipes were asked for
        assert process.stdout is not None  # noqa: S101
        if not process.stdout.readline():
            raise RuntimeError(f"{count} chargers could not be connected")
        try:
            yield [f"{prefix}{number:05d}" for number in range(count)]
        finally:
            process.stdin.close()
    if process.returncode:
        raise RuntimeError("the held chargers were lost")


def measure(
    port: int, chargers: int, credentials: str = CREDENTIALS, path: str = COMMANDS
) -> dict[str, float]:
    """Connect the chargers, log in, and ask each of them once."""
    with held_chargers(port, chargers, "REMOTE") as identities:
        api = Api(port)
        api.log_in(credentials)
        return round_trips(api, path, identities)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chargers", type=int, default=200)
    parser.add_argument("--credentials", default=CREDENTIALS, help="the JSON body of POST /api/v1/token")
    parser.add_argument("--path", default=COMMANDS, help="where commands are posted; {id} is the charger's")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.port, arguments.chargers, arguments.credentials, arguments.path)))


if __name__ == "__main__":
    main()
