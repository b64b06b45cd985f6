"""A finger on the pulse: one light request every 5 ms, from outside. Prints one line of JSON.

While the event loop stands still nobody is answered, so the longest answer bounds the longest stall from
above. `own_late_max_ms` is how late the probe itself got its core: what a longest answer may owe to the
machine and not to the server.

    python -m bench.probe --port 8250 --seconds 10
"""

import argparse
import http.client
import json
import os
import time

from bench import machine
from bench.load import percentile

PERIOD_S = 0.005


def probe(port: int, path: str, seconds: float) -> dict[str, float]:
    """Ask for so long on one connection (a server that closes it is asked on a new one)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    delays_s: list[float] = []
    own_late_s = 0.0
    due_at = time.perf_counter()
    until = due_at + seconds
    while due_at < until:
        time.sleep(max(0.0, due_at - time.perf_counter()))
        began_at = time.perf_counter()
        own_late_s = max(own_late_s, began_at - due_at)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        ended_at = time.perf_counter()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        delays_s.append(ended_at - began_at)
        due_at = max(due_at + PERIOD_S, ended_at)
    delays_s.sort()
    return {
        "requests": len(delays_s),
        "p50_ms": percentile(delays_s, 0.50) * 1000,
        "p99_ms": percentile(delays_s, 0.99) * 1000,
        "max_ms": delays_s[-1] * 1000,
        "own_late_max_ms": own_late_s * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/healthz")
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {machine.cores()[1]})
    print(json.dumps(probe(arguments.port, arguments.path, arguments.seconds)))


if __name__ == "__main__":
    main()
