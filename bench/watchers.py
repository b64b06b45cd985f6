"""Browsers that watch: each holds the dashboard's stream of news open, and is told what has changed.

python -m bench.watchers --port 8250 --browsers 1000     # until its input is closed; then it prints its figures
"""

import argparse
import json
import os
import re
import resource
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bench import machine
from bench.pages import Visitor
from bench.server import ROOT

USER = "bench"
TOPICS = "fleet,transactions,meters,attempts"
EVENT = re.compile(rb"event: (\w+)")
READY = "ready"


@contextmanager
def watching(port: int, browsers: int) -> Iterator[dict[str, float]]:
    """So many streams are open within it; behind it, what was heard is in the figures it has given."""
    heard: dict[str, float] = {}
    command = [sys.executable, "-m", "bench.watchers", "--port", str(port), "--browsers", str(browsers)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101  pipes were asked for
        assert process.stdin is not None  # noqa: S101
        if process.stdout.readline().strip() != READY:
            raise RuntimeError("the watching browsers failed; their reason is above")
        try:
            yield heard
        finally:
            process.stdin.close()
            heard |= json.loads(process.stdout.readline() or "{}")


class Watchers:
    """The streams, and how often each of them was told of each topic."""

    def __init__(self, port: int, browsers: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.heard: Counter[tuple[int, bytes]] = Counter()
        self.lost = 0
        visitor = Visitor(port)
        visitor.log_in(USER)
        question = (
            f"GET /live?topics={TOPICS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n"
            f"Cookie: {visitor.cookies}\r\n\r\n"
        ).encode()
        for number in range(browsers):
            stream = socket.create_connection(("127.0.0.1", port))
            stream.sendall(question)
            if not stream.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("a stream was refused")
            stream.setblocking(False)
            self._selector.register(stream, selectors.EVENT_READ, number)

    def listen(self, seconds: float) -> None:
        """Read what has come, for so long at most."""
        for key, _ in self._selector.select(seconds):
            told = key.fileobj.recv(65536)  # type: ignore[union-attr]
            if not told:
                self._selector.unregister(key.fileobj)
                self.lost += 1
            self.heard.update((key.data, topic) for topic in EVENT.findall(told) if topic != b"tick")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--browsers", type=int, default=1000)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {machine.cores()[1]})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    watchers = Watchers(arguments.port, arguments.browsers)
    print(READY, flush=True)
    closing = selectors.DefaultSelector()
    closing.register(sys.stdin, selectors.EVENT_READ)
    began_at = time.monotonic()
    while not closing.select(0):
        watchers.listen(0.2)
    seconds = time.monotonic() - began_at
    most = max(watchers.heard.values(), default=0)
    figures = {
        "events_per_s": watchers.heard.total() / seconds,
        "events_of_a_region_per_s": most / seconds,
        "lost": watchers.lost,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
